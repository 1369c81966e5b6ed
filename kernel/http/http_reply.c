/* http_reply.c: the handler's way back to the loop. */
#include "http_internal.h"

#include <stdatomic.h>
#include <sys/socket.h>

static void finish(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    if (exchange->state == EXCHANGE_RUNNING) {
        ASSERT(!exchange->answered_inside);
        exchange->answered_inside = true; /* dispatch() goes on when the handler returns */
        return;
    }
    ASSERT(exchange->state == EXCHANGE_WAITING && exchange->suspended);
    exchange->suspended = false;
    server->in_flight--;
    server->must_run = true;
    if (http_answer(exchange) != MHD_YES)
        shutdown(exchange->peer->fd, SHUT_RDWR);
    MHD_resume_connection(exchange->connection);
}

void http_reply_finished(struct loop_job *job)
{
    struct http_server *server = CONTAINER_OF(job, struct http_server, finish_job);
    struct exchange *newest = atomic_exchange(&server->finished, NULL);
    struct exchange *oldest = NULL;
    while (newest) {
        struct exchange *exchange = newest;
        newest = exchange->next;
        exchange->next = oldest;
        oldest = exchange;
    }
    while (oldest) {
        struct exchange *exchange = oldest;
        oldest = exchange->next;
        exchange->next = NULL;
        finish(exchange);
    }
}

/* One wake-up for many, and none when the loop has not yet seen the last one. */
static void hand_over(struct http_server *server, struct exchange *exchange)
{
    struct exchange *head = atomic_load_explicit(&server->finished, memory_order_relaxed);
    do
        exchange->next = head;
    while (!atomic_compare_exchange_weak(&server->finished, &head, exchange));
    if (!head)
        loop_post(server->loop, &server->finish_job);
}

void http_reply(struct http_request *request)
{
    struct exchange *exchange = request->connection;
    if (loop_is_current(exchange->server->loop))
        finish(exchange);
    else
        hand_over(exchange->server, exchange);
}

void http_problem(struct http_request *request, int status, const char *member, const char *detail, ...)
{
    va_list args;
    va_start(args, detail);
    http_fill_problem_args(request, status, member, detail, args);
    va_end(args);
    http_reply(request);
}
