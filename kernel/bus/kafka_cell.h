/** kafka_cell.h: which cell a key belongs to: the partition that Kafka's own clients put it in, so that whoever
 * produces with that key reaches the cell where its aggregate lives (murmur2, as Kafka's default partitioner;
 * docs/adr/0055). Pure; any thread.
 */
#ifndef COFFEESHOP_KAFKA_CELL_H
#define COFFEESHOP_KAFKA_CELL_H

#include "str.h"

#include <stdint.h>

/** 0 to cells - 1. `key` is an id in decimal, or whatever else a message is keyed by; not empty: Kafka's clients put a
 * message without a key anywhere. */
int32_t kafka_cell_of(struct str key, int32_t cells);

#endif
