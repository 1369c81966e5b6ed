/** http_origin.h: whether a page of another origin asks (cross-site request forgery).
 *
 *  A browser sends a page's request with whatever the browser's user may reach, and says where it comes from in two
 * headers that no page can set: Sec-Fetch-Site (Fetch Metadata; to trustworthy addresses only) and Origin (Fetch; with
 * every method but GET and HEAD). The rule is that of OWASP's cheat sheet: Sec-Fetch-Site decides, without it Origin,
 * and who sends neither is no browser's page.
 *
 *  Pure; any thread.
 */
#ifndef COFFEESHOP_HTTP_ORIGIN_H
#define COFFEESHOP_HTTP_ORIGIN_H

#include "http_guard.h"

/** NULL, or the header that says that another page asks than one of ours; `base` is the address under which the client
 * knows us: "http://host[:port]…". */
const char *http_foreign_origin(const struct http_head *head, struct str base);

#endif
