/* mypage_stream_look.c: what other processes have committed: the table is asked so often, while somebody follows, what
 * each cell has that isn't known here. Whole pages, when somebody follows everything, who then shares them; else only
 * which they are, for those who follow some.
 *
 *  This process's own changes may be among them, when they aren't published yet; the log has them once. */
#include "mypage_stream_internal.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "view_queries_sql.h"
#include "view_schema.h"

enum { ROWS_AT_ONCE = 1024 }; /* of all cells; one of each at least */

struct found {
    struct found *next;
    int32_t cell;
    size_t n, room;
    struct mypage pages[];
};

struct stream_look {
    struct row_reading base;
    struct mypage_stream *stream;
    struct loop_timer timer;
    bool goes_on;   /* somebody follows */
    bool under_way; /* the reader has it */
    struct arena arena;
    /* asked */
    bool whole;
    int64_t most;
    int64_t epoch;
    int64_t *after; /* of each cell */
    /* found */
    int64_t *newest;      /* of each cell, when the epoch is another one */
    struct found *blocks; /* of a cell each, the newest first */
    bool more, replaced;
    int64_t numbers[]; /* where those two are */
};

/* ---- reading: a reader's thread ---- */

static struct found *new_block(struct stream_look *look, int32_t cell)
{
    struct found *block = arena_alloc(&look->arena, sizeof(*block) + (size_t)look->most * sizeof(block->pages[0]));

    if (!block)
        return NULL;
    block->next = look->blocks;
    block->cell = cell;
    block->n = 0;
    block->room = (size_t)look->most;
    look->blocks = block;
    return block;
}

static int keep(void *context, int32_t cell, const struct mypage *page)
{
    struct stream_look *look = context;
    struct found *block = look->blocks && look->blocks->cell == cell ? look->blocks : new_block(look, cell);

    if (!block)
        return E_MEMORY;
    ASSERT(block->n < block->room);
    block->pages[block->n++] = *page;
    look->more |= block->n == block->room;
    return OK;
}

static int read_table(struct row_reading *base, struct sql *sql)
{
    struct stream_look *look = CONTAINER_OF(base, struct stream_look, base);
    const struct view_changes asked = {look->after, look->stream->cells, look->most, look->whole};
    int64_t epoch;

    int rc = view_tally_read(sql, STR(VIEW_TALLY_EPOCH), &epoch);
    if (rc)
        return rc;
    look->replaced = epoch != look->epoch;
    if (look->replaced)
        return view_newest_changes(sql, asked.cells, &look->epoch, look->newest, &look->arena);
    return view_changes_of_cells(sql, &asked, &look->arena, keep, look);
}

/* ---- what has come: loop thread ---- */

/* Without memory for them they are read by each who follows. */
static void take_found(struct stream_look *look)
{
    struct mypage_stream *stream = look->stream;

    for (const struct found *block = look->blocks; block; block = block->next) {
        if (look->whole && change_log_take(stream->log, block->cell, block->pages, block->n) == OK)
            continue;
        change_log_skip(stream->log, block->cell, block->pages[block->n - 1].change);
        for (size_t i = 0; i < block->n; i++)
            mypage_stream_changed(stream, block->pages[i].id);
    }
}

static void have_read(struct row_reading *base, int error)
{
    struct stream_look *look = CONTAINER_OF(base, struct stream_look, base);
    struct mypage_stream *stream = look->stream;

    look->under_way = false;
    if (!error && look->replaced && look->epoch != stream->epoch)
        mypage_stream_begin_again(stream, look->epoch, look->newest);
    else if (!error && look->epoch == stream->epoch)
        take_found(look);
    bool more = !error && look->more;
    arena_free(&look->arena);
    if (look->goes_on)
        loop_timer_set(stream->loop, &look->timer,
                       clock_monotonic() + (more ? 0 : stream->settings.look_ms * US_PER_MS));
}

static void ask(struct loop_timer *timer)
{
    struct stream_look *look = CONTAINER_OF(timer, struct stream_look, timer);
    struct mypage_stream *stream = look->stream;

    if (look->under_way)
        return; /* it sets the timer when it is done */
    look->under_way = true;
    look->whole = stream->n_all > 0;
    look->most = stream->cells < ROWS_AT_ONCE ? ROWS_AT_ONCE / stream->cells : 1;
    look->epoch = stream->epoch;
    look->blocks = NULL;
    look->more = look->replaced = false;
    memcpy(look->after, change_log_newest(stream->log), (size_t)stream->cells * sizeof(look->after[0]));
    look->base = (struct row_reading){.read = read_table, .done = have_read};
    reader_read_row(stream->reader, stream->loop, &look->base);
}

/* ---- life ---- */

void mypage_stream_look_begin(struct stream_look *look, const int64_t *newest)
{
    struct mypage_stream *stream = look->stream;

    if (look->goes_on)
        return;
    look->goes_on = true;
    for (int32_t i = 0; i < stream->cells; i++)
        change_log_skip(stream->log, i, newest[i]); /* nobody wanted to know while nobody followed */
    if (!look->under_way)
        loop_timer_set(stream->loop, &look->timer, clock_monotonic() + stream->settings.look_ms * US_PER_MS);
}

void mypage_stream_look_end(struct stream_look *look)
{
    look->goes_on = false;
    loop_timer_cancel(look->stream->loop, &look->timer);
}

struct stream_look *mypage_stream_look_new(struct mypage_stream *stream)
{
    struct stream_look *look = heap_alloc(sizeof(*look) + (size_t)stream->cells * 2 * sizeof(look->numbers[0]));

    if (!look)
        return NULL;
    look->stream = stream;
    look->timer.fire = ask;
    look->after = look->numbers;
    look->newest = look->after + stream->cells;
    arena_init(&look->arena, 0);
    return look;
}

void mypage_stream_look_free(struct stream_look *look)
{
    if (!look)
        return;
    arena_free(&look->arena);
    heap_free(look);
}
