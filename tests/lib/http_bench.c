#include "http_bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

/* The server ------------------------------------------------------------------------------------------------------ */

struct http_settings http_bench_settings(void)
{
    return (struct http_settings){
        .max_connections = 1024,
        .max_body = 1000,
        .connection_memory = 4096,
        .idle_ms = 60000,
        .request_ms = 60000,
        .trusted_proxy = "loopback",
        .hosts = "shop.example",
    };
}

static void *run_loop(void *arg)
{
    loop_run(((struct http_bench *)arg)->loop);
    return NULL;
}

void http_bench_start(struct http_bench *bench, const struct http_settings *settings, const struct route *routes)
{
    struct buf problem = {0};
    *bench = (struct http_bench){.loop = loop_new(), .user = bench->user};
    assert_non_null(bench->loop);
    pthread_mutex_init(&bench->mutex, NULL);
    pthread_cond_init(&bench->changed, NULL);
    bench->server = http_server_new(bench->loop, settings, "127.0.0.1:0", routes, bench, &problem);
    assert_non_null(bench->server);
    bench->port = http_server_port(bench->server);
    assert_int_equal(pthread_create(&bench->thread, NULL, run_loop, bench), 0);
}

void http_bench_stop(struct http_bench *bench)
{
    loop_stop(bench->loop);
    pthread_join(bench->thread, NULL);
    http_server_free(bench->server);
    loop_free(bench->loop);
    pthread_cond_destroy(&bench->changed);
    pthread_mutex_destroy(&bench->mutex);
}

struct errand {
    struct loop_job job;
    struct http_bench *bench;
    void (*work)(struct http_bench *bench);
    bool done;
};

static void run_errand(struct loop_job *job)
{
    struct errand *errand = CONTAINER_OF(job, struct errand, job);
    errand->work(errand->bench);
    pthread_mutex_lock(&errand->bench->mutex);
    errand->done = true;
    pthread_cond_broadcast(&errand->bench->changed);
    pthread_mutex_unlock(&errand->bench->mutex);
}

void http_bench_on_loop(struct http_bench *bench, void (*work)(struct http_bench *bench))
{
    struct errand errand = {.job = {.run = run_errand}, .bench = bench, .work = work};
    loop_post(bench->loop, &errand.job);
    pthread_mutex_lock(&bench->mutex);
    while (!errand.done)
        pthread_cond_wait(&bench->changed, &bench->mutex);
    pthread_mutex_unlock(&bench->mutex);
}

void http_bench_hold(void *context, struct http_request *request)
{
    struct http_bench *bench = context;
    pthread_mutex_lock(&bench->mutex);
    ASSERT(bench->n_held < HTTP_BENCH_MAX_HELD);
    bench->held[bench->n_held++] = request;
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->mutex);
}

void http_bench_take(struct http_bench *bench, struct http_request **requests, size_t n)
{
    pthread_mutex_lock(&bench->mutex);
    while (bench->n_held < n)
        pthread_cond_wait(&bench->changed, &bench->mutex);
    assert_int_equal(bench->n_held, n);
    for (size_t i = 0; i < n; i++)
        requests[i] = bench->held[i];
    bench->n_held = 0;
    pthread_mutex_unlock(&bench->mutex);
}

struct http_request *http_bench_take_next(struct http_bench *bench)
{
    pthread_mutex_lock(&bench->mutex);
    while (bench->n_held == 0)
        pthread_cond_wait(&bench->changed, &bench->mutex);
    struct http_request *request = bench->held[0];
    bench->n_held--;
    memmove(bench->held, bench->held + 1, bench->n_held * sizeof(struct http_request *));
    pthread_mutex_unlock(&bench->mutex);
    return request;
}

/* The client ------------------------------------------------------------------------------------------------------ */

int raw_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = HTTP_BENCH_PATIENCE_S};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    return fd;
}

void raw_send(int fd, const void *bytes, size_t n)
{
    for (const char *at = bytes; n;) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server has hung up; what it said is heard next */
        at += sent;
        n -= (size_t)sent;
    }
}

void raw_say(int fd, const char *text)
{
    raw_send(fd, text, strlen(text));
}

static void hear_head(int fd, struct raw_answer *answer)
{
    size_t n = 0;
    while (n < 4 || memcmp(answer->head + n - 4, "\r\n\r\n", 4) != 0) {
        assert_true(n + 1 < sizeof answer->head);
        assert_int_equal(recv(fd, answer->head + n, 1, 0), 1);
        n++;
    }
    answer->head[n] = '\0';
}

void raw_hear(int fd, struct raw_answer *answer, bool head_only)
{
    int64_t length = 0;
    int64_t status = 0;
    *answer = (struct raw_answer){0};
    hear_head(fd, answer);
    assert_memory_equal(answer->head, "HTTP/1.1 ", 9);
    assert_true(str_to_i64((struct str){answer->head + 9, 3}, &status));
    answer->status = (int)status;
    const char *value = raw_header(answer, "Content-Length");
    if (head_only || !value)
        return;
    assert_true(str_to_i64(str_of(value), &length) && length < (int64_t)sizeof answer->body);
    answer->n_body = (size_t)length;
    if (length)
        assert_int_equal(recv(fd, answer->body, answer->n_body, MSG_WAITALL), length);
}

bool raw_is_closed(int fd)
{
    char dropped[1024];
    for (;;) {
        ssize_t n = recv(fd, dropped, sizeof dropped, 0);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return true;
        if (n < 0)
            return false;
    }
}

bool raw_hear_until(int fd, const char *text)
{
    size_t n = strlen(text);
    size_t have = 0;
    char last[256] = {0};
    assert_true(n < sizeof last);
    for (;;) {
        if (have == n)
            memmove(last, last + 1, --have);
        if (recv(fd, last + have, 1, 0) != 1)
            return false;
        if (++have == n && memcmp(last, text, n) == 0)
            return true;
    }
}

const char *raw_header(const struct raw_answer *answer, const char *name)
{
    static char value[512];
    size_t n = strlen(name);
    for (const char *line = answer->head; (line = strstr(line, "\r\n")) != NULL;) {
        line += 2;
        if (strncasecmp(line, name, n) != 0 || line[n] != ':')
            continue;
        const char *from = line + n + 1 + strspn(line + n + 1, " ");
        size_t length = strcspn(from, "\r");
        assert_true(length < sizeof value);
        memcpy(value, from, length);
        value[length] = '\0';
        return value;
    }
    return NULL;
}

void raw_ask(uint16_t port, const char *text, struct raw_answer *answer)
{
    int fd = raw_connect(port);
    assert_true(fd >= 0);
    raw_say(fd, text);
    raw_hear(fd, answer, strncmp(text, "HEAD ", 5) == 0);
    close(fd);
}
