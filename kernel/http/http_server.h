/** http_server.h: the inbound HTTP adapter: one loop thread, libmicrohttpd under our own epoll loop.
 *
 *  A request is parsed and guarded, its body read up to the limit, then its route's handler is called on the loop
 * thread. The handler either answers at once or hands the request to another thread; either way http_reply() is called
 * exactly once, from any thread. The request, its arena and its texts live until then, even when the client leaves.
 *
 *  What a connection says first is looked at before libmicrohttpd gets it (http_newcomers.c): what can't begin a
 * request gets 400 at once.
 *
 *  A client that ends its half of the connection behind a request gets its answer; a stream ends (http_hangups.c).
 *
 *  Guard (RFC 9112, smuggling): 400 for Content-Length with Transfer-Encoding, either repeated, Transfer-Encoding other
 * than chunked, white space before a header's colon, Host missing or repeated; 413 on the declared length before
 * reading; an absolute deadline per request against slow clients. All limits are settings.
 *
 *  A head that leaves no room for its answer gets 431 or 414 and is not carried out (http_room.c). What libmicrohttpd
 * 0.9 refuses before it asks us it answers itself, with the right status and a page of HTML instead of a problem
 * document, and closes the connection: a Content-Length that is no number or too large a one (400, 413; the body is the
 * head once more and a part of the page, a bug of 0.9.75), a request line or headers that fill connection_memory (414,
 * 431), another HTTP version (505), broken chunks (400). It has no hook to do better (ADR 26). The gateway in front
 * refuses all of them with problem documents.
 */
#ifndef COFFEESHOP_HTTP_SERVER_H
#define COFFEESHOP_HTTP_SERVER_H

#include "arena.h"
#include "buf.h"
#include "loop.h"

#include <stdbool.h>
#include <stdint.h>

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER };

enum { HTTP_MAX_PARAMS = 4, HTTP_MAX_HEADERS_OUT = 4 };
enum {
    HTTP_LINGERERS = 32,
    HTTP_OWN_FILES = HTTP_LINGERERS + 16, /* file descriptors of a server besides its connections */
};

/** Settings http.*: rows in http_settings.c, appended to every service's groups. */
struct http_settings {
    int64_t max_connections;
    int64_t max_body;          /* bytes */
    int64_t connection_memory; /* bytes a connection's headers may take */
    int64_t idle_ms;           /* a connection without traffic is closed */
    int64_t request_ms;        /* a request must have arrived whole by then */
    const char *trusted_proxy; /* address (or prefix/len) whose X-Forwarded-* is believed; default loopback */
    const char *hosts;         /* names it may be asked under besides those of http_hosts.h; NULL: none */
};

struct http_reply_header {
    const char *name; /* static */
    struct str value; /* in the request's arena */
};

struct route;

struct http_request {
    /* what came */
    const struct route *route; /* by which it is here: an element of the server's table */
    enum http_method method;   /* HEAD arrives as HTTP_GET with head = true */
    bool head;
    struct str path;                   /* as it came, without query */
    struct str query;                  /* as it came, without '?' */
    struct str param[HTTP_MAX_PARAMS]; /* the {…} of the route, decoded */
    struct str body;
    struct str base; /* "http://host[:port]" as the client knows us, X-Forwarded-* applied; no trailing slash */
    bool wants_hal;  /* Accept prefers application/hal+json (also for none and *\/\*) over application/json */
    struct str idempotency_key; /* empty when not sent */
    struct str correlation_id;  /* the client's, or one made for it; always there */
    struct str traceparent;     /* the client's, or one made for it; always there */
    bool outside; /* came through the gateway: it says X-Gateway. Takes rights away only, so everybody is believed */
    struct str if_none_match;
    struct str if_match;  /* empty when not sent */
    struct str caller;    /* X-Caller: which of our services asks; empty when not sent. Of those from outside not to be
                             believed */
    struct str signature; /* Coffeeshop-Signature; empty when not sent */
    struct str last_event_id;
    struct str forwarded_for; /* by a proxy that is believed; empty: nobody said so */
    struct str feed_epoch;    /* a follower's: kernel/outbox/feed_history.h */
    struct arena arena;
    int64_t arrived_us; /* monotonic */

    /* what goes back; filled in before http_reply() */
    int status;
    const char *content_type; /* NULL: hal+json or json, by wants_hal */
    struct buf reply;         /* the body; owned by the request */
    struct http_reply_header header[HTTP_MAX_HEADERS_OUT];
    size_t n_headers;

    void *user;       /* the handler's */
    void *connection; /* the server's */
};

struct http_server;

/** `context` is the server's `context`. Must lead to exactly one http_reply() (or http_stream()). Loop thread. */
typedef void http_handler(void *context, struct http_request *request);

struct route {
    enum http_method method;
    const char *path; /* "/orders/{id}" */
    http_handler *handle;
    const char *doc;    /* one sentence; the API test holds api/openapi.yaml against these */
    bool body_optional; /* POST/PUT/PATCH without a body or Content-Type is let through */
    bool inner;         /* between services and for operators: not there for who comes through the gateway */
};

/** Whom a request is from, for what one client may take. An IPv6 address counts by its network of 64 bits, since
 * whoever has one address of it has them all (RFC 6177). */
struct http_address {
    unsigned char bytes[16]; /* IPv4 mapped into IPv6 */
    bool local;              /* loopback: what one address may take doesn't bind it */
};

/** How many streams of a kind there may be at a time. The owner fills in the limits; the rest, zero at first, is the
 * server's. */
struct http_places {
    int64_t most;        /* more get 503 */
    int64_t per_address; /* one more of the same address ends its oldest: who comes again is let in at once */
    int64_t taken;
    struct http_stream *oldest, *newest;
};

/** A response that goes on: SSE. read() copies at most `max` bytes and returns how many; 0: nothing now, wake me by
 *  http_stream_wake(); -1: the end. Loop thread. `close` is called exactly once: when the client hangs up, which is
 * noticed at once, when its place goes to another of its address, when there is none for it, after HEAD, or when the
 * server stops. */
struct http_stream {
    int64_t (*read)(struct http_stream *self, char *out, size_t max);
    void (*close)(struct http_stream *self);
    struct http_places *places; /* where it counts; outlives it */
    /* the server's */
    void *connection;
    bool asleep;
    struct http_address address;
    struct http_stream *older, *newer; /* among `places` */
};

/** Routes: NULL-path-terminated. Adds itself to `loop`. NULL and a sentence in `problem` when it can't listen (port in
 * use …). `listen` is "host:port"; port 0 takes a free one (http_server_port). Routes with other methods on the same
 * path give 405 with Allow; OPTIONS and HEAD answer by themselves. Bodies must be application/json or another +json
 * (415 else). What a page of another origin wants changed is refused (403, http_origin.h), and who asks under another
 * name than the service's (421, http_hosts.h). */
struct http_server *http_server_new(struct loop *loop, const struct http_settings *settings, const char *listen,
                                    const struct route *routes, void *context, struct buf *problem);
uint16_t http_server_port(const struct http_server *server);
/** Called around each turn in which requests are taken and answers go out. An answer by http_reply() from a loop's job
 * or another thread goes out in a later turn than the one it is given in. `context` is the server's. Loop thread. */
typedef void http_around(void *context, bool begins);
void http_server_tell_turns(struct http_server *server, http_around *around);
/** From now on every answer says Connection: close, so that clients who keep their connections go elsewhere. Others are
 * still let in: nobody is hung up on in the middle of a request. Loop thread. */
void http_server_retire(struct http_server *server);
/** The same, and no new connections; those that had been made by then are still served. Loop thread. */
void http_server_drain(struct http_server *server);
/** Requests handed out and not yet answered. Loop thread. */
size_t http_server_in_flight(const struct http_server *server);
/** Requests that have begun to arrive and whose answer has not gone out, streams not counted. Loop thread. */
size_t http_server_begun(const struct http_server *server);
/** Connections on which no request has begun. One that is new will say something at once. Loop thread. */
size_t http_server_silent(const struct http_server *server);
/** All handed-out requests must have been answered. Loop thread (loop not running). */
void http_server_free(struct http_server *server);

/** Sends what `request` holds and ends its life. Any thread; called off the loop thread it is queued and the loop is
 * woken (once for many). */
void http_reply(struct http_request *request);
/** Answers 200 text/event-stream with the stream, chunked, and the headers that were added, or refuses it: 406, 503
 * when every place is taken or streams have three quarters of the connections (the rest is for requests). HEAD gets
 * what GET would, without the events. The request is gone afterwards, and a stream that is refused is closed. Loop
 * thread. */
void http_stream(struct http_request *request, struct http_stream *stream);
/** Something can be read again. Loop thread (loop_post gets you there). */
void http_stream_wake(struct http_stream *stream);

/** Whom the request is from: the peer, or who a proxy that is believed says it is (the last of X-Forwarded-For). Loop
 * thread, while the handler runs. */
struct http_address http_client_address(const struct http_request *request);
bool http_address_is(const struct http_address *a, const struct http_address *b);

/** Adds a header to the reply; silently dropped past HTTP_MAX_HEADERS_OUT (ASSERT in tests). */
void http_add_header(struct http_request *request, const char *name, struct str value);
/** The value of a query parameter, percent-decoded into the arena; false when it isn't there. Repeats: the nth. */
bool http_query(struct http_request *request, const char *name, size_t nth, struct str *value);
/** The same for one that may be given once. false: it is given more often, and a problem (400) that names it is filled
 * in, not sent. `*given`: whether it is there. */
bool http_query_once(struct http_request *request, const char *name, struct str *value, bool *given);
/** The parameter as an id, 1 or more; `what` it is, for the sentence ("an order's number"). false: a problem (400) that
 * names the parameter is filled in, not sent. */
bool http_query_id(struct http_request *request, const char *name, const char *what, int64_t *id);

/** RFC 9457: {"type":"about:blank","title":…,"status":…,"detail":…,"instance":path[,"member":…]} with
 * application/problem+json, and http_reply(). `member` is NULL or the JSON member or query parameter that was wrong.
 * 503 gets Retry-After: 1 unless set. Any thread. */
void http_problem(struct http_request *request, int status, const char *member, const char *detail, ...)
    PRINTF_LIKE(4, 5);
/** As http_problem() but doesn't send: the caller calls http_reply(). */
void http_fill_problem(struct http_request *request, int status, const char *member, const char *detail, ...)
    PRINTF_LIKE(4, 5);
/** A failure (errors.h) as a problem document; fills, doesn't send. E_OUTCOME_UNKNOWN has the type "outcome-unknown".
 */
void http_fill_failure(struct http_request *request, int error);
/** As http_fill_problem() with a problem type of its own, for a status that alone doesn't say what a client can do. */
void http_fill_problem_of(struct http_request *request, const char *type, int status, const char *detail);
/** 503 with the problem type outcome-unknown and the detail: it isn't known whether the change was made. */
void http_fill_unknown(struct http_request *request, const char *detail);

#endif
