/** http_guard.h: what a request's headers must be before anything else looks at them.
 *
 *  Pure checks over names and values, so that they can be fuzzed; any thread. Sources: RFC 9110 and 9112 (fields,
 * framing, Host), the W3C's trace context for traceparent. Strict on purpose: where two programs could understand a
 * request's end or its host differently (smuggling), it is refused and not interpreted.
 */
#ifndef COFFEESHOP_HTTP_GUARD_H
#define COFFEESHOP_HTTP_GUARD_H

#include "http_accept.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_MAX_FIELDS = 64 };

struct http_field {
    struct str name, value;
};

enum http_header {
    HTTP_HOST,
    HTTP_CONTENT_LENGTH,
    HTTP_TRANSFER_ENCODING,
    HTTP_CONTENT_TYPE,
    HTTP_CONTENT_ENCODING,
    HTTP_EXPECT,
    HTTP_IDEMPOTENCY_KEY,
    HTTP_CORRELATION_ID,
    HTTP_TRACEPARENT,
    HTTP_IF_NONE_MATCH,
    HTTP_IF_MATCH,
    HTTP_CALLER,
    HTTP_LAST_EVENT_ID,
    HTTP_FEED_EPOCH,
    HTTP_FORWARDED_PROTO,
    HTTP_FORWARDED_HOST,
    HTTP_FORWARDED_PORT,
    HTTP_FORWARDED_PREFIX,
    HTTP_FORWARDED_FOR,
    HTTP_ACCEPT,
    HTTP_GATEWAY,
    HTTP_ORIGIN,
    HTTP_SEC_FETCH_SITE,
    HTTP_SIGNATURE,
    HTTP_HEADERS
};

/** What the guard found; the texts are those of the fields. */
struct http_head {
    struct str value[HTTP_HEADERS]; /* trimmed; of repeated ones the first */
    unsigned seen[HTTP_HEADERS];    /* how often */
    bool chunked;
    uint64_t content_length; /* 0 without one */
    struct http_accept accept;
};

struct http_verdict {
    int status;         /* 0: let it through; otherwise 400, 413 or 417 */
    const char *header; /* the one that was wrong, or NULL */
    const char *detail; /* a sentence; static */
};

/** Reads `fields` into `head` and judges them. `http_1_1`: the version is at least 1.1. `max_body` in bytes. */
struct http_verdict http_guard(const struct http_field *fields, size_t n, bool http_1_1, uint64_t max_body,
                               struct http_head *head);
enum { HTTP_MAX_METHOD = 32 }; /* longer than any that is registered */

/** Whether a request may begin so: `bytes` is what has come of it, at least one and at most HTTP_MAX_METHOD. */
bool http_guard_may_begin(struct str bytes);
/** Whether the bytes of the header block are exactly "name: value CR LF" lines: what was parsed accounts for every
 * byte, so no line was folded, ended by CR or LF alone, or hides text behind a NUL. For texts that were parsed in
 * place, with NUL written over colons and line ends; `before` is the version at the end of the request line. */
bool http_guard_is_plain(struct str before, const struct http_field *fields, size_t n);
/** Whether `content_type` is JSON in UTF-8 and `content_encoding` changes nothing. None given is not JSON: a foreign
 * page's request without a type needs nobody's permission (Fetch, "no-cors"), one with JSON's does. */
bool http_is_json(struct str content_type, struct str content_encoding);
/** A host with or without port, of characters that can stand in a link as they are. */
bool http_is_host(struct str text);
/** `least` to `most` characters of visible ASCII. */
bool http_is_visible(struct str text, size_t least, size_t most);
/** A traceparent that may be passed on. */
bool http_is_traceparent(struct str text);

#endif
