/** service.h: what every service is made of besides its domain: loop, HTTP server, events' ways in and out, HTTP
 * client, writer, health, shutdown.
 *
 *  A context's main is:  service_new -> open adapters, make the app -> service_start -> service_run -> close in reverse
 * -> service_free.
 *
 *  Shutdown (SIGTERM, SIGINT): /readyz says 503 for drain_ms while everything still works, then no new connections,
 * what is in flight is finished (at most stop_ms), the writer commits what is queued, and service_run returns.
 *
 *  Common routes, added to the context's own: GET / (links), /actuator/health, /livez (the loop turns), /readyz (can do
 * its work), /metrics, /events, /dead-letters, /feeds.
 */
#ifndef COFFEESHOP_SERVICE_H
#define COFFEESHOP_SERVICE_H

#include "cell.h"
#include "cursor.h"
#include "event_sink.h"
#include "feed.h"
#include "follower.h"
#include "http_client.h"
#include "http_server.h"
#include "program.h"
#include "store.h"
#include "writer.h"

struct reader;
struct service;

/** The routes' context: every context's HTTP adapter embeds it as its first member. */
struct service_http {
    struct service *service;
};

struct service_producer {
    const char *name; /* "order" */
    const char *url;
    bool cut_otherwise; /* struct service_parts' of it */
};

/** One of its cells, and what it goes on from. */
struct service_cell {
    struct core *core;
    const struct cursors *cursors; /* as restored: the producers', and service_join()'s */
    uint64_t last_position;        /* of its own feed */
    int64_t last_id;               /* the highest that it has given; 0: none, or it gives none */
};

struct service_parts {
    const char *listen;
    const struct route *routes;       /* ends with a NULL path */
    struct service_http *http;        /* the routes' context; its `service` is filled in */
    const char *collection;           /* "orders": the link at GET / */
    const struct service_cell *cells; /* by their numbers, shop.cells of them */
    struct sql *joint; /* what the cells write by together (cells_core.h); NULL: there is one, or each has a store of
                          its own */
    const struct service_producer *producers; /* in the order of the cursors */
    size_t n_producers;
    struct command *(*decode)(void *context, size_t source, struct str text, const char **reason);
    void *decode_context;
    const struct feed_history *history; /* the store's; NULL: it says nothing that anybody follows */
    const char *rebuild; /* what they can type when a producer's history is another one; NULL: it can't be mended here
                            alone */
    struct store *store; /* where the state is kept; NULL: nobody looks after it */
    feed_read_stored *read_stored;
    /** The same of a cell for a topic's relay, whose thread may wait (bus/kafka_relay.h). NULL: nothing is said. */
    int (*read_to_relay)(void *read_context, int32_t cell, uint64_t after, size_t enough, struct buf *frames,
                         uint64_t *oldest);
    void *read_context;
    /** Which of its events every cell has to hear, by the type (of the event's text). NULL: none. */
    bool (*everywhere)(void *read_context, struct str type, struct str text);
    bool rekeys; /* of a topic: brings another system's messages where they belong; one service does so for all */
    bool cut_otherwise; /* its cells aren't cut by order: what it says goes where its key does */
    struct sql *reads;  /* the loop's connection: for single rows, stored events, dead letters; NULL: there is none */
    struct reader *reader;  /* stopped before the loop is gone; NULL: there is none */
    int64_t linger_us;      /* of the writer */
    int64_t fault_delay_ms; /* the setting <service>.fault.delay_ms: requests of the context's own routes wait so long
                               before anybody looks at them; 0: they don't */
};

/** Locks DATA/<name>.lock, makes loop and client, blocks the signals. NULL and a sentence in `problem`. */
struct service *service_new(const struct program *program, const struct common_settings *common, struct buf *problem);
struct loop *service_loop(struct service *service);
struct http_client *service_client(struct service *service);
/** One more client, with so many connections of its own: for who is called slowly, and must not keep the others
 * waiting. Once, before service_start(); it ends with the service. NULL when memory is exhausted. */
struct http_client *service_client_apart(struct service *service, int64_t max_connections);
struct writer *service_writer(struct service *service);
/** The service's own time, us, by which it decides: it begins with service_new() and never jumps (steady_clock.h). Any
 * thread. */
int64_t service_now(const struct service *service);
/** By how much the wall clock is ahead of it now, us: for times that people read. Any thread. */
int64_t service_wall_ahead(const struct service *service);
/** DATA/<file>, in the arena of the service. */
const char *service_path(struct service *service, const char *file);
/** Who has the service's data directory: no other process bears this name at the same time, and one that is started
 * again in its place the same. */
void service_name_holder(const struct service *service, struct buf *name);
/** The feed, or the topic, as the port through which a cell's app publishes. Valid from service_new on (the app is made
 * before the feed). */
struct event_sink *service_events(struct service *service, int32_t cell);
/** How many cells there are: shop.cells. Any thread. */
int32_t service_cells(const struct service *service);
/** The cell of what has this id. Any thread. */
int32_t service_cell_of_id(const struct service *service, int64_t id);
/** A cell for something new: the key's, so that a repeat finds it; without a key the one that the next number is of, so
 * that ids grow as they do with one cell. `*number`: that one, or 0. Loop thread. */
int32_t service_cell_for(struct service *service, struct str key, int64_t *number);
/** Nothing came of what was given this number: the next new one may have it. Any thread. */
void service_number_unused(struct service *service, int64_t number);
/** Tries to open what lies on a server: again and again while `open` says E_UNAVAILABLE, for start.wait_ms; that it
 * waits is logged, with the reason. 0, or what `open` said last, with its sentence in `problem`; E_CLOSING: a signal
 * asks for the end. Before service_start(). */
typedef int service_open_store(void *context, struct buf *problem);
int service_wait_for_store(struct service *service, service_open_store *open, void *context, struct buf *problem);
/** Joins the other services where events go: Kafka's topic, when kafka.servers names one, which is then waited for as a
 * store is; else the feeds, which need nothing. `sources` are whom it hears, and get what is kept beside that; the app
 * is made of them afterwards. `says`: it has an outbox. false and a sentence in `problem`. */
bool service_join(struct service *service, struct cursors *sources, bool says, struct buf *problem);
/** How far what a cell said is where others hear it: the outbox keeps what is behind that. NULL: they come and get it.
 * The writer's. After service_join(). */
const uint64_t *service_relayed(const struct service *service, int32_t cell);
/** Listens and starts everything. false and a sentence in `problem`. */
bool service_start(struct service *service, const struct service_parts *parts, struct buf *problem);
/** Where it listens, once it is started: for who asked for port 0. */
uint16_t service_port(const struct service *service);
/** Until SIGTERM, SIGINT or service_stop(), and the end of what is in flight. */
void service_run(struct service *service);
/** Begins the same shutdown as a signal. For a service that goes on with other data: it is freed, and made anew. Loop
 * thread. */
void service_stop(struct service *service);
/** Whether a signal has asked for the end, before service_stop() or after. After service_run(). */
bool service_was_told_to_end(const struct service *service);
void service_free(struct service *service);

/** Whether the store takes changes, as far as is known; service_submit() tells the client why it doesn't. Loop thread.
 */
bool service_takes_changes(const struct service *service);
/** The same, and false: that is answered. For who posts several commands for one request by themselves; loop thread. */
bool service_lets_in(const struct service *service, struct http_request *request);
/** Posts a client's command; when the writer refuses it, fills and sends the problem and frees nothing (the request
 * owns the command). */
void service_submit(struct service *service, struct http_request *request, struct command *command);

#endif
