#include "change_log.h"

#include "alloc.h"
#include "base.h"

#include <pthread.h>

/* The changes of one batch: one block of memory, texts and timelines behind the changes. */
struct chunk {
    struct chunk *next; /* newer */
    size_t n;
    struct change changes[];
};

struct chunk_list {
    struct chunk *first, **last;
};

struct change_log {
    struct loop *loop;
    void (*on_changes)(void *context, struct change *changes, size_t n);
    void *context;
    struct loop_job arrived;
    pthread_mutex_t lock; /* of what arrives */
    struct chunk_list incoming;
    int64_t lost_until; /* changes up to this one had no memory; 0: none */
    /* the loop thread's */
    struct chunk *kept[CHANGE_LOG_MOST]; /* a ring of chunks, each with a change or more */
    size_t oldest, n_chunks, n_kept;
    int64_t floor, newest;
};

static void list_clear(struct chunk_list *list)
{
    *list = (struct chunk_list){.first = NULL};
    list->last = &list->first;
}

static void free_chunk(struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->n; i++)
        buf_free(&chunk->changes[i].text);
    heap_free(chunk);
}

static void free_all(struct chunk_list *list)
{
    while (list->first) {
        struct chunk *chunk = list->first;
        list->first = chunk->next;
        free_chunk(chunk);
    }
    list_clear(list);
}

/* ---- the writer's side ---- */

static bool is_told(const struct view_row *row)
{
    return row->changed && mypage_is_visible(&row->page);
}

static size_t bytes_of(const struct view_batch *batch, size_t *n)
{
    size_t bytes = sizeof(struct chunk);

    *n = 0;
    for (size_t i = 0; i < batch->orders.n; i++) {
        const struct mypage *page = &batch->rows[i].page;
        if (!is_told(&batch->rows[i]))
            continue;
        *n += 1;
        bytes += sizeof(struct change) + page->n_timeline * sizeof(*page->timeline) + page->product_name.n;
    }
    return bytes;
}

/* Timelines first, names behind them, so that all are aligned. */
static void copy_pages(struct chunk *chunk, const struct view_batch *batch)
{
    struct mypage_entry *timelines = (struct mypage_entry *)(void *)&chunk->changes[chunk->n];
    size_t at = 0;

    for (size_t i = 0; i < batch->orders.n; i++) {
        const struct mypage *page = &batch->rows[i].page;
        if (!is_told(&batch->rows[i]))
            continue;
        struct mypage *copy = &chunk->changes[at++].page;
        *copy = *page;
        copy->timeline = timelines;
        memcpy(timelines, page->timeline, page->n_timeline * sizeof(*timelines));
        timelines += page->n_timeline;
    }
    char *names = (char *)timelines;
    for (size_t i = 0; i < chunk->n; i++) {
        struct str *name = &chunk->changes[i].page.product_name;
        memcpy(names, name->p, name->n);
        name->p = names;
        names += name->n;
    }
}

static int64_t last_number(const struct view_batch *batch)
{
    int64_t last = 0;

    for (size_t i = 0; i < batch->orders.n; i++) {
        if (is_told(&batch->rows[i]))
            last = batch->rows[i].page.change;
    }
    return last;
}

void change_log_add(struct change_log *log, const struct view_batch *batch)
{
    size_t n;
    size_t bytes = bytes_of(batch, &n);

    if (!n)
        return;
    struct chunk *chunk = heap_alloc(bytes);
    if (chunk) {
        chunk->n = n;
        copy_pages(chunk, batch);
    }
    pthread_mutex_lock(&log->lock);
    if (chunk) {
        *log->incoming.last = chunk;
        log->incoming.last = &chunk->next;
    } else {
        free_all(&log->incoming);
        log->lost_until = last_number(batch);
    }
    pthread_mutex_unlock(&log->lock);
    loop_post(log->loop, &log->arrived);
}

/* ---- the loop's side ---- */

static struct chunk *chunk_at(const struct change_log *log, size_t at)
{
    return log->kept[(log->oldest + at) % CHANGE_LOG_MOST];
}

static int64_t last_of(const struct chunk *chunk)
{
    return chunk->changes[chunk->n - 1].page.change;
}

static void drop_oldest(struct change_log *log)
{
    struct chunk *chunk = chunk_at(log, 0);

    log->oldest = (log->oldest + 1) % CHANGE_LOG_MOST;
    log->n_chunks--;
    log->n_kept -= chunk->n;
    log->floor = last_of(chunk);
    free_chunk(chunk);
}

static void keep(struct change_log *log, struct chunk *chunk)
{
    while (log->n_kept >= CHANGE_LOG_MOST)
        drop_oldest(log);
    log->kept[(log->oldest + log->n_chunks++) % CHANGE_LOG_MOST] = chunk;
    log->n_kept += chunk->n;
    log->newest = last_of(chunk);
}

static void forget_all(struct change_log *log, int64_t until)
{
    while (log->n_chunks)
        drop_oldest(log);
    log->floor = until;
    log->newest = until;
}

static void take_arrived(struct loop_job *job)
{
    struct change_log *log = CONTAINER_OF(job, struct change_log, arrived);

    pthread_mutex_lock(&log->lock);
    struct chunk *chunk = log->incoming.first;
    int64_t lost_until = log->lost_until;
    list_clear(&log->incoming);
    log->lost_until = 0;
    pthread_mutex_unlock(&log->lock);
    if (lost_until) {
        forget_all(log, lost_until);
        log->on_changes(log->context, NULL, 0);
    }
    while (chunk) {
        struct chunk *next = chunk->next;
        keep(log, chunk);
        log->on_changes(log->context, chunk->changes, chunk->n);
        chunk = next;
    }
}

struct change *change_log_after(struct change_log *log, int64_t change)
{
    if (change < log->floor || change >= log->newest)
        return NULL;
    size_t first = 0, last = log->n_chunks - 1;
    while (first < last) {
        size_t middle = (first + last) / 2;
        if (last_of(chunk_at(log, middle)) <= change)
            first = middle + 1;
        else
            last = middle;
    }
    struct chunk *chunk = chunk_at(log, first);
    size_t low = 0, high = chunk->n - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (chunk->changes[middle].page.change <= change)
            low = middle + 1;
        else
            high = middle;
    }
    return &chunk->changes[low];
}

int64_t change_log_floor(const struct change_log *log)
{
    return log->floor;
}

int64_t change_log_newest(const struct change_log *log)
{
    return log->newest;
}

struct change_log *change_log_new(struct loop *loop, int64_t newest,
                                  void (*on_changes)(void *context, struct change *changes, size_t n), void *context)
{
    struct change_log *log = heap_alloc(sizeof(*log));

    if (!log)
        return NULL;
    *log = (struct change_log){.loop = loop,
                               .on_changes = on_changes,
                               .context = context,
                               .arrived = {.run = take_arrived},
                               .floor = newest,
                               .newest = newest};
    pthread_mutex_init(&log->lock, NULL);
    list_clear(&log->incoming);
    return log;
}

void change_log_free(struct change_log *log)
{
    if (!log)
        return;
    free_all(&log->incoming);
    forget_all(log, 0);
    pthread_mutex_destroy(&log->lock);
    heap_free(log);
}
