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

/** What is told with CANCELED. */
struct product_canceled {
    int64_t ticket_id; /* 0: it has none yet */
    bool given_up;     /* product had cancelled it by itself before it was asked */
};

/** `*canceled` is all zero but for CANCELED. Inside the call's `done`, which came without an error. */
enum product_answer order_product_answer(const struct http_call *call, int64_t order_id,
                                         struct product_canceled *canceled);

#endif
