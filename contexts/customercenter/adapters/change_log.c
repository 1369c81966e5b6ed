#include "change_log.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"

#include <pthread.h>

/* The changes of one batch: one block of memory, texts and timelines behind the changes. */
struct chunk {
    struct chunk *next; /* newer */
    uint64_t place;     /* of its first change in the log */
    int64_t before;     /* the cell's last change before it */
    size_t n;
    int32_t cell;
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
    bool lost;           /* some had no memory: */
    int64_t *lost_until; /* of each cell changes up to this one; 0: none */
    /* the loop thread's */
    struct chunk *kept[CHANGE_LOG_MOST]; /* a ring of chunks, each with a change or more */
    size_t oldest, n_chunks, n_kept;
    uint64_t next_place; /* from 1 */
    int32_t cells;
    int64_t *floor, *newest; /* of each cell */
    int64_t numbers[];       /* where those three are */
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

static int64_t last_of(const struct chunk *chunk)
{
    return chunk->changes[chunk->n - 1].page.change;
}

/* ---- copying: any thread ---- */

static size_t bytes_of(const struct mypage *page)
{
    return sizeof(struct change) + page->n_timeline * sizeof(*page->timeline) + page->product_name.n;
}

/* For `n` changes of so many bytes together. NULL: no memory. */
static struct chunk *new_chunk(int32_t cell, int64_t before, size_t n, size_t bytes)
{
    struct chunk *chunk = heap_alloc(sizeof(struct chunk) + bytes);

    if (chunk) {
        chunk->cell = cell;
        chunk->before = before;
        chunk->n = n;
    }
    return chunk;
}

/* The pages are there, with the timelines and names of whoever they are copied from. Timelines first, names behind
 * them, so that all are aligned. */
static void own_texts(struct chunk *chunk)
{
    struct mypage_entry *timelines = (struct mypage_entry *)(void *)&chunk->changes[chunk->n];

    for (size_t i = 0; i < chunk->n; i++) {
        struct mypage *page = &chunk->changes[i].page;
        if (page->n_timeline)
            memcpy(timelines, page->timeline, page->n_timeline * sizeof(*timelines));
        page->timeline = timelines;
        timelines += page->n_timeline;
    }
    char *names = (char *)timelines;
    for (size_t i = 0; i < chunk->n; i++) {
        struct str *name = &chunk->changes[i].page.product_name;
        if (name->n)
            memcpy(names, name->p, name->n);
        name->p = names;
        names += name->n;
    }
}

/* ---- the writer's side ---- */

static bool is_told(const struct view_row *row)
{
    return row->changed && mypage_is_visible(&row->page);
}

static struct chunk *chunk_of_batch(int32_t cell, const struct view_batch *batch, size_t n, size_t bytes)
{
    struct chunk *chunk = new_chunk(cell, batch->change_before, n, bytes);
    size_t at = 0;

    for (size_t i = 0; chunk && i < batch->orders.n; i++) {
        if (is_told(&batch->rows[i]))
            chunk->changes[at++].page = batch->rows[i].page;
    }
    if (chunk)
        own_texts(chunk);
    return chunk;
}

/* There is no memory for what has come up to there: nothing of what waits is of use any more. Under the lock. */
static void lose(struct change_log *log, int32_t cell, int64_t until)
{
    while (log->incoming.first) {
        struct chunk *chunk = log->incoming.first;
        log->incoming.first = chunk->next;
        log->lost_until[chunk->cell] = last_of(chunk);
        free_chunk(chunk);
    }
    list_clear(&log->incoming);
    log->lost_until[cell] = until;
    log->lost = true;
}

void change_log_add(struct change_log *log, int32_t cell, const struct view_batch *batch)
{
    size_t n = 0, bytes = 0;

    for (size_t i = 0; i < batch->orders.n; i++) {
        if (!is_told(&batch->rows[i]))
            continue;
        n++;
        bytes += bytes_of(&batch->rows[i].page);
    }
    if (!n)
        return;
    struct chunk *chunk = chunk_of_batch(cell, batch, n, bytes);
    pthread_mutex_lock(&log->lock);
    if (chunk) {
        *log->incoming.last = chunk;
        log->incoming.last = &chunk->next;
    } else {
        lose(log, cell, batch->last_change);
    }
    pthread_mutex_unlock(&log->lock);
    loop_post(log->loop, &log->arrived);
}

/* ---- the loop's side ---- */

static struct chunk *chunk_at(const struct change_log *log, size_t at)
{
    return log->kept[(log->oldest + at) % CHANGE_LOG_MOST];
}

static void raise(int64_t *number, int64_t to)
{
    if (*number < to)
        *number = to;
}

static void drop_oldest(struct change_log *log)
{
    struct chunk *chunk = chunk_at(log, 0);

    log->oldest = (log->oldest + 1) % CHANGE_LOG_MOST;
    log->n_chunks--;
    log->n_kept -= chunk->n;
    raise(&log->floor[chunk->cell], last_of(chunk));
    free_chunk(chunk);
}

/* Leaves out what is known already, and what its texts were stays where it is. */
static void leave_out(struct chunk *chunk, int64_t known)
{
    size_t n = 0;

    while (n < chunk->n && chunk->changes[n].page.change <= known)
        n++;
    chunk->n -= n;
    memmove(chunk->changes, chunk->changes + n, chunk->n * sizeof(chunk->changes[0]));
}

/* A cell that was another process's until now may have changes that aren't known here: they are in the table. */
static void keep(struct change_log *log, struct chunk *chunk)
{
    leave_out(chunk, log->newest[chunk->cell]);
    if (!chunk->n) {
        free_chunk(chunk);
        return;
    }
    if (chunk->before > log->newest[chunk->cell])
        raise(&log->floor[chunk->cell], chunk->before);
    while (log->n_kept >= CHANGE_LOG_MOST)
        drop_oldest(log);
    chunk->place = log->next_place;
    log->next_place += chunk->n;
    log->kept[(log->oldest + log->n_chunks++) % CHANGE_LOG_MOST] = chunk;
    log->n_kept += chunk->n;
    log->newest[chunk->cell] = last_of(chunk);
    log->on_changes(log->context, chunk->changes, chunk->n);
}

static void forget_all(struct change_log *log)
{
    while (log->n_chunks)
        drop_oldest(log);
    memcpy(log->floor, log->newest, (size_t)log->cells * sizeof(log->floor[0]));
}

/* Under the lock. */
static void take_over_lost(struct change_log *log)
{
    forget_all(log);
    for (int32_t i = 0; i < log->cells; i++) {
        raise(&log->newest[i], log->lost_until[i]);
        log->floor[i] = log->newest[i];
        log->lost_until[i] = 0;
    }
    log->lost = false;
}

static void take_arrived(struct loop_job *job)
{
    struct change_log *log = CONTAINER_OF(job, struct change_log, arrived);

    pthread_mutex_lock(&log->lock);
    struct chunk *chunk = log->incoming.first;
    bool lost = log->lost;
    list_clear(&log->incoming);
    if (lost)
        take_over_lost(log);
    pthread_mutex_unlock(&log->lock);
    if (lost)
        log->on_changes(log->context, NULL, 0);
    while (chunk) {
        struct chunk *next = chunk->next;
        keep(log, chunk);
        chunk = next;
    }
}

int change_log_take(struct change_log *log, int32_t cell, const struct mypage *pages, size_t n)
{
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += bytes_of(&pages[i]);
    struct chunk *chunk = n ? new_chunk(cell, log->newest[cell], n, bytes) : NULL;
    if (!chunk)
        return n ? E_MEMORY : OK;
    for (size_t i = 0; i < n; i++)
        chunk->changes[i].page = pages[i];
    own_texts(chunk);
    keep(log, chunk);
    return OK;
}

void change_log_skip(struct change_log *log, int32_t cell, int64_t until)
{
    if (until <= log->newest[cell])
        return;
    log->newest[cell] = until;
    log->floor[cell] = until;
}

void change_log_begin_again(struct change_log *log, const int64_t *newest)
{
    memcpy(log->newest, newest, (size_t)log->cells * sizeof(log->newest[0]));
    forget_all(log);
    log->on_changes(log->context, NULL, 0);
}

/* The first chunk that has something behind the place, or, of one cell, behind the number; n_chunks: none. */
static size_t first_behind(const struct change_log *log, const int64_t *last, uint64_t place)
{
    size_t first = 0, end = log->n_chunks;

    while (first < end) {
        size_t middle = (first + end) / 2;
        const struct chunk *chunk = chunk_at(log, middle);
        if (log->cells == 1 ? last_of(chunk) <= last[0] : chunk->place + chunk->n <= place)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static size_t first_after(const struct chunk *chunk, int64_t change)
{
    size_t low = 0, high = chunk->n - 1;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (chunk->changes[middle].page.change <= change)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct change *change_log_next(struct change_log *log, const int64_t *last, uint64_t *at, int32_t *cell)
{
    for (size_t i = first_behind(log, last, *at); i < log->n_chunks; i++) {
        struct chunk *chunk = chunk_at(log, i);
        if (last_of(chunk) <= last[chunk->cell])
            continue;
        size_t found = first_after(chunk, last[chunk->cell]);
        *at = chunk->place + found;
        *cell = chunk->cell;
        return &chunk->changes[found];
    }
    *at = log->next_place;
    return NULL;
}

int32_t change_log_unknown(const struct change_log *log, const int64_t *last)
{
    int32_t i = 0;

    while (i < log->cells && last[i] >= log->floor[i])
        i++;
    return i < log->cells ? i : -1;
}

const int64_t *change_log_newest(const struct change_log *log)
{
    return log->newest;
}

struct change_log *change_log_new(struct loop *loop, const int64_t *newest, int32_t cells,
                                  void (*on_changes)(void *context, struct change *changes, size_t n), void *context)
{
    struct change_log *log = heap_alloc(sizeof(*log) + (size_t)cells * 3 * sizeof(log->numbers[0]));

    if (!log)
        return NULL;
    log->loop = loop;
    log->on_changes = on_changes;
    log->context = context;
    log->arrived.run = take_arrived;
    log->next_place = 1;
    log->cells = cells;
    log->newest = log->numbers;
    log->floor = log->newest + cells;
    log->lost_until = log->floor + cells;
    memcpy(log->newest, newest, (size_t)cells * sizeof(newest[0]));
    memcpy(log->floor, newest, (size_t)cells * sizeof(newest[0]));
    pthread_mutex_init(&log->lock, NULL);
    list_clear(&log->incoming);
    return log;
}

void change_log_free(struct change_log *log)
{
    if (!log)
        return;
    while (log->incoming.first) {
        struct chunk *chunk = log->incoming.first;
        log->incoming.first = chunk->next;
        free_chunk(chunk);
    }
    forget_all(log);
    pthread_mutex_destroy(&log->lock);
    heap_free(log);
}
