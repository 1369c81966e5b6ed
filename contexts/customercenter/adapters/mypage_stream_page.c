/* mypage_stream_page.c: what a follower is told of one page, or instead of all of them. */
#include "mypage_stream_internal.h"

#include "errors.h"
#include "metrics.h"
#include "mypage_message.h"

static struct metric resets_total = METRIC_COUNTER_INIT(
    "coffeeshop_view_stream_resets_total", "Followers told to load the list again, because they were too far behind.");

void mypage_stream_register_resets(void)
{
    metric_register(&resets_total);
}

int mypage_stream_write_page(struct follower *follower, const struct mypage *page)
{
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
