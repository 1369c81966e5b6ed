/** payment_hal.h: a payment as it is answered. Any thread. */
#ifndef COFFEESHOP_PAYMENT_HAL_H
#define COFFEESHOP_PAYMENT_HAL_H

#include "hal.h"
#include "payment.h"

extern const struct hal_type payment_hal_type;

/** Fills in the payment: 200. */
void payment_hal_fill(struct http_request *request, const struct payment *payment);
/** Adds it to a page that was begun. */
void payment_hal_item(struct http_request *request, const struct payment *payment);

#endif
