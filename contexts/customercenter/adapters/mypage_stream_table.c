/* mypage_stream_table.c: what is read from the table for a follower: on the loop, or, where the table is on a server,
 * on a reader's thread while the follower waits. */
#include "mypage_stream_internal.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "view_queries_sql.h"

#include <stdlib.h>

enum { ROWS_AT_ONCE = 64 };

struct table_reading {
    struct row_reading base;
    struct follower *follower; /* NULL: gone meanwhile */
    struct arena arena;
    /* asked */
    int32_t cell, cells;
    int64_t *after; /* this change, of each cell */
    int64_t most;   /* changes that may be missing; 0: that has been looked at before */
    int64_t newest; /* change of the cell when it was asked */
    /* found */
    int64_t missing;
    int64_t *newest_of; /* change of each cell, by the table, */
    int64_t epoch;      /* and where its numbers begin */
    size_t n;
    struct mypage pages[]; /* with their ids, when they are asked for */
};

/* ---- reading: any thread ---- */

static int read_orders(struct row_reading *base, struct sql *sql)
{
    struct table_reading *reading = CONTAINER_OF(base, struct table_reading, base);
    int64_t ids[MYPAGE_STREAM_MOST_ORDERS];

    for (size_t i = 0; i < reading->n; i++)
        ids[i] = reading->pages[i].id;
    return view_find_many(sql, ids, reading->n, reading->pages, &reading->arena);
}

static int keep(void *context, const struct mypage *page)
{
    struct table_reading *reading = context;

    ASSERT(reading->n < ROWS_AT_ONCE);
    reading->pages[reading->n++] = *page;
    return OK;
}

static int read_changes(struct row_reading *base, struct sql *sql)
{
    struct table_reading *reading = CONTAINER_OF(base, struct table_reading, base);
    struct cell cell = {reading->cell, reading->cells};
    int rc = OK;

    if (reading->most)
        rc = view_count_changes(sql, reading->after, reading->cells, reading->most + 1, &reading->missing,
                                &reading->arena);
    if (rc || reading->missing > reading->most)
        return rc;
    return view_changes_after(sql, cell, reading->after[cell.number], ROWS_AT_ONCE, &reading->arena, keep, reading);
}

static int read_beginning(struct row_reading *base, struct sql *sql)
{
    struct table_reading *reading = CONTAINER_OF(base, struct table_reading, base);

    return view_newest_changes(sql, reading->cells, &reading->epoch, reading->newest_of, &reading->arena);
}

/* ---- writing what has come: loop thread ---- */

static int write_changes(struct follower *follower, const struct table_reading *reading)
{
    int rc = OK;

    if (reading->missing > reading->most) {
        mypage_stream_write_reset(follower, change_log_newest(follower->stream->log));
        return OK;
    }
    follower->catching_up = true;
    for (size_t i = 0; i < reading->n && !rc; i++)
        rc = mypage_stream_write_page(follower, reading->cell, &reading->pages[i]);
    if (reading->n < ROWS_AT_ONCE) /* all that there was has been told */
        mypage_stream_got(follower, reading->cell, reading->newest);
    return rc;
}

static int compare_changes(const void *left, const void *right)
{
    int64_t a = ((const struct mypage *)left)->change, b = ((const struct mypage *)right)->change;

    return (a > b) - (a < b);
}

/* Those that it has got already are left with a change of 0. */
static int write_orders(struct follower *follower, struct table_reading *reading)
{
    int64_t epoch = follower->stream->epoch;
    int32_t cells = follower->stream->cells;
    int rc = OK;

    for (size_t i = 0; i < reading->n; i++) {
        struct mypage *page = &reading->pages[i];
        if (page->change && page->change < epoch)
            page->change = epoch; /* a number with which it can come again */
        if (page->change <= follower->last[cell_of_id(page->id, cells)])
            page->change = 0;
    }
    qsort(reading->pages, reading->n, sizeof(*reading->pages), compare_changes);
    for (size_t i = 0; i < reading->n && !rc; i++) {
        if (reading->pages[i].change)
            rc = mypage_stream_write_page(follower, cell_of_id(reading->pages[i].id, cells), &reading->pages[i]);
    }
    return rc;
}

static int write_beginning(struct follower *follower, const struct table_reading *reading)
{
    struct mypage_stream *stream = follower->stream;

    if (reading->epoch != stream->epoch)
        mypage_stream_begin_again(stream, reading->epoch, reading->newest_of);
    mypage_stream_look_begin(stream->look, reading->newest_of);
    mypage_stream_begin(follower, reading->newest_of);
    return OK;
}

static int write_found(struct follower *follower, struct table_reading *reading)
{
    if (reading->base.read == read_beginning)
        return write_beginning(follower, reading);
    return reading->base.read == read_orders ? write_orders(follower, reading) : write_changes(follower, reading);
}

static void have_read(struct row_reading *base, int error)
{
    struct table_reading *reading = CONTAINER_OF(base, struct table_reading, base);
    struct follower *follower = reading->follower;

    if (follower) {
        follower->reading = NULL;
        follower->error = error ? error : write_found(follower, reading);
    }
    arena_free(&reading->arena);
    heap_free(reading);
    if (follower && !follower->asks)
        http_stream_wake(&follower->http);
}

/* ---- asking: loop thread ---- */

static struct table_reading *new_reading(struct follower *follower, int (*read)(struct row_reading *, struct sql *),
                                         size_t most)
{
    struct table_reading *reading = heap_alloc(sizeof(*reading) + most * sizeof(reading->pages[0]));

    if (!reading) {
        follower->error = E_MEMORY;
        return NULL;
    }
    reading->base.read = read;
    reading->base.done = have_read;
    reading->follower = follower;
    reading->cells = follower->stream->cells;
    arena_init(&reading->arena, 0);
    return reading;
}

static void begin(struct follower *follower, struct table_reading *reading)
{
    const struct mypage_stream *stream = follower->stream;

    follower->reading = reading;
    follower->asks = true;
    reader_read_row(stream->reader, stream->loop, &reading->base);
    follower->asks = false;
}

/* Room for a number of each cell; false: no memory, and the reading is given up. */
static bool make_numbers(struct follower *follower, struct table_reading *reading, int64_t **numbers)
{
    *numbers = ARENA_ARRAY(&reading->arena, int64_t, (size_t)reading->cells);
    if (*numbers)
        return true;
    arena_free(&reading->arena);
    heap_free(reading);
    follower->error = E_MEMORY;
    return false;
}

void mypage_stream_read_changes(struct follower *follower, int32_t cell)
{
    const struct mypage_stream *stream = follower->stream;
    struct table_reading *reading = new_reading(follower, read_changes, ROWS_AT_ONCE);

    if (!reading || !make_numbers(follower, reading, &reading->after))
        return;
    memcpy(reading->after, follower->last, (size_t)stream->cells * sizeof(reading->after[0]));
    reading->cell = cell;
    reading->most = follower->catching_up ? 0 : stream->settings.max_resume;
    reading->newest = change_log_newest(stream->log)[cell];
    begin(follower, reading);
}

void mypage_stream_read_beginning(struct follower *follower)
{
    struct table_reading *reading = new_reading(follower, read_beginning, 0);

    if (reading && make_numbers(follower, reading, &reading->newest_of))
        begin(follower, reading);
}

void mypage_stream_read_orders(struct follower *follower)
{
    struct table_reading *reading = new_reading(follower, read_orders, follower->n_watches);

    if (!reading)
        return;
    reading->n = follower->n_watches;
    for (size_t i = 0; i < reading->n; i++)
        reading->pages[i].id = follower->watches[i].order_id;
    begin(follower, reading);
}

void mypage_stream_stop_reading(struct follower *follower)
{
    if (follower->reading)
        follower->reading->follower = NULL;
}
