/** fake_outbox.h: what every repository keeps beside its states (outbox_write.h), in memory: the part that the fakes of
 * the repositories share, as outbox_sql.h is for the real ones. One thread at a time.
 */
#ifndef COFFEESHOP_FAKE_OUTBOX_H
#define COFFEESHOP_FAKE_OUTBOX_H

#include "arena.h"
#include "feed_history.h"
#include "outbox_write.h"
#include "retention_clock.h"

struct fake_outbox_batch {
    uint64_t first, count;
    size_t at, n;   /* of the frames */
    int64_t moment; /* as outbox_write's now */
};

struct fake_text;

/** Its own memory isn't alloc.h's: an allocation that is made to fail is always the tested code's. */
struct fake_outbox {
    struct fake_text *texts; /* all that were ever kept */
    char *frames;            /* all that was committed */
    size_t n_frames, frames_room;
    struct fake_outbox_batch *batches;
    size_t n_batches, batches_room;
    uint64_t last; /* the last position committed */
    struct cursors cursors;
    struct idempotency_record *records;
    int64_t *moments; /* by record */
    size_t n_records, records_room, moments_room;
    struct retention_clock *retention; /* says the moment of what is stored; NULL: it is the batch's own time */
    struct dead_letter *dead;
    size_t n_dead, dead_room;
};

/** Starts with all zero. */
void fake_outbox_init(struct fake_outbox *outbox);
void fake_outbox_free(struct fake_outbox *outbox);
/** Copies everything. Can't fail: what may fail (outbox->frames.failed: E_MEMORY) is asked before. */
int fake_outbox_check(const struct outbox_write *write);
void fake_outbox_write(struct fake_outbox *outbox, const struct outbox_write *write);
/** Fills in found records, texts copied to the arena; 0 or E_MEMORY. */
int fake_outbox_find_keys(const struct fake_outbox *outbox, struct idempotency_record *records, size_t n,
                          struct arena *arena);
/** The last position and the cursors of the sources named. */
void fake_outbox_restore(const struct fake_outbox *outbox, uint64_t *last, struct cursors *cursors);
/** The newest moment that a batch or a key was stored at; 0: there is none. */
int64_t fake_outbox_newest(const struct fake_outbox *outbox);
/** The first position still kept; 0: none ever was. */
uint64_t fake_outbox_oldest(const struct fake_outbox *outbox);
/** Forgets keys and batches stored before these moments (0: none). The newest batch is always kept. */
void fake_outbox_expire(struct fake_outbox *outbox, int64_t keys_before, int64_t batches_before);
/** Appends the stored frames from the batch that holds `after` + 1 on. */
void fake_outbox_read(const struct fake_outbox *outbox, uint64_t after, struct buf *frames);

/** What is committed now; its texts are the fake's. fake_outbox_free() it before that. */
struct fake_outbox fake_outbox_copy(const struct fake_outbox *outbox);
/** The store is replaced by what it was; NULL: by an empty one. */
void fake_outbox_put_back(struct fake_outbox *outbox, const struct fake_outbox *copy);

/** A copy as long as the fake. */
void *fake_bytes(struct fake_outbox *outbox, const void *bytes, size_t n);
struct str fake_copy(struct fake_outbox *outbox, struct str text);
/** `n` pieces of `size` bytes, for free(). */
void *fake_duplicate(const void *array, size_t n, size_t size);
/** `array` with room for at least `more` behind its `n` pieces of `size` bytes; given back with free(). */
void *fake_grow(void *array, size_t n, size_t more, size_t *room, size_t size);

#endif
