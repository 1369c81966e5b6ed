/* mypage_stream_write.c: what a follower is sent next: from the changes in memory, from the table when it is further
 * behind, or its orders as they are. */
#include "mypage_stream_internal.h"

#include "base.h"
#include "errors.h"
#include "metrics.h"
#include "mypage_message.h"
#include "view_queries_sql.h"

#include <stdlib.h>

enum {
    PIECE = 16 * 1024, /* bytes written ahead for a follower */
    ROWS_AT_ONCE = 64, /* from the table */
};

static struct metric resets_total = METRIC_COUNTER_INIT(
    "coffeeshop_view_stream_resets_total", "Followers told to load the list again, because they were too far behind.");

void mypage_stream_register_resets(void)
{
    metric_register(&resets_total);
}

static bool is_full(const struct follower *follower)
{
    return follower->out.n - follower->sent >= PIECE;
}

static int add_from_table(void *context, const struct mypage *page)
{
    struct follower *follower = context;
    struct buf text = {0};

    mypage_message_write(&text, page);
    mypage_message_add(&follower->out, buf_str(&text), follower->base);
    follower->out.failed |= text.failed;
    buf_free(&text);
    follower->last = page->change;
    return follower->out.failed ? E_MEMORY : OK;
}

void mypage_stream_write_reset(struct follower *follower)
{
    follower->last = change_log_newest(follower->stream->log);
    mypage_message_reset(&follower->out, follower->last);
    metric_add(&resets_total, 1);
}

/* Behind what is kept in memory. */
static int read_table(struct follower *follower)
{
    struct mypage_stream *stream = follower->stream;
    int64_t most = stream->settings.max_resume;
    int64_t before = follower->last, n = 0;

    if (!follower->catching_up) {
        int rc = view_count_changes(stream->reads, follower->last, most + 1, &n);
        if (rc)
            return rc;
        if (n > most) {
            mypage_stream_write_reset(follower);
            return OK;
        }
        follower->catching_up = true;
    }
    arena_reset(&stream->arena);
    int rc = view_changes_after(stream->reads, follower->last, ROWS_AT_ONCE, &stream->arena, add_from_table, follower);
    if (!rc && follower->last == before)
        follower->last = change_log_newest(stream->log); /* nothing there: all has been told */
    return rc;
}

static int write_everything(struct follower *follower)
{
    struct change_log *log = follower->stream->log;

    while (!is_full(follower) && follower->last < change_log_newest(log)) {
        if (follower->last < change_log_floor(log)) {
            int rc = read_table(follower);
            if (rc)
                return rc;
            continue;
        }
        struct change *change = change_log_after(log, follower->last);
        follower->catching_up = false;
        if (!change->text.n)
            mypage_message_write(&change->text, &change->page);
        mypage_message_add(&follower->out, buf_str(&change->text), follower->base);
        if (follower->out.failed || change->text.failed) {
            buf_free(&change->text);
            return E_MEMORY;
        }
        follower->last = change->page.change;
    }
    return OK;
}

static int compare_changes(const void *left, const void *right)
{
    int64_t a = ((const struct mypage *)left)->change, b = ((const struct mypage *)right)->change;

    return (a > b) - (a < b);
}

/* All its orders are read as they are at one moment, whichever of them has changed: so what was told up to a number is
 * all there was up to it, and who comes again with that number has missed nothing. */
static int write_orders(struct follower *follower)
{
    struct mypage_stream *stream = follower->stream;
    struct mypage pages[MYPAGE_STREAM_MOST_ORDERS];
    int64_t ids[MYPAGE_STREAM_MOST_ORDERS], told = follower->last;

    if (!follower->look || is_full(follower))
        return OK;
    follower->look = false;
    arena_reset(&stream->arena);
    for (size_t i = 0; i < follower->n_watches; i++)
        ids[i] = follower->watches[i].order_id;
    int rc = view_find_many(stream->reads, ids, follower->n_watches, pages, &stream->arena);
    for (size_t i = 0; i < follower->n_watches && !rc; i++) {
        if (pages[i].change && pages[i].change < stream->epoch)
            pages[i].change = stream->epoch; /* a number with which it can come again */
    }
    if (!rc)
        qsort(pages, follower->n_watches, sizeof(*pages), compare_changes);
    for (size_t i = 0; i < follower->n_watches && !rc; i++) {
        if (pages[i].change > told)
            rc = add_from_table(follower, &pages[i]);
    }
    return rc;
}

int mypage_stream_write_ahead(struct follower *follower)
{
    if (follower->sent) {
        size_t left = follower->out.n - follower->sent;
        memmove(follower->out.p, follower->out.p + follower->sent, left);
        follower->out.n = left;
        follower->sent = 0;
    }
    int rc = follower->n_watches ? write_orders(follower) : write_everything(follower);
    if (!rc && follower->heartbeat && follower->out.n == 0)
        BUF_LIT(&follower->out, ":\n\n");
    return rc ? rc : follower->out.failed ? E_MEMORY : OK;
}
