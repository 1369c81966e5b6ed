/** watch.h: looks, for some of the orders, how long it takes until the customer sees them completed.
 *
 *  A watched order is asked for every millisecond while it is young and every 6 % of its age later, over a few
 *  connections of its own: watching a few hundred orders a second costs the view little, and a slow shop is not made
 *  slower by the looking. What is measured is late by at most that interval.
 */
#ifndef COFFEESHOP_BENCH_WATCH_H
#define COFFEESHOP_BENCH_WATCH_H

#include "connection.h"
#include "latencies.h"

enum { WATCH_CONNECTIONS = 8, WATCH_MOST = 1024 };

struct watched {
    int64_t order;
    int64_t posted;  /* when the customer wanted it */
    int64_t look_at; /* when to look again */
    bool counts;     /* for the latencies */
    bool asked;      /* being looked at right now */
};

struct watch {
    const char *address; /* NULL: nothing is watched */
    const char *path;    /* what the order's id is appended to */
    const char *until;   /* what the answer holds when the order is completed */
    int epoll;
    struct connection connection[WATCH_CONNECTIONS]; /* opened when needed: the server closes what is idle for long */
    size_t next;                                     /* the connection to ask by */
    size_t asked[WATCH_CONNECTIONS];                 /* which one the connection asks for */
    struct watched orders[WATCH_MOST];
    bool used[WATCH_MOST];
    size_t n;
    uint64_t skipped; /* there were too many already */
    struct latencies completed;
};

/** The connections will be added to `epoll`. */
void watch_open(struct watch *watch, int epoll);
void watch_close(struct watch *watch);
/** false when too many are watched already. */
bool watch_add(struct watch *watch, int64_t order, int64_t posted, bool counts);
/** Asks for every order that is due. Returns when to call again, TIME_NEVER for not before an answer; -1: the server is
 * gone. */
int64_t watch_look(struct watch *watch, int64_t now);
/** One of the connections has something to read. false: the server is gone. */
bool watch_receive(struct watch *watch, struct connection *connection, int64_t now);

#endif
