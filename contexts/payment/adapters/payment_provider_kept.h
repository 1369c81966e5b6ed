/** payment_provider_kept.h: the store remembers who moves the money of its payments: nobody else can give it back.
 *
 *  Who that is its kind says, and of one that is asked over HTTP its address: behind another one there may be another
 * provider. Another provider takes over only when nothing is left to do with the first one's: all was declined or has
 * gone back. One that has only moved goes on, once somebody has said so. A trial (TRIAL_PROVIDER: the till plays the
 * provider in a copy) may begin at any time and never ends: what it says to have given back is still with the provider.
 * docs/adr/0057.
 */
#ifndef COFFEESHOP_PAYMENT_PROVIDER_KEPT_H
#define COFFEESHOP_PAYMENT_PROVIDER_KEPT_H

#include "buf.h"
#include "sql.h"

#include <stdbool.h>

#define TRIAL_PROVIDER "trial"

/** The provider as the settings have it; no text is NULL. */
struct provider_set {
    const char *name;       /* payment.provider */
    const char *url;        /* where it is, as it is written; empty: it is not asked over HTTP */
    const char *moved_from; /* payment.provider_moved_from: where the same one was; empty: it hasn't moved */
};

/** Whether this provider may go on with what is stored; it is remembered then. false: a sentence. At start, by the
 * writer's connection. */
bool payment_provider_keep(struct sql *sql, const struct provider_set *set, struct buf *problem);

#endif
