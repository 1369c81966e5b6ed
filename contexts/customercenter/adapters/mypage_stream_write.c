/* mypage_stream_write.c: what a follower is sent next: from the changes in memory, from the table when it is further
 * behind (mypage_stream_table.c), or its orders as they are. */
#include "mypage_stream_internal.h"

#include "base.h"
#include "errors.h"
#include "mypage_message.h"

enum { PIECE = 16 * 1024 }; /* bytes written ahead for a follower */

static bool is_full(const struct follower *follower)
{
    return follower->out.n - follower->sent >= PIECE;
}

static int write_change(struct follower *follower, int32_t cell, struct change *change)
{
    mypage_stream_got(follower, cell, change->page.change);
    mypage_message_id(&follower->out, follower->last, follower->stream->cells);
    if (!change->text.n)
        mypage_message_write(&change->text, &change->page);
    mypage_message_add(&follower->out, buf_str(&change->text), follower->base);
    if (!follower->out.failed && !change->text.failed)
        return OK;
    buf_free(&change->text);
    return E_MEMORY;
}

static int write_everything(struct follower *follower)
{
    struct change_log *log = follower->stream->log;
    int rc = OK;

    while (!rc && !is_full(follower)) {
        int32_t cell = change_log_unknown(log, follower->last);
        if (cell >= 0) {
            mypage_stream_read_changes(follower, cell);
            if (follower->reading || follower->error)
                return follower->error;
            continue;
        }
        struct change *change = change_log_next(log, follower->last, &follower->at, &cell);
        follower->catching_up = false;
        if (!change)
            return OK;
        rc = write_change(follower, cell, change);
    }
    return rc;
}

/* All its orders are read as they are at one moment, whichever of them has changed: so what was told up to a number is
 * all there was up to it, and who comes again with that number has missed nothing. */
static int write_orders(struct follower *follower)
{
    if (!follower->look || is_full(follower))
        return OK;
    follower->look = false;
    mypage_stream_read_orders(follower);
    return follower->error;
}

/* The view was replaced by another one under its feet. */
static void begin_again(struct follower *follower)
{
    struct mypage_stream *stream = follower->stream;

    follower->epoch = stream->epoch;
    if (follower->n_watches == 0)
        mypage_stream_write_reset(follower, change_log_newest(stream->log));
}

static int write_next(struct follower *follower)
{
    if (follower->begins && !follower->reading && !follower->error)
        mypage_stream_read_beginning(follower);
    if (follower->reading || follower->error)
        return follower->error;
    if (follower->epoch != follower->stream->epoch)
        begin_again(follower);
    return follower->n_watches ? write_orders(follower) : write_everything(follower);
}

int mypage_stream_write_ahead(struct follower *follower)
{
    if (follower->sent) {
        size_t left = follower->out.n - follower->sent;
        memmove(follower->out.p, follower->out.p + follower->sent, left);
        follower->out.n = left;
        follower->sent = 0;
    }
    int rc = write_next(follower);
    if (!rc && follower->heartbeat && follower->out.n == 0)
        BUF_LIT(&follower->out, ":\n\n");
    return rc ? rc : follower->out.failed ? E_MEMORY : OK;
}
