/** mypage_stream_internal.h: what mypage_stream.c (who follows, and when they are woken), mypage_stream_write.c (what
 * they are sent), mypage_stream_table.c (what is read for them from the table) and mypage_stream_page.c (one page)
 * share. Private to the stream. Loop thread.
 */
#ifndef COFFEESHOP_MYPAGE_STREAM_INTERNAL_H
#define COFFEESHOP_MYPAGE_STREAM_INTERNAL_H

#include "arena.h"
#include "change_log.h"
#include "mypage_stream.h"
#include "order_watch.h"

struct table_reading;

struct follower {
    struct follower *next, **prev; /* in the list of those who follow everything */
    struct http_stream http;
    struct mypage_stream *stream;
    size_t n_watches;              /* its orders; 0: it follows everything */
    struct watch *watches;         /* behind it */
    int64_t last;                  /* change that it has got */
    bool catching_up;              /* reads the table, and may */
    struct table_reading *reading; /* under way; until it is done nothing else is written. NULL: none */
    bool asks;                     /* … and may be done before it is waited for */
    int error;                     /* of the last one: the stream ends */
    bool look;                     /* of some orders: one of them may have changed */
    bool heartbeat;
    int64_t sent_at;
    struct buf out; /* written, from `sent` on not yet sent */
    size_t sent;
    struct str base; /* for links; behind the watches */
};

struct mypage_stream {
    struct view_sink sink;
    struct loop *loop;
    struct reader *reader;
    struct mypage_stream_settings settings;
    int64_t epoch;
    struct change_log *log;
    struct follower *all;
    struct watch_board board;
    int64_t n_all, n_followers;
    struct http_places places;
    struct loop_timer wake, heartbeat;
    int64_t woken_at;
};

/** Writes what comes next behind what is in `out` and not yet sent; nothing when there is nothing new. 0, or why the
 * view can't be read: then the stream ends, and its client comes again. */
int mypage_stream_write_ahead(struct follower *follower);
/** Writes a page as it is in the table. 0 or E_MEMORY. */
int mypage_stream_write_page(struct follower *follower, const struct mypage *page);
/** Tells it to load the list again: it can't go on from where it was. */
void mypage_stream_write_reset(struct follower *follower);
/** The metric that counts those. */
void mypage_stream_register_resets(void);

/** Reads what is behind the changes kept in memory, and writes it; or writes a reset. It may be done when this returns,
 * else follower->reading is set, and the follower is woken when it is. */
void mypage_stream_read_changes(struct follower *follower);
/** The same for the orders that it follows, as they are. */
void mypage_stream_read_orders(struct follower *follower);
/** The follower is gone; what is being read for it is forgotten. */
void mypage_stream_stop_reading(struct follower *follower);

#endif
