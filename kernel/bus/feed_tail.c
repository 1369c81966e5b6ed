#include "feed_tail.h"

#include "alloc.h"
#include "base.h"

#include <stdatomic.h>

enum { RING_START = 64 };

void blob_release(struct blob *blob)
{
    if (!blob || atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel) > 1)
        return;
    buf_free(&blob->frames);
    heap_free(blob);
}

static struct blob *at(const struct feed_tail *tail, size_t i)
{
    return tail->ring[(tail->head + i) & (tail->cap - 1)];
}

static void drop_oldest(struct feed_tail *tail)
{
    struct blob *blob = at(tail, 0);

    tail->head = (tail->head + 1) & (tail->cap - 1);
    tail->n--;
    tail->bytes -= (int64_t)blob->frames.cap;
    blob_release(blob);
}

static bool has_room(struct feed_tail *tail)
{
    if (tail->n < tail->cap)
        return true;
    size_t cap = tail->cap ? tail->cap * 2 : (size_t)RING_START;
    struct blob **ring = heap_alloc(cap * sizeof(struct blob *));
    if (!ring)
        return false;
    for (size_t i = 0; i < tail->n; i++)
        ring[i] = at(tail, i);
    heap_free((void *)tail->ring);
    tail->ring = ring;
    tail->head = 0;
    tail->cap = cap;
    return true;
}

static void append(struct feed_tail *tail, struct blob *blob)
{
    if (!blob || !has_room(tail)) {
        while (tail->n > 0)
            drop_oldest(tail);
        blob_release(blob);
        return;
    }
    tail->ring[(tail->head + tail->n) & (tail->cap - 1)] = blob;
    tail->n++;
    tail->bytes += (int64_t)blob->frames.cap;
    while (tail->bytes > tail->max_bytes && tail->n > 1)
        drop_oldest(tail);
}

static struct blob *take_frames(struct outbox *outbox)
{
    struct blob *blob = heap_alloc(sizeof(*blob));

    if (!blob)
        return NULL;
    blob->references = 1;
    blob->first = outbox->first;
    blob->count = outbox->count;
    blob->frames = outbox->frames;
    outbox->frames = (struct buf){0};
    return blob;
}

void feed_tail_append(struct feed_tail *tail, struct outbox *outbox)
{
    struct blob *blob = take_frames(outbox);

    pthread_mutex_lock(&tail->lock);
    append(tail, blob);
    atomic_store_explicit(&tail->last, outbox->first + outbox->count - 1, memory_order_release);
    pthread_mutex_unlock(&tail->lock);
}

struct blob *feed_tail_find(struct feed_tail *tail, uint64_t event)
{
    struct blob *found = NULL;

    pthread_mutex_lock(&tail->lock);
    size_t low = 0;
    size_t high = tail->n; /* the first blob that begins after the event is in low..high */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (at(tail, middle)->first <= event)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && event < at(tail, low - 1)->first + at(tail, low - 1)->count) {
        found = at(tail, low - 1);
        atomic_fetch_add_explicit(&found->references, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&tail->lock);
    return found;
}

uint64_t feed_tail_last(const struct feed_tail *tail)
{
    return atomic_load_explicit(&tail->last, memory_order_acquire);
}

void feed_tail_init(struct feed_tail *tail, int64_t max_bytes, uint64_t last)
{
    *tail = (struct feed_tail){.max_bytes = max_bytes};
    atomic_store(&tail->last, last);
    pthread_mutex_init(&tail->lock, NULL);
}

void feed_tail_free(struct feed_tail *tail)
{
    while (tail->n > 0)
        drop_oldest(tail);
    heap_free((void *)tail->ring);
    pthread_mutex_destroy(&tail->lock);
}
