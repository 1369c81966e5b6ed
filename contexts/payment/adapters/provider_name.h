/** provider_name.h: what a payment is called at an external provider: "17-9f86d081884c7d65", its number and the first
 * 16 hexadecimal digits of SHA-256 over its purchase's key. Pure; any thread.
 *
 *  The number alone isn't enough: after a restore it is given again, to another purchase, and the provider, which was
 * not put back, would answer for the first one. Both parts are committed before anything is asked, so that a payment
 * always has the same name. For the provider it is a text.
 */
#ifndef COFFEESHOP_PROVIDER_NAME_H
#define COFFEESHOP_PROVIDER_NAME_H

#include "str.h"

enum {
    PROVIDER_NAME_DIGITS = 16,
    PROVIDER_NAME_MOST = 19 + 1 + PROVIDER_NAME_DIGITS, /* of a number that is above 0 */
};

struct provider_name {
    char text[PROVIDER_NAME_MOST + 1]; /* NUL-terminated */
};

/** Of the payment with that number (> 0) and its purchase's key. */
struct provider_name provider_name_of(int64_t payment_id, struct str key);
/** Whose it would be: the number it begins with; 0: nobody's. Whether it is that payment's, provider_name_of() says. */
int64_t provider_name_number(struct str name);
static inline struct str provider_name_text(const struct provider_name *name)
{
    return str_of(name->text);
}

#endif
