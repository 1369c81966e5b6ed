/** sim_service.h: a service as a process: a core behind a queue, run the way the writer runs it, which can die between
 * any two calls of its ports and comes back from what it had committed.
 */
#ifndef COFFEESHOP_SIM_SERVICE_H
#define COFFEESHOP_SIM_SERVICE_H

#include "breaker.h"
#include "core.h"
#include "event_sink.h"
#include "fake_outbox.h"
#include "sim_clock.h"
#include "sim_epochs.h"
#include "sim_feed.h"
#include "sim_retention.h"
#include "sim_world.h"

struct sim_call;

enum { SIM_MOST_BATCH = 16 };

/** What differs from service to service. */
struct sim_service_type {
    enum sim_who who;
    /** Restores the app from its repository and sets `core` and `cursors`. 0, or the process ends at once. */
    int (*open)(struct sim_service *self);
    /** The app's memory is given back; what it kept is finished. */
    void (*close)(struct sim_service *self);
    /** NULL: it follows nobody. */
    struct command *(*decode)(void *context, size_t source, struct str text, const char **reason);
    /** Where the outbox isn't a struct fake_outbox. */
    void (*read_outbox)(struct sim_service *self, uint64_t after, size_t enough, struct buf *frames, uint64_t *oldest);
    /** Where the epochs are kept in the store; NULL: in `epochs`. `history` is all of them then. */
    int (*begin_epoch)(struct sim_service *self, uint64_t number, struct feed_history *history);
    /** What is committed; it is put back, or (NULL) the store is empty then; and its memory. */
    void *(*copy)(struct sim_service *self);
    void (*put_back)(struct sim_service *self, const void *copy);
    void (*drop_copy)(void *copy);
};

struct sim_service {
    struct sim *sim;
    const struct sim_service_type *type;
    enum sim_who who;
    struct core *core;
    const struct cursors *cursors; /* the app's */
    struct fake_outbox *store;     /* NULL: type->read_outbox */
    void *decode_context;
    bool up;
    bool dying;     /* its ports don't do anything any more */
    bool injected;  /* a failure was put into the batch that is running */
    bool happened;  /* its commit was made, whatever the process was told */
    bool lost;      /* a commit's outcome is unknown: the store does nothing any more */
    bool runs_well; /* a batch of this life has succeeded */
    uint64_t life;
    struct sim_clock clock;
    struct sim_settings settings;
    struct sim_epochs epochs;
    struct sim_retention retention; /* where the outbox is a struct fake_outbox */
    int64_t fuse;                   /* port calls until it dies; 0: it doesn't */
    struct command *first, *last;
    size_t n_pending;
    bool failing;
    int64_t retry_at;
    int64_t wake_at;
    struct command *batch[SIM_MOST_BATCH]; /* that is running */
    size_t n_batch;

    struct event_sink sink;
    bool published_early; /* a plant's */
    uint64_t committed;   /* the last position */
    struct sim_feed feed;
    struct sim_follower followers[CURSOR_MAX_SOURCES];
    size_t n_followers;
    struct breaker breakers[SIM_N_SERVICES + 1]; /* around its calls, by whom it calls */
    struct sim_call *calls;                      /* under way */
};

void sim_service_init(struct sim_service *self, struct sim *sim, const struct sim_service_type *type);
/** The process starts. */
void sim_service_start(struct sim_service *self);
/** It ends at once, wherever it is; the queue, the calls under way and all memory are gone. It comes back by itself. */
void sim_service_crash(struct sim_service *self);
/** It changes nothing any more, and is still there for reading. */
void sim_service_bar(struct sim_service *self);
/** At the end of the history: as a crash, and it stays away. */
void sim_service_end(struct sim_service *self);
/** The same, if it hasn't ended yet, and its feed and what it followed are given back; its store is its owner's. */
void sim_service_free(struct sim_service *self);

/** A client's request. false: the connection is refused. */
bool sim_service_submit(struct sim_service *self, struct command *command);
/** A feed's event or an effect's outcome. */
void sim_service_post(struct sim_service *self, struct command *command);
/** Every port asks this first. false: the process is dead, the call does nothing. */
bool sim_port_call(struct sim_service *self);
/** Whether a failure is to be put into this call; the error to give, or 0. */
int sim_port_failure(struct sim_service *self, int64_t per_mille);
/** At any commit: whether its outcome is to be unknown; then E_OUTCOME_UNKNOWN, and *happens says whether it is made.
 */
int sim_port_unknown(struct sim_service *self, bool *happens);
/** At a commit of a batch: the result is what the port returns, and *happens says whether the commit is made: a process
 * may die behind it, and a commit may fail. */
int sim_port_commit(struct sim_service *self, bool *happens);
/** Behind it: `rc` is its result, `done` what the store returned, 0 when it wasn't asked. What the port returns. */
int sim_port_committed(struct sim_service *self, int rc, int done);

#endif
