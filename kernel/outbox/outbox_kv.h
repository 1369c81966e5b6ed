/** outbox_kv.h: outbox, cursors, idempotency keys and dead letters in a key-value store, as outbox_sql.h is for the
 *  relational ones.
 *
 *      outbox/<last position>          first, count, moment, frames
 *      cursor/<source>                 position, epoch (missing in those from before there were epochs)
 *      epoch/<n>                       number, the newest position when it began (feed_history.h)
 *      key/<idempotency key>           fingerprint, status, moment, location, body
 *      keyat/<moment>/<key>            nothing: which keys expire next
 *      dead/<source>/<position>        moment, reason, frame
 *
 *  Numbers in keys are 8 bytes, most significant first, so that bytewise order is their order. A batch is kept under
 * its last position: a scan from any position meets the batch that holds it. A context keeps its own keys off these
 *  prefixes.
 */
#ifndef COFFEESHOP_OUTBOX_KV_H
#define COFFEESHOP_OUTBOX_KV_H

#include "feed_history.h"
#include "kv_changes.h"
#include "outbox_write.h"

/** Adds to `changes` what the batch stores besides its states; texts are copied to changes->arena. Returns 0, E_MEMORY,
 * or E_TOO_LARGE for a key longer than the store takes (KV_KEY_MAX less 15 bytes). Writer thread. */
int outbox_kv_write(struct kv_changes *changes, const struct outbox_write *write);
/** At start: begins the epoch `number` of this store's feed, and fills in the history, which is empty before, with all
 * of them. EPOCH_UNKNOWN begins none. When it can't be stored the history ends with the last one that is. */
int outbox_kv_begin_epoch(struct kv *kv, uint64_t number, struct feed_history *history);
/** The last position committed, and the cursors (sources already filled in; unknown ones get 0). With cursors for the
 * start, on the writer thread; without (NULL) on any. */
int outbox_kv_restore(struct kv *kv, uint64_t *last, struct cursors *cursors);
/** At start: the newest moment that a batch or a key was stored at, us; 0: there is none. Writer thread. */
int outbox_kv_newest(struct kv *kv, int64_t *moment);
/** The stored batches from the one that holds position `after` + 1, appended to `frames` until it has at least `enough`
 * bytes or there are no more.
 *  `*oldest` is the first position still kept (0: none ever was). Any thread. */
int outbox_kv_read(struct kv *kv, uint64_t after, size_t enough, struct buf *frames, uint64_t *oldest);
/** Fills in found records for keys (`record->found`); their texts live in the arena. Writer thread. */
int outbox_kv_find_keys(struct kv *kv, struct idempotency_record *records, size_t n, struct arena *arena);
/** Adds to `changes` the removal of at most `limit` idempotency keys and as many outbox batches older than these
 * moments (us; 0: keep). Batches with events behind `up_to` stay; the newest is always kept: it holds the last
 * position. Commit it alone: a full store takes removals only. Writer thread. */
int outbox_kv_expire(struct kv *kv, struct kv_changes *changes, int64_t keys_before, int64_t batches_before,
                     uint64_t up_to, size_t limit);

#endif
