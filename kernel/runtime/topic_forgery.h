/** topic_forgery.h: whether what is on the topic can have been said by who is named (docs/adr/0066). Anybody who may
 * write there can name anybody; to take a position that its producer hasn't reached would make repeats of all that it
 * says until then. Private to kernel/runtime; the consumer's thread, but where it says otherwise.
 */
#ifndef COFFEESHOP_TOPIC_FORGERY_H
#define COFFEESHOP_TOPIC_FORGERY_H

#include "topic_intake.h"

/** Why this producer can't have said this event of ours here. NULL: it can. A producer's events come one by one
 * (kafka_relay.h); only to who joins may the first one be any. */
const char *topic_find_forgery(struct topic_cell_intake *cell, const struct kafka_event *event, size_t producer);
/** Why the service itself can't have said it: it knows how far it has got. error_text(E_MEMORY): nothing behind it is
 * taken until people say so (topic_cell_intake.stranger). NULL: it can, or it is another's. */
const char *topic_find_stranger(struct topic_cell_intake *cell, const struct kafka_event *event);
/** This producer's events go on from here. */
void topic_see(struct topic_cell_intake *cell, size_t producer, uint64_t position);
/** The next event of each producer may be any: what is between isn't on the topic. Any thread. */
void topic_join(struct topic_cell_intake *cell);
/** People say: go on behind what a producer is waited for, or behind the stranger. False: there is neither. Any
 * thread. */
bool topic_pass(struct topic_cell_intake *cell);

#endif
