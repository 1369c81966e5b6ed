/** mypage_stream.h: GET /mypages/stream: every change of the view as Server-Sent Events, for many followers at a time.
 *
 *  A follower is a position (view_position.h): of each cell the last change that it got. What comes next is taken from
 * the recent changes in memory (change_log.h) or, further back, from the table, where each page has its last change
 * only. So a slow follower costs nobody memory, and one that resumes gets each page that changed since, once. One too
 * far behind (max_resume), or whose position is not of this database, gets `event: reset`: it loads the list again and
 * goes on from there. One that follows some orders gets their pages at once, then each change.
 *
 *  Where other processes write the table, too, it is looked into for what they have committed, while somebody follows
 * (mypage_stream_look.c); a follower that begins is held against the table, so that a position from another replica is
 * known here however new it is. What this process commits goes out at once, as it is published.
 *
 *  Followers of everything are woken together, the less often the more they are, so that they never cost more than a
 * fraction of the loop.
 */
#ifndef COFFEESHOP_MYPAGE_STREAM_H
#define COFFEESHOP_MYPAGE_STREAM_H

#include "http_server.h"
#include "reader.h"
#include "view_ports.h"

enum { MYPAGE_STREAM_MOST_ORDERS = 20 };

/** The orders that somebody follows, each once; none: everything. */
struct mypage_stream_orders {
    int64_t ids[MYPAGE_STREAM_MOST_ORDERS];
    size_t n;
};

struct mypage_stream_settings {
    int64_t max_streams;         /* at a time; more get 503 */
    int64_t streams_per_address; /* one more ends the oldest */
    int64_t max_resume;          /* changes */
    int64_t heartbeat_ms;        /* a comment line is sent so often */
    int64_t look_ms;             /* the table is looked into so often; 0: this process alone writes it */
};

struct mypage_stream;
/** `reader` reads the table; it outlives the stream. `newest` is the last change so far of each of `cells` cells, and
 * is copied; numbers below `epoch` are another database's. NULL: no memory. */
struct mypage_stream *mypage_stream_new(struct loop *loop, struct reader *reader,
                                        const struct mypage_stream_settings *settings, const int64_t *newest,
                                        int32_t cells, int64_t epoch);
/** All streams closed (http_server_free), the writer stopped; the loop may be gone already. NULL is taken. */
void mypage_stream_free(struct mypage_stream *stream);
/** Where the cell's app publishes. Valid as long as the stream. */
struct view_sink *mypage_stream_sink(struct mypage_stream *stream, int32_t cell);
/** Answers the request. Loop thread. */
void mypage_stream_serve(struct mypage_stream *stream, struct http_request *request,
                         const struct mypage_stream_orders *orders);

#endif
