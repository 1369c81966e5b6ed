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

int mypage_stream_write_page(struct follower *follower, int32_t cell, const struct mypage *page)
{
    struct buf text = {0};

    mypage_stream_got(follower, cell, page->change);
    mypage_message_id(&follower->out, follower->last, follower->stream->cells);
    mypage_message_write(&text, page);
    mypage_message_add(&follower->out, buf_str(&text), follower->base);
    follower->out.failed |= text.failed;
    buf_free(&text);
    return follower->out.failed ? E_MEMORY : OK;
}

void mypage_stream_write_reset(struct follower *follower, const int64_t *newest)
{
    const struct mypage_stream *stream = follower->stream;

    memcpy(follower->last, newest, (size_t)stream->cells * sizeof(newest[0]));
    mypage_message_id(&follower->out, follower->last, stream->cells);
    mypage_message_reset(&follower->out);
    metric_add(&resets_total, 1);
}
