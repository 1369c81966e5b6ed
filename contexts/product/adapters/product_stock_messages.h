/** product_stock_messages.h: questions to stock and its answers as they are on the wire (api/openapi.yaml,
 * /stocks/reduce and /stocks/release). Only an answer that says what was asked is believed: as many elements, the
 * same ids. Any thread.
 */
#ifndef COFFEESHOP_PRODUCT_STOCK_MESSAGES_H
#define COFFEESHOP_PRODUCT_STOCK_MESSAGES_H

#include "buf.h"
#include "product_ports.h"

/** Appends one element of the array that is sent. */
void product_stock_write_question(struct buf *body, const struct stock_question *question);
/** An array of `n` booleans, REDUCED or REFUSED each, or null, UNANSWERED: what is asked of several cells of stock may
 * be answered by some only. false: it is something else. */
bool product_stock_read_reduced(struct str reply, enum ticket_command_kind *kinds, size_t n);
/** An array that says of each question's reservation, in their order, whether it was given back; false: it is something
 * else. */
bool product_stock_read_released(struct str reply, const struct stock_question *questions, size_t n);

#endif
