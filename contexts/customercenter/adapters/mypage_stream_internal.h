/** mypage_stream_internal.h: what mypage_stream.c (who follows, and when they are woken), mypage_stream_write.c (what
 * they are sent), mypage_stream_table.c (what is read for them from the table), mypage_stream_begin.c (where one
 * begins), mypage_stream_wake.c (whom a change concerns), mypage_stream_look.c (what other processes have committed)
 * and mypage_stream_page.c (one page) share. Private to the stream. Loop thread.
 */
#ifndef COFFEESHOP_MYPAGE_STREAM_INTERNAL_H
#define COFFEESHOP_MYPAGE_STREAM_INTERNAL_H

#include "arena.h"
#include "change_log.h"
#include "mypage_stream.h"
#include "order_watch.h"
#include "view_position.h"

struct table_reading;
struct stream_look;

struct follower {
    struct follower *next, **prev; /* in the list of those who follow everything */
    struct http_stream http;
    struct mypage_stream *stream;
    size_t n_watches;                 /* its orders; 0: it follows everything */
    struct watch *watches;            /* behind it */
    int64_t *last;                    /* change that it has got, of each cell; behind it */
    uint64_t at;                      /* its place in the log */
    int64_t epoch;                    /* in which it got them */
    enum view_position_reading named; /* what its client's position was … */
    bool names;                       /* … if it named one … */
    bool begins;                      /* … and it isn't known yet where it begins by that */
    bool catching_up;                 /* reads the table, and may */
    struct table_reading *reading;    /* under way; until it is done nothing else is written. NULL: none */
    bool asks;                        /* … and may be done before it is waited for */
    int error;                        /* of the last one: the stream ends */
    bool look;                        /* of some orders: one of them may have changed */
    bool heartbeat;
    int64_t sent_at;
    struct buf out; /* written, from `sent` on not yet sent */
    size_t sent;
    struct str base; /* for links; behind the watches */
};

/* Where a cell's app publishes. */
struct cell_sink {
    struct view_sink sink;
    struct mypage_stream *stream;
    int32_t cell;
};

struct mypage_stream {
    struct loop *loop;
    struct reader *reader;
    struct mypage_stream_settings settings;
    int32_t cells;
    int64_t epoch;
    struct change_log *log;
    struct stream_look *look; /* NULL: this process alone writes the table */
    struct follower *all;
    struct watch_board board;
    int64_t n_all, n_followers;
    struct http_places places;
    struct loop_timer wake, heartbeat;
    int64_t woken_at;
    struct cell_sink sinks[]; /* of each cell */
};

/** Begins where its client's position says, or with a reset: from `newest`, the last change of each cell. */
void mypage_stream_begin(struct follower *follower, const int64_t *newest);
/** The same, with what the table has by now. As mypage_stream_read_changes(). */
void mypage_stream_read_beginning(struct follower *follower);
/** It has got a change of a cell. */
static inline void mypage_stream_got(struct follower *follower, int32_t cell, int64_t change)
{
    if (follower->last[cell] < change)
        follower->last[cell] = change;
}

/** An order's page has changed; 0: any may have. Who follows it is woken. */
void mypage_stream_changed(struct mypage_stream *stream, int64_t order_id);
/** The table is another view's by now, whose numbers begin at `epoch`. */
void mypage_stream_begin_again(struct mypage_stream *stream, int64_t epoch, const int64_t *newest);

/** Looking into the table for what other processes commit. NULL: no memory. */
struct stream_look *mypage_stream_look_new(struct mypage_stream *stream);
/** The reader is stopped. NULL is taken. */
void mypage_stream_look_free(struct stream_look *look);
/** Somebody follows; `newest` is what the table had a moment ago. Harmless when it goes on already. */
void mypage_stream_look_begin(struct stream_look *look, const int64_t *newest);
/** Nobody follows. */
void mypage_stream_look_end(struct stream_look *look);

/** Writes what comes next behind what is in `out` and not yet sent; nothing when there is nothing new. 0, or why the
 * view can't be read: then the stream ends, and its client comes again. */
int mypage_stream_write_ahead(struct follower *follower);
/** Writes a page of a cell as it is in the table. 0 or E_MEMORY. */
int mypage_stream_write_page(struct follower *follower, int32_t cell, const struct mypage *page);
/** Tells it to load the list again, since it can't go on from where it was; it goes on from `newest`. */
void mypage_stream_write_reset(struct follower *follower, const int64_t *newest);
/** The metric that counts those. */
void mypage_stream_register_resets(void);

/** Reads what of a cell is behind the changes kept in memory, and writes it; or writes a reset. It may be done when
 * this returns, else follower->reading is set, and the follower is woken when it is. */
void mypage_stream_read_changes(struct follower *follower, int32_t cell);
/** The same for the orders that it follows, as they are. */
void mypage_stream_read_orders(struct follower *follower);
/** The follower is gone; what is being read for it is forgotten. */
void mypage_stream_stop_reading(struct follower *follower);

#endif
