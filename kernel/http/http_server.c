#include "http_internal.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* Connections ----------------------------------------------------------------------------------------------------- */

/* MHD is about to close the connection. What its client still sends must not be answered with a reset, so it lingers,
 * under another descriptor. */
static void see_out(struct http_server *server, struct http_peer *peer)
{
    bool in_the_middle = peer->silent || peer->cut_off;
    int fd = in_the_middle && !peer->has_ended && !server->closing ? fcntl(peer->fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd >= 0) {
        http_hangups_forget(peer);
        shutdown(fd, SHUT_WR);
        http_linger(server, fd);
    }
    http_peer_free(peer);
}

static void notice_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                              enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = cls;
    UNUSED(connection);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = server->arriving;
        server->arriving = NULL;
        http_peers_add(&server->receiving, *socket_context, clock_monotonic());
        http_hangups_watch(*socket_context);
        return;
    }
    see_out(server, *socket_context);
    *socket_context = NULL;
}

/* The path is split before it is decoded, so that an escaped slash does not become a separator: MHD must leave it
 * alone. */
static size_t leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    UNUSED(cls);
    UNUSED(connection);
    return strlen(text);
}

/* On the loop ----------------------------------------------------------------------------------------------------- */

static void daemon_ready(struct loop_watch *watch, uint32_t events)
{
    UNUSED(events);
    CONTAINER_OF(watch, struct http_server, watch)->must_run = true;
}

static int64_t daemon_due(struct http_server *server, int64_t now_us)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (MHD_get_timeout(server->daemon, &ms) != MHD_YES)
        return TIME_NEVER;
    return ms < (MHD_UNSIGNED_LONG_LONG)(TIME_NEVER / US_PER_S) ? now_us + (int64_t)ms * US_PER_MS : TIME_NEVER;
}

static int64_t earlier(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

static int64_t turn(struct loop_hook *hook, int64_t now_us)
{
    struct http_server *server = CONTAINER_OF(hook, struct http_server, hook);
    int64_t newcomers_due = http_newcomers_expire(server, now_us);
    int64_t receiving_due = http_peers_expire(&server->receiving, now_us);
    int64_t idle_due = http_peers_expire(&server->idle, now_us);
    if (server->must_run || now_us >= server->mhd_due_us) {
        server->must_run = false; /* before: what runs may ask for another run */
        http_run(server);
        server->mhd_due_us = server->must_run ? now_us : daemon_due(server, now_us);
        if (server->receiving.oldest)
            receiving_due = server->receiving.oldest->due_us;
        if (server->idle.oldest)
            idle_due = server->idle.oldest->due_us;
    }
    return earlier(earlier(server->mhd_due_us, newcomers_due), earlier(receiving_due, idle_due));
}

/* Life ------------------------------------------------------------------------------------------------------------ */

static unsigned whole_seconds(int64_t ms)
{
    return (unsigned)((ms + 999) / 1000);
}

static struct MHD_Daemon *start_daemon(struct http_server *server)
{
    const struct http_settings *settings = &server->settings;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)settings->connection_memory, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings->max_connections + 1,
         NULL}, /* the limit is http_admission.c's */
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)whole_seconds(settings->idle_ms), NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 0, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)http_exchange_end, server},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)notice_connection, server},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)http_exchange_begin, server},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, server},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
                            http_exchange_continue, server, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static int join_loop(struct http_server *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return E_SYSTEM;
    server->watch = (struct loop_watch){.fd = info->epoll_fd, .ready = daemon_ready};
    int rc = http_hangups_open(server);
    if (rc)
        return rc;
    rc = loop_watch_add(server->loop, &server->watch, EPOLLIN);
    if (rc)
        goto no_watch;
    http_exit_open(server);
    rc = http_admission_open(server);
    if (rc)
        goto no_admission;
    server->hook = (struct loop_hook){.turn = turn};
    loop_hook_add(server->loop, &server->hook);
    return OK;

no_admission:
    loop_watch_remove(server->loop, &server->watch);
no_watch:
    http_hangups_close(server);
    return rc;
}

static bool start(struct http_server *server, const char *listen, const struct route *routes, struct buf *problem)
{
    if (!http_trust_read(server->settings.trusted_proxy, &server->trust)) {
        buf_printf(problem, "the trusted proxy \"%s\" is not an address or a network", server->settings.trusted_proxy);
        return false;
    }
    struct str wrong;
    if (!http_hosts_read(server->settings.hosts, &server->hosts, &wrong)) {
        buf_printf(problem, "\"%.*s\" among the hosts is not a host's name", STR_ARG(wrong));
        return false;
    }
    if (!http_listen(listen, &server->admission, &server->port, problem))
        return false;
    server->router = http_router_new(routes);
    server->daemon = server->router ? start_daemon(server) : NULL;
    if (server->daemon && join_loop(server) == OK)
        return true;
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    http_listeners_close(&server->admission);
    buf_printf(problem, "can't serve on %s: no memory or descriptors", listen);
    return false;
}

struct http_server *http_server_new(struct loop *loop, const struct http_settings *settings, const char *listen,
                                    const struct route *routes, void *context, struct buf *problem)
{
    struct http_server *server = heap_alloc(sizeof *server);
    if (!server) {
        BUF_LIT(problem, "out of memory");
        return NULL;
    }
    server->loop = loop;
    server->settings = *settings;
    server->context = context;
    server->newcomers.patience_us = settings->request_ms * US_PER_MS;
    server->receiving.patience_us = settings->request_ms * US_PER_MS;
    server->idle.patience_us = (settings->idle_ms + settings->request_ms) * US_PER_MS;
    server->must_run = true;
    server->finish_job.run = http_reply_finished;
    server->parses_in_place = str_starts_with(str_of(MHD_get_version()), STR("0."));
    http_trace_init(&server->trace);
    http_metrics_register();
    if (start(server, listen, routes, problem))
        return server;
    http_router_free(server->router);
    heap_free(server);
    return NULL;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_tell_turns(struct http_server *server, http_around *around)
{
    server->around = around;
}

void http_server_retire(struct http_server *server)
{
    server->retiring = true;
}

void http_server_drain(struct http_server *server)
{
    if (server->draining)
        return;
    server->retiring = true;
    server->draining = true;
    http_admission_end(server, true); /* new clients are refused at once and try elsewhere */
}

size_t http_server_in_flight(const struct http_server *server)
{
    return server->in_flight;
}

size_t http_server_begun(const struct http_server *server)
{
    return server->begun;
}

size_t http_server_silent(const struct http_server *server)
{
    return server->silent;
}

static void end_streams(struct http_server *server)
{
    while (server->streams)
        http_stream_end(server->streams);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    if (atomic_load(&server->finished))
        http_reply_finished(&server->finish_job);
    ASSERT(server->in_flight == 0);
    server->closing = true;
    http_admission_close(server);
    end_streams(server);
    http_run(server); /* what was answered last still goes out */
    loop_hook_remove(server->loop, &server->hook);
    loop_watch_remove(server->loop, &server->watch);
    MHD_stop_daemon(server->daemon);
    http_newcomers_close(server);
    http_exit_close(server);
    http_hangups_close(server);
    while (server->spare) {
        struct exchange *exchange = server->spare;
        server->spare = exchange->next;
        http_exchange_free(exchange);
    }
    http_router_free(server->router);
    heap_free(server);
}
