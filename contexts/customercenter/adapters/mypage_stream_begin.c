/* mypage_stream_begin.c: where a follower begins: where its client's position says, if that is one of this view's. */
#include "mypage_stream_internal.h"

/* A cell of which it has got nothing is 0 in it. */
static bool is_of_this_view(const struct follower *follower, const int64_t *newest)
{
    const struct mypage_stream *stream = follower->stream;

    for (int32_t i = 0; i < stream->cells; i++) {
        int64_t last = follower->last[i];
        if (last && (last < stream->epoch || last > newest[i]))
            return false;
    }
    return true;
}

/* Without a position: from now on; but of some orders, which are told as they are. */
void mypage_stream_begin(struct follower *follower, const int64_t *newest)
{
    const struct mypage_stream *stream = follower->stream;
    size_t bytes = (size_t)stream->cells * sizeof(newest[0]);

    follower->begins = false;
    follower->epoch = stream->epoch;
    if (follower->names && follower->named == VIEW_POSITION_READ && is_of_this_view(follower, newest))
        return;
    if (follower->names)
        mypage_stream_write_reset(follower, newest);
    if (follower->n_watches)
        memset(follower->last, 0, bytes);
    else
        memcpy(follower->last, newest, bytes);
}

void mypage_stream_begin_again(struct mypage_stream *stream, int64_t epoch, const int64_t *newest)
{
    stream->epoch = epoch;
    change_log_begin_again(stream->log, newest);
}
