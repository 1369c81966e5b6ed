/** http_hosts.h: the host names under which a service may be asked.
 *
 *  Against DNS rebinding: a page of evil.example makes its own name lead to an address of ours and is then, to the
 * browser, a page of this very service. What it can't do is to send another Host than evil.example. So only names are
 * taken that no stranger's DNS can give: addresses, names without a dot (of a cluster, a container network,
 * /etc/hosts), localhost and what is below it (RFC 6761, 6.3), this machine's own name, and those in the setting.
 *
 *  Any thread once read.
 */
#ifndef COFFEESHOP_HTTP_HOSTS_H
#define COFFEESHOP_HTTP_HOSTS_H

#include "str.h"

#include <stdbool.h>

struct http_hosts {
    const char *more; /* of the setting; lives as long as this */
    char own[256];    /* this machine's name */
};

/** Reads `more`, names separated by blanks: "shop.example", "*.shop.example" (what is below it), "*" (every name); NULL
 * is empty. false, and the word in `wrong`, when one is none of them. */
bool http_hosts_read(const char *more, struct http_hosts *hosts, struct str *wrong);
/** Whether `host`, which is one for http_is_host(), with or without a port, is taken. */
bool http_hosts_take(const struct http_hosts *hosts, struct str host);

#endif
