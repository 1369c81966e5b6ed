/** http_transfer.h: what calls (http_client.c) and tails (http_tail.c) share: a curl handle with what belongs to it,
 * and curl's sockets and timer on our loop. Private to kernel/http. Loop thread only.
 */
#ifndef COFFEESHOP_HTTP_TRANSFER_H
#define COFFEESHOP_HTTP_TRANSFER_H

#include "buf.h"
#include "http_client.h"
#include "loop.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRANSFER_MAX_LINES = 8,
    TRANSFER_MAX_VALUE = 512, /* a longer header value is not ours and isn't passed on */
};

struct transfer {
    struct transfer *next, *prev;
    struct http_client *client;
    struct driver *driver; /* NULL: not with curl */
    CURL *easy;
    /** Bytes of the answer, inside curl (nothing may be added to or removed from it): how many were taken, or
     * CURL_WRITEFUNC_*. */
    size_t (*bytes)(struct transfer *self, const char *bytes, size_t n);
    /** It has ended and is not with curl any more. Belongs to whoever this is. */
    void (*over)(struct transfer *self, CURLcode result);
    bool sent; /* some of the request may have left the machine */

    struct buf text; /* the header lines, each with its NUL */
    struct curl_slist line[TRANSFER_MAX_LINES];
    size_t n_lines;

    struct http_call *call;
    int64_t deadline; /* of a call; monotonic */
    int error;        /* of a call that could not even be started */
    bool too_large;   /* a call's answer */

    struct http_tail *tail;
    struct loop_timer silence;
    int64_t heard_at;
    bool heard_headers;
    bool paused;
    bool inside; /* tail->data() is on the stack */
};

struct transfer_list {
    struct transfer *first, *last;
    size_t n;
};

/** One curl multi on the loop. */
struct driver {
    struct http_client *client;
    CURLM *multi;
    struct loop_timer timer;
};

struct http_client {
    struct loop *loop;
    size_t max_connections;
    struct driver calls,
        tails; /* two, because a tail holds its connection for ever and must not take one from the calls */
    struct transfer_list active, waiting, idle; /* calls */
    struct transfer_list following,
        orphans; /* tails; orphans were closed from inside curl and are removed once it has returned */
    struct loop_timer waiting_timer;
    bool closing;
    const char *ca_file; /* NULL: the system's */
};

void transfer_push(struct transfer_list *list, struct transfer *transfer);
void transfer_unlink(struct transfer_list *list, struct transfer *transfer);

/** With everything set that never changes; NULL when memory is exhausted. */
struct transfer *transfer_new(struct http_client *client);
void transfer_free(struct transfer *transfer);
/** Header lines, laid out in place so that a reused transfer allocates nothing for them: start, add, set. */
bool transfer_start_lines(struct transfer *transfer);
void transfer_add_line(struct transfer *transfer, struct str name, struct str value);
/** Only when the value may stand in a header: not empty, not too long, no control characters. */
void transfer_add_passed_on(struct transfer *transfer, struct str name, struct str value);
bool transfer_set_lines(struct transfer *transfer);

bool driver_open(struct driver *driver, struct http_client *client, size_t kept_connections);
void driver_close(struct driver *driver);
/** false when curl has no memory. */
bool driver_add(struct driver *driver, struct transfer *transfer);
/** Harmless when it is not with curl. */
void driver_remove(struct transfer *transfer);

/** Removes and frees the orphans. */
void transfer_reap(struct http_client *client);

/** Ends all tails with E_CLOSING. */
void http_tail_end_all(struct http_client *client);

#endif
