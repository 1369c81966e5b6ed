/** membership_redis.h: membership (membership.h) in Redis >= 7.
 *
 *  Three keys with one hash tag, {<service>.cells}: who lives and until when, who has which cell by which number, and
 * into how many the state is cut. Each call is one function, so one atomic step. A member lives for `lost_ms` after its
 * last sign of life, by Redis's own clock and no other; an operator who sets that clock ahead ends them all, and they
 * join again. A claim's number is what kv_redis.h takes as `token`: whoever opens a cell by it has shut out all who had
 * it before.
 */
#ifndef COFFEESHOP_MEMBERSHIP_REDIS_H
#define COFFEESHOP_MEMBERSHIP_REDIS_H

#include "buf.h"
#include "membership.h"

struct membership_redis_options {
    const char *url, *password, *ca_file, *cert_file, *key_file; /* as in kv_redis_options */
    const char *service; /* "shop": names the keys; letters, digits, '.', '_', '-', ':', at most 58 */
    size_t n_cells;      /* into how many the service's state is cut */
    int64_t lost_ms;     /* who gives no sign of life for so long is dead */
};

/** Connects, and makes the keys or checks that they are ours. NULL on failure, with a sentence in `problem` and *error
 * set as kv_redis_open() does; E_FOREIGN, too: the service's state is cut into another number of cells. The options'
 * texts have to live as long as it does. */
struct membership *membership_redis_open(const struct membership_redis_options *options, struct buf *problem,
                                         int *error);

#endif
