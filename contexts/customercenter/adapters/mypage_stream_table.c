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
    int64_t after;  /* this change */
    int64_t most;   /* changes that may be missing; 0: that has been looked at before */
    int64_t newest; /* change of all when it was asked */
    /* found */
    int64_t missing;
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

    int rc =
        reading->most ? view_count_changes(sql, CELL_ONLY, reading->after, reading->most + 1, &reading->missing) : OK;
    if (rc || reading->missing > reading->most)
        return rc;
    return view_changes_after(sql, CELL_ONLY, reading->after, ROWS_AT_ONCE, &reading->arena, keep, reading);
}

/* ---- writing what has come: loop thread ---- */

static int write_changes(struct follower *follower, const struct table_reading *reading)
{
    int rc = OK;

    if (reading->missing > reading->most) {
        mypage_stream_write_reset(follower);
        return OK;
    }
    follower->catching_up = true;
    for (size_t i = 0; i < reading->n && !rc; i++)
        rc = mypage_stream_write_page(follower, &reading->pages[i]);
    if (reading->n == 0)
        follower->last = reading->newest; /* nothing there: all has been told */
    return rc;
}

static int compare_changes(const void *left, const void *right)
{
    int64_t a = ((const struct mypage *)left)->change, b = ((const struct mypage *)right)->change;

    return (a > b) - (a < b);
}

static int write_orders(struct follower *follower, struct table_reading *reading)
{
    int64_t told = follower->last, epoch = follower->stream->epoch;
    int rc = OK;

    for (size_t i = 0; i < reading->n; i++) {
        if (reading->pages[i].change && reading->pages[i].change < epoch)
            reading->pages[i].change = epoch; /* a number with which it can come again */
    }
    qsort(reading->pages, reading->n, sizeof(*reading->pages), compare_changes);
    for (size_t i = 0; i < reading->n && !rc; i++) {
        if (reading->pages[i].change > told)
            rc = mypage_stream_write_page(follower, &reading->pages[i]);
    }
    return rc;
}

static void have_read(struct row_reading *base, int error)
{
    struct table_reading *reading = CONTAINER_OF(base, struct table_reading, base);
    struct follower *follower = reading->follower;

    if (follower) {
        follower->reading = NULL;
        if (!error)
            error = base->read == read_orders ? write_orders(follower, reading) : write_changes(follower, reading);
        follower->error = error;
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

void mypage_stream_read_changes(struct follower *follower)
{
    const struct mypage_stream *stream = follower->stream;
    struct table_reading *reading = new_reading(follower, read_changes, ROWS_AT_ONCE);

    if (!reading)
        return;
    reading->after = follower->last;
    reading->most = follower->catching_up ? 0 : stream->settings.max_resume;
    reading->newest = change_log_newest(stream->log);
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
