/** batch.h: what every context's batch has beside its own aggregates: time, memory, events going out, cursors, dead
 * letters and idempotency keys. A use case is load, decide, commit over it; either all of it becomes durable or
 * nothing.
 *
 *  Writer thread only. Everything points into the batch's arena and is gone when the batch is over.
 */
#ifndef COFFEESHOP_BATCH_H
#define COFFEESHOP_BATCH_H

#include "arena.h"
#include "command.h"
#include "outbox_write.h"
#include "working_set.h"

/** What a client gets for its command, in no protocol's terms but HTTP's status. Kept with its Idempotency-Key. */
struct answer {
    int64_t status;      /* 0: there was no memory for it */
    struct str location; /* path, or empty */
    struct str body;
};

struct batch {
    int64_t now;  /* the service's own time, us: by it is decided */
    int64_t wall; /* the wall clock's: for people to read */
    struct arena *arena;
    struct outbox *outbox;
    struct cursors cursors; /* as they are after the commit */
    bool cursors_moved;
    struct dead_letter *dead;
    size_t n_dead;
    struct dead_letter *replayed; /* tried again: forgotten with this commit (and put aside anew when refused again) */
    size_t n_replayed;
    struct idempotency_record
        *records; /* the keys that this batch's commands carry; looked up by the repository's load */
    struct working_set keys;
    bool *record_is_new; /* by record: to be stored with the commit */
};

/** Starts a batch of at most `n` commands; `wall` is `now` until somebody knows better. E_MEMORY when there is none. */
int batch_begin(struct batch *batch, int64_t now, size_t n, const struct cursors *cursors, struct outbox *outbox,
                struct arena *arena);
/** Moves the cursor for an event. false: there is nothing to decide, because it was applied before, is not for us, says
 * only which epoch its producer is in, or has become a dead letter. */
bool batch_admit(struct batch *batch, const struct command *command);
/** The domain refuses an event: it is put aside with the reason, and never blocks those behind it. Does nothing for
 * commands that are not events. */
void batch_bury(struct batch *batch, const struct command *command, struct str reason);
/** Registers a command's idempotency key before load; returns the record. */
struct idempotency_record *batch_key(struct batch *batch, struct str key);

/** What a request's body says, so that the same one is recognised. */
struct fingerprint {
    uint64_t members; /* of what was decoded: the same in any order and spelling; this one is kept */
    uint64_t bytes;   /* of the body as it came: what older versions kept; 0: not looked at */
};

enum key_verdict { KEY_NEW, KEY_SEEN, KEY_OF_ANOTHER };
/** After load: is the answer already known (KEY_SEEN: it is in `record`), or does the key belong to another body? */
enum key_verdict batch_check_key(const struct idempotency_record *record, const struct fingerprint *fingerprint);
/** Keeps a copy of the answer with the key, in this batch's commit. 0 or E_MEMORY: then the batch can't be committed.
 */
int batch_keep_answer(struct batch *batch, struct idempotency_record *record, uint64_t fingerprint,
                      const struct answer *answer);
/** What has to be stored besides the states; once, when everything is decided. */
struct outbox_write batch_write(struct batch *batch);

#endif
