/** customers.h: customers that order coffee over kept-alive connections: either each at once when it has its answer (a
 * closed loop), or all together at a fixed rate, whatever the shop's speed (an open one).
 */
#ifndef COFFEESHOP_BENCH_CUSTOMERS_H
#define COFFEESHOP_BENCH_CUSTOMERS_H

#include "watch.h"

struct customer {
    struct connection connection;
    int64_t wanted;      /* when it wanted to order what is under way */
    int64_t last_order;  /* 0: none yet */
    int64_t last_wanted; /* when */
};

struct customers_plan {
    const char *address;
    const char *path;
    const char *body; /* JSON */
    int64_t connections;
    int64_t rate;   /* orders a second; 0: a closed loop */
    int64_t orders; /* so many in all; 0: until `until` */
    int64_t until;  /* monotonic microseconds */
    int64_t sample; /* every so-manyth order is watched; 0: none */
    int64_t window; /* at most about so many orders that are not completed; 0: any number */
};

struct customers {
    struct customers_plan plan;
    struct watch *watch;
    struct customer *customer;
    struct customer **idle; /* a ring: whoever has waited longest orders next, so that no connection falls asleep */
    size_t first_idle, n_idle;
    struct str request; /* the same every time */
    int64_t began;
    int64_t started;  /* requests sent */
    int64_t accepted; /* 201 */
    int64_t refused;  /* anything else */
    struct latencies answered;
};

/** Opens all connections. `request` has to live as long. */
bool customers_open(struct customers *customers, int epoll);
void customers_close(struct customers *customers);
/** Sends what is due. Returns when to call again, TIME_NEVER for not before an answer; -1: the server is gone. */
int64_t customers_order(struct customers *customers, int64_t now);
/** One of the connections has something to read. false: the server is gone. */
bool customers_receive(struct customers *customers, struct connection *connection, int64_t now);
/** Whether all was ordered and answered. */
bool customers_are_done(const struct customers *customers, int64_t now);
/** Watches the last order of each, as nothing is finished before they are; what is watched is in order, so all before
 * them are. */
void customers_watch_last(struct customers *customers);

#endif
