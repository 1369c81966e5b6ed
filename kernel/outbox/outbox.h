/** outbox.h: the events of one batch, encoded once, stored with the state, sent as they are.
 *
 *  While a batch decides, outbox_add() appends each event as a ready SSE frame ("id: 17\ndata: {…}\n\n") and gives it
 * the next position. The batch's commit stores the whole text as one row (first, count, frames): state and events are
 * one transaction (transactional outbox). After the commit the same bytes go to the feed's followers. If the commit
 * fails, outbox_abandon() gives the positions back.
 *
 *  Writer thread only.
 */
#ifndef COFFEESHOP_OUTBOX_H
#define COFFEESHOP_OUTBOX_H

#include "buf.h"
#include "event.h"

#include <stdint.h>

struct outbox {
    const char *source; /* "order": CloudEvents source "/order", id "order-<position>" */
    uint64_t next;      /* the position that the next event gets; from 1 */
    uint64_t first;     /* of this batch */
    uint64_t count;     /* in this batch */
    struct buf frames;  /* of this batch */
    size_t expected;    /* bytes of the last batch that had any; this one's are about as many */
};

/** `last` is the last position that was ever committed (0: none). */
void outbox_init(struct outbox *outbox, const char *source, uint64_t last);
void outbox_free(struct outbox *outbox);
/** Start of a batch: nothing in it. */
void outbox_begin(struct outbox *outbox);
/** When memory is exhausted `frames.failed` is set: the batch must not be committed then (E_MEMORY). */
void outbox_add(struct outbox *outbox, const struct event *event, const struct json_desc *data_desc, const void *data);
/** The commit failed: the batch's positions are free again. */
void outbox_abandon(struct outbox *outbox);

#endif
