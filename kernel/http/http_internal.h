/** http_internal.h: what the server's own files share. Everything here is the loop thread's unless said.
 *
 *  peer      one TCP connection, with the deadline by which something must have arrived whole
 *  exchange  one request and its answer; pooled, so that a request costs no allocation in the steady state
 */
#ifndef COFFEESHOP_HTTP_INTERNAL_H
#define COFFEESHOP_HTTP_INTERNAL_H

#include "http_forwarded.h"
#include "http_guard.h"
#include "http_hosts.h"
#include "http_route.h"
#include "http_server.h"
#include "http_trace.h"
#include "log.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>

struct http_peer {
    struct http_server *server;
    int fd;
    struct loop_watch watch; /* until it says something */
    size_t n_blank;          /* characters of an empty line that it began with */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t address_size;
    bool trusted;              /* its X-Forwarded-* are believed */
    bool cut_off;              /* answered before its request was whole */
    bool has_ended;            /* will say nothing more */
    struct exchange *exchange; /* the request that it waits for */
    int64_t due_us;
    struct http_peers *in; /* the list it is on, or NULL */
    bool silent;           /* no request has begun on it */
    struct http_peer *older, *newer;
};

/** Connections with the same patience, the most urgent first: what is added later is due later. */
struct http_peers {
    struct http_peer *oldest, *newest;
    int64_t patience_us;
};

enum exchange_state {
    EXCHANGE_HEAD,    /* the request line has arrived */
    EXCHANGE_BODY,    /* the headers are fine; the body is coming */
    EXCHANGE_RUNNING, /* the handler is on the stack */
    EXCHANGE_WAITING, /* handed out until http_reply() */
    EXCHANGE_ANSWERED,
};

struct exchange {
    struct http_request request; /* first: http_request.connection points back to the exchange */
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_peer *peer;
    enum exchange_state state;
    struct http_path path;
    const struct route *route;
    struct str target;    /* as it came */
    const char *uri_end;  /* in the text that MHD parses */
    struct buf body;      /* request.body points into it */
    uint64_t discarded;   /* bytes of body nobody wants */
    bool refused;         /* the answer is already filled in; the body is only read past */
    bool turned_away;     /* answered past MHD, which is to hang up */
    bool counted;         /* among the server's `begun` */
    bool suspended;       /* EXCHANGE_WAITING, and MHD knows */
    bool answered_inside; /* http_reply() or http_stream() was called by the handler itself */
    bool close;           /* the connection ends with this answer */
    bool has_body;
    bool misdirected; /* for a host that we are not */
    bool chunked;
    bool takes_entity; /* Accept allows HAL or JSON */
    bool takes_stream; /* Accept allows an event stream */
    struct http_stream *stream;
    struct exchange *next; /* of the free ones, or of a batch of answers (any thread) */
    struct exchange *next_to_suspend;
    struct exchange *newer_stream, *older_stream;
};

enum { HTTP_MAX_LISTENERS = 8 };

struct http_listener {
    struct loop_watch watch;
    struct http_server *server;
};

/** A client that was turned away and hasn't hung up yet. */
struct http_lingerer {
    struct loop_watch watch;
    struct http_server *server; /* NULL: a free place */
    int64_t due_us;
};

/** Where clients come in. */
struct http_admission {
    struct http_listener listeners[HTTP_MAX_LISTENERS];
    size_t n_listeners;
    struct loop_timer pause;
    int spare_fd; /* given up to refuse somebody when there are no descriptors left */
    struct log_seldom refusals;
};

/** Where clients go who were turned away. */
struct http_exit {
    struct http_lingerer lingerers[HTTP_LINGERERS];
    struct loop_timer timer;
};

struct http_server {
    struct loop *loop;
    struct http_settings settings;
    struct http_trust trust;
    struct http_hosts hosts;
    struct http_router *router;
    void *context;
    http_around *around; /* NULL: nobody wants to know */
    struct MHD_Daemon *daemon;
    struct http_admission admission;
    struct http_exit exit;
    size_t n_connections;        /* newcomers among them */
    struct http_peers newcomers; /* have said nothing yet: not MHD's */
    struct http_peer *arriving;  /* is being handed to MHD */
    uint16_t port;
    struct loop_watch watch;
    struct loop_hook hook;
    struct http_trace trace;
    struct http_peers receiving; /* a request has begun and must be whole soon */
    struct http_peers idle;      /* between requests; the next one's headers must be whole by then */
    struct exchange *spare;
    struct exchange *streams;
    size_t n_streams;
    struct loop_watch hangups;   /* an epoll set of all peers: of those who have hung up */
    struct exchange *to_suspend; /* waiting since MHD ran */
    size_t in_flight;
    size_t begun;         /* requests whose answer has not gone out; streams are not counted */
    size_t silent;        /* connections on which no request has begun */
    bool retiring;        /* every answer ends its connection */
    bool draining;        /* nobody is let in any more */
    bool closing;         /* what comes now is turned away: nobody is left to handle it */
    bool parses_in_place; /* MHD does; later versions judge by themselves what http_guard_is_plain() looks for */
    bool must_run;        /* MHD has something to do */
    int64_t mhd_due_us;
    _Atomic(struct exchange *) finished; /* answered by other threads, newest first */
    struct loop_job finish_job;
};

/* http_listen.c */
/** Listening sockets for a list like "127.0.0.1:8081 [::1]:8081", ":8081" or "localhost:0"; `*port` is the first one's.
 * False: a sentence in `problem`, and nothing listens. */
bool http_listen(const char *list, struct http_admission *door, uint16_t *port, struct buf *problem);
void http_listeners_close(struct http_admission *door);

/* http_room.c */
/** Both refuse, and set `turned_away`, when MHD's memory for the connection would not do. */
void http_room_for_target(struct exchange *exchange);
/** The request's head has been read. */
void http_room_for_answer(struct exchange *exchange);

/* http_exit.c */
void http_exit_open(struct http_server *server);
/** Answers with a problem document, as far as can be without waiting, and says no more. */
void http_say_no(int fd, int status, const char *detail);
/** The same, and it lingers. */
void http_turn_away(struct http_server *server, int fd, int status, const char *detail);
/** Takes `fd`, on which nothing more is said: closes it when the client has hung up, or a little later. */
void http_linger(struct http_server *server, int fd);
void http_exit_close(struct http_server *server);

/* http_newcomers.c */
/** Takes the connection with the `fd` and `address` of `who`: it goes to MHD when it has said something that may be the
 * beginning of a request, and away with 400 when that can't be one. False: there is no memory. */
bool http_newcomer_welcome(struct http_server *server, const struct http_peer *who);
/** The connection is over: forgets it. */
void http_peer_free(struct http_peer *peer);
/** Hangs up on those whose time is over; when the next one's is. */
int64_t http_newcomers_expire(struct http_server *server, int64_t now_us);
void http_newcomers_close(struct http_server *server);

/* http_admission.c */
/** The listeners are open. E_UNAVAILABLE: no memory. */
int http_admission_open(struct http_server *server);
/** Nobody comes any more: `let_in` those who wait already. Once more is harmless. */
void http_admission_end(struct http_server *server, bool let_in);
void http_admission_close(struct http_server *server);

/* http_peers.c */
void http_peers_add(struct http_peers *peers, struct http_peer *peer, int64_t now_us);
void http_peer_leave(struct http_peer *peer);
/** Ends the connections whose time is over; returns when the next one's is (TIME_NEVER: nobody is waiting). */
int64_t http_peers_expire(struct http_peers *peers, int64_t now_us);

/* http_problem.c */
void http_fill_problem_args(struct http_request *request, int status, const char *member, const char *detail,
                            va_list args) PRINTF_LIKE(4, 0);

/* http_exchange.c: MHD's callbacks */
void *http_exchange_begin(void *server, const char *uri, struct MHD_Connection *connection);
enum MHD_Result http_exchange_continue(void *server, struct MHD_Connection *connection, const char *url,
                                       const char *method, const char *version, const char *upload, size_t *upload_size,
                                       void **exchange);
void http_exchange_end(void *server, struct MHD_Connection *connection, void **exchange,
                       enum MHD_RequestTerminationCode reason);
void http_exchange_free(struct exchange *exchange);

/* http_head.c */
/** Reads and judges the request's headers, finds its route. When it is to be refused the answer is filled in, `refused`
 * is set, and `close` too when its end can't be trusted. */
void http_head_read(struct exchange *exchange, const char *method, const char *version);

/** MHD's turn. */
void http_run(struct http_server *server);

/* http_answer.c */
/** Hands the filled-in answer to MHD; the connection is in a callback of MHD or suspended. */
enum MHD_Result http_answer(struct exchange *exchange);
/** Shows the metrics of requests before the first one. */
void http_metrics_register(void);
/** Counts `request` by its status, and how long it took up to now. */
void http_count(const struct http_request *request);
/** Counts one that was answered before it was a request. */
void http_count_refusal(int status);
/** Those of http_add_header(). */
void http_add_own_headers(struct http_request *request, struct MHD_Response *response);

/* http_reply.c */
/** The loop's turn to send what other threads have answered. */
void http_reply_finished(struct loop_job *job);

/* http_places.c */
/** The oldest stream of an address that has as many as it may; NULL: it may have one more. */
struct http_stream *http_places_oldest(const struct http_places *places, const struct http_address *address);
/** Whether there is a place for one more stream of `address`, a free one or that of its oldest. */
bool http_places_has_room(const struct http_places *places, const struct http_address *address);
/** Gives it to `stream`; the oldest has been ended. */
void http_places_take(struct http_places *places, struct http_stream *stream);
void http_places_leave(struct http_places *places, struct http_stream *stream);

/* http_hangups.c */
/** E_UNAVAILABLE: no memory or descriptor. */
int http_hangups_open(struct http_server *server);
/** MHD has `peer` from now on. Without memory for it, its end is noticed by what can't be sent. */
void http_hangups_watch(struct http_peer *peer);
/** Its connection goes on without MHD. */
void http_hangups_forget(struct http_peer *peer);
/** Its exchange is over. */
void http_hangups_answered(struct http_peer *peer);
/** Ends the streams whose clients have hung up by now. */
void http_hangups_look(struct http_server *server);
/** All streams have ended. */
void http_hangups_close(struct http_server *server);

/* http_streams.c */
void http_streams_add(struct exchange *exchange);
/** The client is gone or the server stops: tells the stream's owner, once. */
void http_stream_end(struct exchange *exchange);

/* http_stream.c */
enum MHD_Result http_stream_answer(struct exchange *exchange);

#endif
