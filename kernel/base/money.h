/** money.h: how money is counted: whole numbers of the currency's minor unit (KRW has none), in int64_t, never a
 * fraction.
 */
#ifndef COFFEESHOP_MONEY_H
#define COFFEESHOP_MONEY_H

#include <stdint.h>

/** What one order, or one payment, comes to at most. A JSON number says it exactly (RFC 8259, 6: up to 2^53), and nine
 * million of them add up in an int64_t. */
#define MONEY_MOST INT64_C(1000000000000)

#endif
