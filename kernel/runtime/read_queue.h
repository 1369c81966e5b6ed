/** read_queue.h: whose read is next: each address has a line of its own, and the lines take turns (round robin), so
 * that an address that asks much waits for itself and nobody waits for more than one read of each other address.
 *
 *  Pure, without locks or memory of its own: the jobs are linked to each other.
 */
#ifndef COFFEESHOP_READ_QUEUE_H
#define COFFEESHOP_READ_QUEUE_H

#include "reader.h"

struct read_queue {
    size_t most;        /* that may wait */
    size_t per_address; /* of them for one address; loopback is free of it */
    size_t n;
    struct read_job *first, *last; /* of each line the first job, in the order of their turns */
};

/** False: as many as may wait do already, in all or of this address. When all places are taken but another address has
 * more of them than this one will have, its newest gives up its place: `*pushed_out`, otherwise NULL. */
bool read_queue_add(struct read_queue *queue, struct read_job *job, struct read_job **pushed_out);
/** NULL: nobody waits. */
struct read_job *read_queue_take(struct read_queue *queue);

#endif
