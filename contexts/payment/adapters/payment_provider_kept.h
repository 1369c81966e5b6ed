/** payment_provider_kept.h: the store remembers who moves the money of its payments: nobody else can give it back.
 *
 *  Another provider takes over only when nothing is left to do with the first one's: all was declined or has gone back.
 * A trial (TRIAL_PROVIDER: the till plays the provider in a copy) may begin at any time and never ends: what it says to
 * have given back is still with the provider.
 */
#ifndef COFFEESHOP_PAYMENT_PROVIDER_KEPT_H
#define COFFEESHOP_PAYMENT_PROVIDER_KEPT_H

#include "buf.h"
#include "sql.h"

#include <stdbool.h>

#define TRIAL_PROVIDER "trial"

/** Whether the provider of the setting payment.provider may go on with what is stored; it is remembered then. false: a
 * sentence. At start, by the writer's connection. */
bool payment_provider_keep(struct sql *sql, const char *name, struct buf *problem);

#endif
