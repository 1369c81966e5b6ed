/** http_forwarded.h: under which address a client knows us, and which is its own: Host and the peer, or X-Forwarded-*
 * from a proxy that is believed.
 *
 *  Pure; any thread.
 */
#ifndef COFFEESHOP_HTTP_FORWARDED_H
#define COFFEESHOP_HTTP_FORWARDED_H

#include "arena.h"
#include "http_guard.h"
#include "http_server.h"

#include <stdbool.h>
#include <sys/socket.h>

/** Addresses that are believed: one network, or every loopback address. */
struct http_trust {
    bool loopback;
    sa_family_t family; /* 0: nobody */
    unsigned prefix;    /* bits */
    unsigned char address[16];
};

/** Reads "loopback", "10.0.0.7", "10.0.0.0/8", "fd00::/8"; empty or NULL: nobody. false when it is none of them. */
bool http_trust_read(const char *text, struct http_trust *trust);
/** IPv4 addresses mapped into IPv6 count as IPv4. */
bool http_trust_has(const struct http_trust *trust, const struct sockaddr *peer);

/** The client's address: the last one in `forwarded_for`, else `peer`. What can't be read is the peer's; without one it
 * is nobody's and local. */
struct http_address http_address_of(struct str forwarded_for, const struct sockaddr *peer);

/** "http://host[:port][/prefix]", of characters that need no escaping in JSON; in `arena`, empty when memory ran out.
 *  `host` is the request's own. A forwarded value that makes no sense is passed over. */
struct str http_base_url(struct arena *arena, const struct http_head *head, struct str host, bool believed);

#endif
