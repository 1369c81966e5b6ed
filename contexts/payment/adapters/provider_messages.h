/** provider_messages.h: what is said to an external provider and by it, as JSON (docs/payment-provider.md). Pure; any
 * thread.
 *
 *  Its answer to a question and what it says later by the webhook are the same object: an outcome.
 */
#ifndef COFFEESHOP_PROVIDER_MESSAGES_H
#define COFFEESHOP_PROVIDER_MESSAGES_H

#include "json.h"
#include "payment_ports.h"

struct provider_outcome {
    struct str name; /* of the payment (provider_name.h) */
    int64_t amount;
    struct str operation; /* "authorize", "capture", "reverse" */
    struct str outcome;   /* "approved", "declined"; "captured", "voided"; "voided", "refunded"; or "pending" */
    struct str currency, reference, reason;
};

/** For http_read_json() too: its errors name the member. */
extern const struct json_desc provider_outcome_desc;

/** "authorize", "capture", "reverse"; static. */
struct str provider_operation_text(enum provider_operation operation);
/** `name`: the payment's (provider_name.h). */
void provider_question_write(struct buf *out, const struct provider_question *question, struct str name);
/** The key under which a question is asked, however often: "17-9f86d081884c7d65.capture". */
void provider_question_key(struct buf *out, const struct provider_question *question, struct str name);
/** Whether an outcome is one of that operation, "pending" among them. Otherwise it means nothing. */
bool provider_outcome_is_known(const struct provider_outcome *outcome);
/** What it means for the payment; false: nothing is known yet ("pending"). Texts stay the outcome's. */
bool provider_outcome_intent(const struct provider_outcome *outcome, struct payment_intent *intent);

#endif
