/** feed_tail.h: the recent past of a feed in memory: a ring of blobs, one per committed batch, each the very bytes that
 * were committed.
 *
 *  The writer thread appends, the loop thread looks up; a lock guards the ring and is held only for that. A blob that
 * somebody still sends outlives its place in the ring (it is counted). The tail has no gaps. Private to kernel/bus.
 */
#ifndef COFFEESHOP_FEED_TAIL_H
#define COFFEESHOP_FEED_TAIL_H

#include "outbox.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct blob {
    _Atomic int64_t references;
    uint64_t first, count;
    struct buf frames;
};

struct feed_tail {
    pthread_mutex_t lock;
    struct blob **ring;
    size_t head, n, cap; /* cap is a power of two */
    int64_t bytes, max_bytes;
    _Atomic uint64_t last;
};

void feed_tail_init(struct feed_tail *tail, int64_t max_bytes, uint64_t last);
void feed_tail_free(struct feed_tail *tail);
/** Takes the outbox's frames. The oldest blobs go when there are more than `max_bytes`, but never the newest. When
 * memory is exhausted the whole tail goes: then all is read from the store. Writer thread. */
void feed_tail_append(struct feed_tail *tail, struct outbox *outbox);
/** The blob that holds the event, counted for the caller; NULL when it isn't in the tail. Any thread. */
struct blob *feed_tail_find(struct feed_tail *tail, uint64_t event);
/** NULL is taken. Any thread. */
void blob_release(struct blob *blob);
/** The newest position. Any thread. */
uint64_t feed_tail_last(const struct feed_tail *tail);

#endif
