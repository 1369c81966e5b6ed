/** http_client.h: outbound HTTP: libcurl multi on the service's loop, keep-alive, time-outs.
 *
 *  Loop thread only. A call always ends in exactly one `done`, also on time-out, refused connection, too large an
 * answer or http_client_free() (E_CLOSING). A time-out (E_TIMEOUT) means unknown: the other side may have done it.
 * E_UNAVAILABLE means the connection could not be made, E_BUSY that none of ours was free in time: it has certainly not
 * been done. What broke after bytes were sent is E_TIMEOUT too: unknown. E_TOO_LARGE: it was answered, with too much.
 *
 *  A request on a kept-alive connection that the server closes before the first byte of an answer is sent once more on
 * a fresh one (by libcurl), so what is called has to be harmless when repeated. No redirects, no proxy, http and https
 * only.
 */
#ifndef COFFEESHOP_HTTP_CLIENT_H
#define COFFEESHOP_HTTP_CLIENT_H

#include "arena.h"
#include "buf.h"
#include "loop.h"
#include "str.h"

struct http_client;

/** What the Content-Type of an answer says, parameters aside. */
enum http_media {
    HTTP_MEDIA_OTHER,   /* none, or one that nobody here asks for */
    HTTP_MEDIA_JSON,    /* application/json or application/…+json */
    HTTP_MEDIA_PROBLEM, /* application/problem+json */
};

struct http_call {
    /* set by the caller; texts must live until `done` */
    const char *method;                              /* "POST" */
    const char *url;                                 /* NUL-terminated */
    struct str body;                                 /* sent as application/json when not empty */
    struct str correlation_id, traceparent;          /* passed on when not empty */
    struct str caller;                               /* sent as X-Caller when not empty */
    struct str idempotency_key;                      /* sent as Idempotency-Key when not empty */
    struct str signature;                            /* sent as Coffeeshop-Signature when not empty */
    int64_t timeout_ms;                              /* connection included */
    size_t max_reply;                                /* bytes; 0 means 1 MiB */
    void (*done)(struct http_call *self, int error); /* 0 and status/reply are valid, or an errors.h code */

    /* filled in for `done` */
    int status;
    enum http_media media;
    struct buf reply; /* freed by the client after `done` returned: to be read there, not taken. The call itself may be
                         freed in `done` */

    void *handle; /* the client's */
    void *client; /* the client's */
};

/** At most `max_connections` calls are under way at a time, the others wait for their turn (tails are not counted).
 * NULL when memory is exhausted. */
struct http_client *http_client_new(struct loop *loop, size_t max_connections);
/** Whose certificates are believed for https: those in the file (PEM; it outlives the client) instead of the system's.
 * Before the first call. A certificate is always checked, and that it is the host's. */
void http_client_trust(struct http_client *client, const char *ca_file);
/** Ends all calls and tails with E_CLOSING. Not from inside a callback of the client. NULL is taken. */
void http_client_free(struct http_client *client);
/** `done` is called later, from the loop; only when there is not even memory for a transfer (E_MEMORY) or the client is
 * being freed (E_CLOSING) it is called at once. */
void http_client_call(struct http_client *client, struct http_call *call);

/** A GET that never ends: an SSE feed. `data` gets bytes as they come and returns false to pause (resume by
 *  http_tail_resume); `ended` is called once with the reason, after which the tail may be opened again or freed. The
 * reasons: OK the server ended the stream; E_UNAVAILABLE no connection, a broken one, or 5xx; E_TIMEOUT silence; 400
 * and other 4xx E_MALFORMED, 404 and 410 E_NOT_FOUND, 409 E_CONFLICT; E_FOREIGN an answer that is not an event stream;
 * E_CLOSING, E_MEMORY. `status` is the HTTP status or 0. http_tail_close() ends it without calling `ended`; also from
 * inside `data`. */
enum { HTTP_TAIL_TOLD = 5, HTTP_TAIL_VALUE = 256 };

struct http_tail {
    const char *url;
    char last_event_id[32]; /* sent as Last-Event-ID when not empty */
    char feed_epoch[32];    /* sent as Feed-Epoch when not empty */
    /** Headers of the answer that are wanted (name NULL: none): their values, empty for one that didn't come or is too
     * long, are there before the first `data` and before `ended`. */
    struct http_tail_told {
        const char *name;
        char value[HTTP_TAIL_VALUE];
    } told[HTTP_TAIL_TOLD];
    bool (*data)(struct http_tail *self, const char *bytes,
                 size_t n); /* when false, the same bytes come again after resume */
    void (*ended)(struct http_tail *self, int error, int status);
    int64_t silence_ms; /* no byte for so long (heartbeats count): ended with E_TIMEOUT */
    void *handle, *client;
};
/** Tries to connect; all that happens is told by `data` and `ended`, later. E_MEMORY or E_CLOSING: nothing will happen.
 */
int http_tail_open(struct http_client *client, struct http_tail *tail);
/** Gives what was not taken again, perhaps before it returns. Harmless when the tail is not paused. */
void http_tail_resume(struct http_tail *tail);
/** Harmless when it is not open. */
void http_tail_close(struct http_tail *tail);

#endif
