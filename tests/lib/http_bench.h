/** http_bench.h: a real HTTP server on a free port with its loop in a thread of its own, and a raw client to tease it
 * with.
 *
 *  Everything here is for the test's own thread. What goes wrong ends the test by an assertion; nothing waits for ever:
 *  a client that hears nothing for HTTP_BENCH_PATIENCE_S gives up.
 */
#ifndef COFFEESHOP_HTTP_BENCH_H
#define COFFEESHOP_HTTP_BENCH_H

#include "http_server.h"

#include <pthread.h>

enum { HTTP_BENCH_PATIENCE_S = 30, HTTP_BENCH_MAX_HELD = 512 };

/** Also the server's context: a handler that wants to answer later puts its request here by http_bench_hold(). */
struct http_bench {
    struct loop *loop;
    struct http_server *server;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct http_request *held[HTTP_BENCH_MAX_HELD];
    size_t n_held;
    void *user; /* the test's */
};

/** Small and patient: 1024 connections, 4 KiB for headers, bodies to 1000 bytes, everything waits for a minute. */
struct http_settings http_bench_settings(void);
void http_bench_start(struct http_bench *bench, const struct http_settings *settings, const struct route *routes);
/** Stops the loop, then the server. */
void http_bench_stop(struct http_bench *bench);
/** Runs `work` on the loop's thread and waits until it has returned. */
void http_bench_on_loop(struct http_bench *bench, void (*work)(struct http_bench *bench));

/** A handler: keeps the request for http_bench_take(). */
void http_bench_hold(void *bench, struct http_request *request);
/** Waits until `n` requests are held and takes them; the caller answers them. */
void http_bench_take(struct http_bench *bench, struct http_request **requests, size_t n);
/** Waits until there is one, and takes the first of those that have come. */
struct http_request *http_bench_take_next(struct http_bench *bench);

struct raw_answer {
    int status;
    char head[4096]; /* with the status line, NUL-terminated */
    char body[8192]; /* NUL-terminated */
    size_t n_body;
};

int raw_connect(uint16_t port);
void raw_send(int fd, const void *bytes, size_t n);
void raw_say(int fd, const char *text);
/** One answer, by its Content-Length, no byte more. `head_only`: to HEAD. */
void raw_hear(int fd, struct raw_answer *answer, bool head_only);
/** Whether the server ends the connection; what it still says is dropped. */
bool raw_is_closed(int fd);
/** Reads up to and with `text`; false when the connection ends before. */
bool raw_hear_until(int fd, const char *text);
/** The value of a header in `answer`, up to its line's end; NULL when it isn't there. In a static buffer. */
const char *raw_header(const struct raw_answer *answer, const char *name);
/** Connect, say, hear one answer, close. */
void raw_ask(uint16_t port, const char *text, struct raw_answer *answer);

#endif
