/** order_product_answer.h: what product's answer to a cancel says. Only what can be nobody else's answer to this
 * question is believed: the media type, the order's id and the status have to be there. Any thread.
 */
#ifndef COFFEESHOP_ORDER_PRODUCT_ANSWER_H
#define COFFEESHOP_ORDER_PRODUCT_ANSWER_H

#include "http_client.h"

enum product_answer {
    PRODUCT_ANSWER_NONE, /* somebody else's, or one that product doesn't give: nothing is known */
    PRODUCT_ANSWER_CANCELED,
    PRODUCT_ANSWER_TOO_LATE,
};

/** `*ticket_id` is filled in for CANCELED; 0: it has none yet. Inside the call's `done`, which came without an error.
 */
enum product_answer order_product_answer(const struct http_call *call, int64_t order_id, int64_t *ticket_id);

#endif
