/* http_client.c: calls. At most `max_connections` of them are with curl at a time; the others wait here and not there,
 * because curl's own time-outs don't run for what it holds back. */
#include "http_client.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"
#include "http_transfer.h"

enum { DEFAULT_MAX_REPLY = 1 << 20 };

/* Ends --------------------------------------------------------------------------------------------------------------
 */

/* done() may free the call or make another one of it, so nothing of it is touched afterwards. */
static void end_call(struct http_call *call, int error)
{
    struct buf reply = call->reply;

    call->handle = NULL;
    call->client = NULL;
    call->done(call, error);
    buf_free(&reply);
}

static void recycle(struct transfer *transfer)
{
    struct http_client *client = transfer->client;

    transfer->call = NULL;
    transfer->sent = false;
    transfer->too_large = false;
    transfer->error = OK;
    if (client->closing || client->idle.n >= client->max_connections)
        transfer_free(transfer);
    else
        transfer_push(&client->idle, transfer);
}

static int error_of(const struct transfer *transfer, CURLcode result)
{
    if (result == CURLE_OK)
        return OK;
    if (transfer->too_large)
        return E_TOO_LARGE;
    if (transfer->call->reply.failed)
        return E_MEMORY;
    return transfer->sent ? E_TIMEOUT : E_UNAVAILABLE;
}

static void start_waiting(struct http_client *client);

static enum http_media media_of(CURL *easy)
{
    const struct str application = STR("application/");
    const struct str json = STR("+json");
    const char *type = NULL;
    struct str rest;

    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    if (!type)
        return HTTP_MEDIA_OTHER;
    struct str media = str_trim(str_split(str_of(type), ';', &rest));
    if (str_eq_nocase(media, STR("application/problem+json")))
        return HTTP_MEDIA_PROBLEM;
    if (str_eq_nocase(media, STR("application/json")))
        return HTTP_MEDIA_JSON;
    bool is_json = media.n > application.n + json.n &&
                   str_eq_nocase((struct str){media.p, application.n}, application) &&
                   str_eq_nocase((struct str){media.p + media.n - json.n, json.n}, json);
    return is_json ? HTTP_MEDIA_JSON : HTTP_MEDIA_OTHER;
}

static void call_over(struct transfer *transfer, CURLcode result)
{
    struct http_client *client = transfer->client;
    struct http_call *call = transfer->call;
    int error = error_of(transfer, result);
    long status = 0;

    if (error == OK)
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    call->status = (int)status;
    call->media = error == OK ? media_of(transfer->easy) : HTTP_MEDIA_OTHER;
    transfer_unlink(&client->active, transfer);
    recycle(transfer);
    end_call(call, error);
    start_waiting(client);
}

static size_t reply_bytes(struct transfer *transfer, const char *bytes, size_t n)
{
    struct http_call *call = transfer->call;
    size_t most = call->max_reply > 0 ? call->max_reply : (size_t)DEFAULT_MAX_REPLY;

    if (n > most - call->reply.n) {
        transfer->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    buf_add(&call->reply, (struct str){bytes, n});
    return call->reply.failed ? CURL_WRITEFUNC_ERROR : n;
}

/* Starts ------------------------------------------------------------------------------------------------------------
 */

static bool set_headers(struct transfer *transfer, const struct http_call *call)
{
    if (!transfer_start_lines(transfer))
        return false;
    transfer_add_line(transfer, STR("Accept: application/json"), STR(""));
    transfer_add_line(transfer, STR("Expect:"), STR("")); /* none: it would cost a round trip */
    transfer_add_line(transfer, call->body.n > 0 ? STR("Content-Type: application/json") : STR("Content-Type:"),
                      STR(""));
    transfer_add_passed_on(transfer, STR("X-Correlation-ID: "), call->correlation_id);
    transfer_add_passed_on(transfer, STR("traceparent: "), call->traceparent);
    transfer_add_passed_on(transfer, STR("X-Caller: "), call->caller);
    transfer_add_passed_on(transfer, STR("Idempotency-Key: "), call->idempotency_key);
    transfer_add_passed_on(transfer, STR("Coffeeshop-Signature: "), call->signature);
    return transfer_set_lines(transfer);
}

/* A handle remembers its last call: everything that a call may want differently is set each time. */
static bool set_method(CURL *easy, const struct http_call *call)
{
    if (curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) != CURLE_OK)
        return false;
    if (strcmp(call->method, "GET") == 0)
        return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL) == CURLE_OK;
    if (curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method) != CURLE_OK)
        return false;
    if (strcmp(call->method, "DELETE") == 0 && call->body.n == 0)
        return true;
    return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.n > 0 ? call->body.p : "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n) == CURLE_OK;
}

static bool start(struct transfer *transfer, int64_t now)
{
    struct http_client *client = transfer->client;
    int64_t left_ms = (transfer->deadline - now) / US_PER_MS;

    if (!set_headers(transfer, transfer->call) || !set_method(transfer->easy, transfer->call) ||
        curl_easy_setopt(transfer->easy, CURLOPT_URL, transfer->call->url) != CURLE_OK ||
        curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, (long)(left_ms > 0 ? left_ms : 1)) != CURLE_OK ||
        !driver_add(&client->calls, transfer))
        return false;
    transfer_push(&client->active, transfer);
    return true;
}

static void wait(struct transfer *transfer, int64_t until)
{
    struct http_client *client = transfer->client;

    transfer_push(&client->waiting, transfer);
    if (client->waiting_timer.due_us == 0 || until < client->waiting_timer.due_us)
        loop_timer_set(client->loop, &client->waiting_timer, until);
}

static void start_or_fail(struct transfer *transfer, int64_t now)
{
    if (start(transfer, now))
        return;
    transfer->error = E_MEMORY; /* told on the next turn: done() is never called from inside http_client_call() */
    wait(transfer, now);
}

static void start_waiting(struct http_client *client)
{
    while (client->active.n < client->max_connections) {
        struct transfer *transfer = client->waiting.first;
        while (transfer && transfer->error != OK)
            transfer = transfer->next;
        if (!transfer)
            return;
        transfer_unlink(&client->waiting, transfer);
        start_or_fail(transfer, clock_monotonic());
    }
}

static struct transfer *first_expired(struct http_client *client, int64_t now)
{
    for (struct transfer *transfer = client->waiting.first; transfer; transfer = transfer->next)
        if (transfer->error != OK || transfer->deadline <= now)
            return transfer;
    return NULL;
}

static void give_up(struct transfer *transfer, int error)
{
    struct http_call *call = transfer->call;

    transfer_unlink(&transfer->client->waiting, transfer);
    recycle(transfer);
    end_call(call, error);
}

static void waiting_expires(struct loop_timer *timer)
{
    struct http_client *client = CONTAINER_OF(timer, struct http_client, waiting_timer);
    int64_t now = clock_monotonic();
    int64_t soonest = TIME_NEVER;

    for (struct transfer *transfer; (transfer = first_expired(client, now));)
        give_up(transfer, transfer->error != OK ? transfer->error : E_BUSY); /* it never got a connection */
    for (struct transfer *transfer = client->waiting.first; transfer; transfer = transfer->next)
        soonest = transfer->deadline < soonest ? transfer->deadline : soonest;
    if (soonest != TIME_NEVER)
        loop_timer_set(client->loop, &client->waiting_timer, soonest);
}

static struct transfer *take_transfer(struct http_client *client)
{
    struct transfer *transfer = client->idle.last; /* the one used last: its memory is still in the cache */

    if (!transfer)
        return transfer_new(client);
    transfer_unlink(&client->idle, transfer);
    return transfer;
}

void http_client_call(struct http_client *client, struct http_call *call)
{
    int64_t now = clock_monotonic();

    ASSERT(call->timeout_ms > 0);
    call->status = 0;
    call->reply = (struct buf){0};
    struct transfer *transfer = client->closing ? NULL : take_transfer(client);
    if (!transfer) {
        end_call(call, client->closing ? E_CLOSING : E_MEMORY);
        return;
    }
    transfer->bytes = reply_bytes;
    transfer->over = call_over;
    transfer->call = call;
    transfer->deadline = now + call->timeout_ms * US_PER_MS;
    call->handle = transfer;
    call->client = client;
    if (client->active.n < client->max_connections)
        start_or_fail(transfer, now);
    else
        wait(transfer, transfer->deadline);
}

/* Life --------------------------------------------------------------------------------------------------------------
 */

struct http_client *http_client_new(struct loop *loop, size_t max_connections)
{
    ASSERT(max_connections > 0);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    struct http_client *client = heap_alloc(sizeof(*client));
    if (!client) {
        curl_global_cleanup();
        return NULL;
    }
    client->loop = loop;
    client->max_connections = max_connections;
    client->waiting_timer.fire = waiting_expires;
    if (!driver_open(&client->calls, client, max_connections) || !driver_open(&client->tails, client, 1)) {
        http_client_free(client);
        return NULL;
    }
    return client;
}

void http_client_trust(struct http_client *client, const char *ca_file)
{
    client->ca_file = ca_file;
}

static void end_calls(struct http_client *client)
{
    while (client->active.first) {
        struct transfer *transfer = client->active.first;
        struct http_call *call = transfer->call;
        driver_remove(transfer);
        transfer_unlink(&client->active, transfer);
        recycle(transfer);
        end_call(call, E_CLOSING);
    }
    while (client->waiting.first)
        give_up(client->waiting.first, E_CLOSING);
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    client->closing = true;
    end_calls(client);
    http_tail_end_all(client);
    while (client->idle.first) {
        struct transfer *transfer = client->idle.first;
        transfer_unlink(&client->idle, transfer);
        transfer_free(transfer);
    }
    driver_close(&client->calls);
    driver_close(&client->tails);
    loop_timer_cancel(client->loop, &client->waiting_timer);
    heap_free(client);
    curl_global_cleanup();
}
