/** ledger_provider.h: the counter's till as a provider: it decides by itself, at once, without asking anybody.
 *
 *  It approves what is in the shop's currency and not above a limit. So that every path can be tried by hand, some ways
 *  to pay always end the same way:
 *
 *    test-declined      declined
 *    test-insufficient  declined, for want of money
 *    test-unknown       never answers: the payment is Pending until it is given up
 *
 *  Stateless; writer thread.
 */
#ifndef COFFEESHOP_LEDGER_PROVIDER_H
#define COFFEESHOP_LEDGER_PROVIDER_H

#include "payment_ports.h"

struct ledger_provider {
    struct payment_provider port;
    struct str currency; /* ISO 4217; the caller's */
    int64_t limit;       /* of one payment, minor units; 0: none */
};

void ledger_provider_init(struct ledger_provider *ledger, struct str currency, int64_t limit);

#endif
