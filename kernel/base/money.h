/** money.h: how money is counted: whole numbers of the currency's minor unit (KRW has none), in int64_t, never a
 * fraction.
 */
#ifndef COFFEESHOP_MONEY_H
#define COFFEESHOP_MONEY_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>

/** What one order, or one payment, comes to at most. A JSON number says it exactly (RFC 8259, 6: up to 2^53), and nine
 * million of them add up in an int64_t. */
#define MONEY_MOST INT64_C(1000000000000)

/** Whether the text has the form of a currency's code: three capital letters (ISO 4217). Which of these there are
 * changes from year to year and is not looked at. */
static inline bool money_is_currency(struct str code)
{
    for (size_t i = 0; i < code.n; i++)
        if (code.p[i] < 'A' || code.p[i] > 'Z')
            return false;
    return code.n == 3;
}

#endif
