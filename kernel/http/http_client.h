/** http_client.h: outbound HTTP: libcurl multi on the service's loop, keep-alive, time-outs.
 *
 *  Loop thread only. A call always ends in exactly one `done`, also on time-out, refused connection, too large an answer or
 *  http_client_free() (E_CLOSING). A time-out (E_TIMEOUT) means unknown: the other side may have done it. E_UNAVAILABLE means the
 *  connection could not be made: it has certainly not been done. What broke after bytes were sent is E_TIMEOUT too: unknown.
 */
#ifndef COFFEESHOP_HTTP_CLIENT_H
#define COFFEESHOP_HTTP_CLIENT_H

#include "arena.h"
#include "buf.h"
#include "loop.h"
#include "str.h"

struct http_client;

struct http_call {
    /* set by the caller; texts must live until `done` */
    const char *method;      /* "POST" */
    const char *url;         /* NUL-terminated */
    struct str body;         /* sent as application/json when not empty */
    struct str correlation_id, traceparent; /* passed on when not empty */
    int64_t timeout_ms;      /* connection included */
    size_t max_reply;        /* bytes; 0 means 1 MiB */
    void (*done)(struct http_call *self, int error); /* 0 and status/reply are valid, or an errors.h code */

    /* filled in for `done` */
    int status;
    struct buf reply; /* freed by the client after `done` returned */

    void *handle; /* the client's */
    void *client; /* the client's */
};

struct http_client *http_client_new(struct loop *loop, size_t max_connections);
/** Ends all calls with E_CLOSING. */
void http_client_free(struct http_client *client);
void http_client_call(struct http_client *client, struct http_call *call);

/** A GET that never ends: an SSE feed. `data` gets bytes as they come and returns false to pause (resume by
 *  http_tail_resume); `ended` is called once with the reason (OK: the server closed; E_NOT_FOUND, E_MALFORMED by status …; `status` is the HTTP status or 0), after which the tail may be
 *  opened again. http_tail_close() ends it without calling `ended`. */
struct http_tail {
    const char *url;
    char last_event_id[32]; /* sent as Last-Event-ID when not empty */
    bool (*data)(struct http_tail *self, const char *bytes, size_t n); /* when false, the same bytes come again after resume */
    void (*ended)(struct http_tail *self, int error, int status);
    int64_t silence_ms; /* no byte for so long (heartbeats count): ended with E_TIMEOUT */
    void *handle, *client;
};
int http_tail_open(struct http_client *client, struct http_tail *tail);
void http_tail_resume(struct http_tail *tail);
void http_tail_close(struct http_tail *tail);

#endif
