/** payment_authorized.h: what order is answered to one of its questions (POST /payments/authorize). Private to
 * payment's HTTP door.
 */
#ifndef COFFEESHOP_PAYMENT_AUTHORIZED_H
#define COFFEESHOP_PAYMENT_AUTHORIZED_H

#include "http_server.h"
#include "payment_command.h"

struct authorized_json {
    int64_t id, valid_ms, amount;
    struct str status, reason, currency;
};

/** What came of it; its texts are the step's. */
struct authorized_json payment_authorized_of(const struct payment_step *step);
/** Nothing is known of it yet, whatever has become of it: it is to be asked for again. */
struct authorized_json payment_authorized_pending(void);
/** Fills in the beginning of the answer, an array; then each is added, then it ends. */
void payment_authorized_begin(struct http_request *request);
void payment_authorized_add(struct http_request *request, const struct authorized_json *json);
void payment_authorized_end(struct http_request *request);

#endif
