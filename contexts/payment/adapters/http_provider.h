/** http_provider.h: an external provider as payment's provider, asked over HTTP (docs/payment-provider.md).
 *
 *  Each question is one call, keyed by payment and operation and signed (signature.h), through a guarded caller of its
 * own, and one at a time of each payment (provider_turns.h). Its answer comes back as a command when it says what was
 * asked: of this payment, operation, amount and currency (ADR 33). Anything else, "pending" and silence too, is no
 * answer; payment asks again, or the provider says it by the webhook (payment_webhook.c), whichever is first.
 */
#ifndef COFFEESHOP_HTTP_PROVIDER_H
#define COFFEESHOP_HTTP_PROVIDER_H

#include "guarded_caller.h"
#include "payment_command.h"
#include "signing_key.h"

struct http_provider_parts {
    struct loop *loop;             /* the caller's */
    struct guarded_caller *caller; /* the provider's */
    const char *url;               /* before "/authorize" …; outlives it */
    const struct signing_key *key; /* outlives it */
    int64_t patience_us;           /* of order's question */
    /** Takes an answer, which belongs to it. Loop thread. */
    void (*answered)(void *context, struct command *answer);
    void *context;
};

/** NULL when memory is exhausted. */
struct payment_provider *http_provider_new(const struct http_provider_parts *parts);
/** Once its calls have ended. NULL is taken. */
void http_provider_free(struct payment_provider *provider);

#endif
