/* mypage_stream_wake.c: whom a change concerns. */
#include "mypage_stream_internal.h"

enum { GAP_US_EACH = 50 /* between two wakings of all, for each of them */ };

static void wake_watcher(void *context, struct watch *watch)
{
    struct follower *follower = watch->follower;

    UNUSED(context);
    follower->look = true;
    http_stream_wake(&follower->http);
}

void mypage_stream_changed(struct mypage_stream *stream, int64_t order_id)
{
    if (stream->all && stream->wake.due_us == 0)
        loop_timer_set(stream->loop, &stream->wake, stream->woken_at + stream->n_all * GAP_US_EACH);
    if (stream->n_followers != stream->n_all)
        watch_each(&stream->board, order_id, wake_watcher, NULL);
}
