/** http_accept.h: which of our media types a client takes (RFC 9110, 12.5.1).
 *
 *  Pure; any thread. Start with all zero, read every Accept field of the request, then ask.
 */
#ifndef COFFEESHOP_HTTP_ACCEPT_H
#define COFFEESHOP_HTTP_ACCEPT_H

#include "str.h"

#include <stdbool.h>

enum http_offer { HTTP_OFFER_HAL, HTTP_OFFER_JSON, HTTP_OFFER_STREAM, HTTP_OFFERS };

struct http_accept {
    bool given;
    struct {
        int specific; /* 0: nothing matched yet, 1: any type, 2: any subtype, 3: this very type */
        int quality;  /* thousandths */
    } offer[HTTP_OFFERS];
};

/** One field's value; several add up. What can't be read in it is passed over. */
void http_accept_read(struct http_accept *accept, struct str value);
/** How much it is wanted, in thousandths; 0: not at all. Without any Accept everything is 1000. */
int http_accept_quality(const struct http_accept *accept, enum http_offer offer);

#endif
