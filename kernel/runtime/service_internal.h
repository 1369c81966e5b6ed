/** service_internal.h: what the files of a service share. Not for contexts.
 *
 *  Each is one concern, and none is called by what it calls: service_directory.c (where its files are, whose they are),
 * service_shutdown.c (how it ends), service_history.c (whether its data is the one that others know), service_store.c
 * (whether the store is to be trusted), service_feeds.c or service_topic.c (how it hears and is heard: service_bus.h),
 * service_routes.c (what it says of itself over HTTP), service_fault.c (how it
 * misbehaves when it is told to), and over them service.c (puts it together, starts it, takes it apart).
 */
#ifndef COFFEESHOP_SERVICE_INTERNAL_H
#define COFFEESHOP_SERVICE_INTERNAL_H

#include "reader.h"
#include "service.h"

#include <pthread.h>
#include <stdatomic.h>

enum service_phase {
    PHASE_STARTING,
    PHASE_SERVING,
    PHASE_UNREADY,  /* told to stop; everything still works, but nobody should send more */
    PHASE_DRAINING, /* no new connections; what is in flight is finished */
};

/** Requests that wait because we were told to be slow. All wait equally long: the oldest is due first. */
struct service_fault {
    int64_t delay_us; /* 0: nobody waits */
    struct loop_timer timer;
    struct delayed_request *first, **end;
};

/** Whether one lane of the reader gets through to a store on a server. */
struct read_look {
    struct read_job job;
    struct store *store;
    _Atomic bool under_way;
    _Atomic int error; /* what the last one came to */
};

enum { SERVICE_READ_LOOKS = 3 }; /* the lanes */

/** What a cell's app publishes by. */
struct cell_events {
    struct event_sink sink;
    struct service *service;
    int32_t cell;
};

struct service_bus;
struct service_topic;

struct service {
    const struct service_bus *bus;
    const struct program *program;
    const struct common_settings *common;
    struct arena arena;
    struct steady_clock clock;
    int lock_fd;
    int signal_fd;
    struct loop *loop;
    struct loop_watch signals;
    struct loop_timer timer; /* phases of the shutdown */
    struct http_client *client;
    struct http_client *client_apart; /* NULL: there is none */
    int64_t connections_apart;        /* its own */
    struct http_server *server;
    struct feed *feed;           /* NULL: events are on a topic … */
    struct service_topic *topic; /* … then this is how; NULL: they are in feeds */
    int32_t n_cells;             /* shop.cells */
    struct cell_events *events;  /* by cell */
    _Atomic int64_t unused;      /* one up to there that nothing came of; 0: none */
    int64_t last_new;            /* the number whose cell something new was given to last; the loop's */
    struct core *joined;         /* of several cells; NULL: there is one */
    struct writer *writer;
    struct service_parts parts;
    pthread_mutex_t decoding;
    struct service_producer producers[CURSOR_MAX_SOURCES]; /* the parts' own: the caller's end with service_start() */
    struct service_cell *cells;                            /* the parts' own, … */
    struct cursors *began; /* … with their cursors as they were: the writer moves the apps' */
    struct route *routes;
    struct service_fault fault;
    struct follower *followers[CURSOR_MAX_SOURCES];
    size_t n_followers;
    enum service_phase phase;
    bool told_to_end;          /* by a signal */
    int64_t stop_by;           /* monotonic us, while draining */
    struct feed_cursor noted;  /* what DATA/<name>.epoch says */
    struct buf data_trouble;   /* a sentence and its NUL, when the data isn't the one that was worked with */
    bool overtaken;            /* somebody has read more of us than there is … */
    size_t overtaken_by;       /* … this producer */
    struct loop_job stop_work; /* then */
    struct loop_job lost;      /* the writer can't tell what is in the store */
    struct loop_timer look;    /* after the store, once a second */
    struct read_look read_looks[SERVICE_READ_LOOKS];
    bool starts_again;         /* the process ends, to be started again */
    const char *store_trouble; /* why the store isn't trusted any more; NULL: it is */
    int64_t hush_by;           /* likewise: who has said nothing until then is not waited for */
};

/** Makes DATA, locks DATA/<name>.lock. false and a sentence in `problem`. */
bool service_lock_data(struct service *service, struct buf *problem);
/** SIGTERM and SIGINT come through the loop from now on. Before any thread is made, which would take them too. */
bool service_take_signals(struct service *service);
/** Begins the shutdown: `drain_ms` unready but serving, then what is in flight is finished. Loop thread. */
void service_end(struct service *service, int64_t drain_ms);
/** The writer's on_lost; `context` is the service. */
void service_store_lost(void *context);
/** Looks after the store from now on. Before the writer's thread is started. */
void service_store_watch(struct service *service);
/** Looks whether readers get through to the store's server; what comes of it is known later. Loop thread. */
void service_look_at_reads(struct service *service);
/** What came of it last; true where it is no server. Any thread. */
bool service_can_read(const struct service *service);

/** Puts the wait that `parts` ask for before the context's routes, which are the first of service->routes. false and a
 * sentence in `problem` when faults aren't enabled. */
bool service_fault_prepare(struct service *service, struct buf *problem);
/** Forgets who waits. After the loop has ended. */
void service_fault_free(struct service *service);

/** The common routes, NULL-path-terminated. */
extern const struct route service_routes[];

#endif
