/* http_tail.c: GETs that never end. */
#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "http_transfer.h"

enum { TAIL_BUFFER = 64 << 10 }; /* what curl reads from the socket at a time */

static void drop(struct transfer *transfer)
{
    driver_remove(transfer);
    loop_timer_cancel(transfer->client->loop, &transfer->silence);
    transfer_free(transfer);
}

static void hear_headers(const struct transfer *transfer)
{
    for (size_t i = 0; i < HTTP_TAIL_TOLD; i++) {
        struct http_tail_told *told = &transfer->tail->told[i];
        struct curl_header *header = NULL;
        memset(told->value, 0, sizeof(told->value));
        if (told->name && curl_easy_header(transfer->easy, told->name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
            strlen(header->value) < sizeof(told->value))
            memcpy(told->value, header->value, strlen(header->value));
    }
}

/* ended() may open the tail again, or free it. */
static void end_tail(struct transfer *transfer, int error, int status)
{
    struct http_tail *tail = transfer->tail;

    hear_headers(transfer);
    transfer_unlink(&transfer->client->following, transfer);
    drop(transfer);
    tail->handle = NULL;
    tail->client = NULL;
    tail->ended(tail, error, status);
}

static long status_of(const struct transfer *transfer)
{
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool is_event_stream(const struct transfer *transfer)
{
    char *type = NULL;

    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type);
    return status_of(transfer) == 200 && str_starts_with(str_of(type), STR("text/event-stream"));
}

static int error_of(const struct transfer *transfer, CURLcode result, long status)
{
    if (result == CURLE_OUT_OF_MEMORY)
        return E_MEMORY;
    if (status == 200 && is_event_stream(transfer))
        return result == CURLE_OK ? OK : E_UNAVAILABLE;
    if (status == 404 || status == 410)
        return E_NOT_FOUND;
    if (status == 409)
        return E_CONFLICT;
    if (status >= 400 && status < 500)
        return E_MALFORMED;
    return status >= 200 && status < 400 ? E_FOREIGN : E_UNAVAILABLE;
}

static void tail_over(struct transfer *transfer, CURLcode result)
{
    long status = status_of(transfer);

    end_tail(transfer, error_of(transfer, result, status), (int)status);
}

static size_t tail_bytes(struct transfer *transfer, const char *bytes, size_t n)
{
    if (!transfer->tail)
        return CURL_WRITEFUNC_ERROR; /* closed meanwhile */
    if (!is_event_stream(transfer))
        return n; /* an error's text; its status says enough */
    if (!transfer->heard_headers)
        hear_headers(transfer);
    transfer->heard_headers = true;
    transfer->heard_at = clock_monotonic();
    transfer->inside = true;
    bool taken = transfer->tail->data(transfer->tail, bytes, n);
    transfer->inside = false;
    if (!transfer->tail)
        return CURL_WRITEFUNC_ERROR;
    transfer->paused = !taken;
    return taken ? n : CURL_WRITEFUNC_PAUSE;
}

/* The timer isn't moved with every byte: it looks how long ago the last one was. A paused tail hears nothing because we
 * don't listen. */
static void silence_fires(struct loop_timer *timer)
{
    struct transfer *transfer = CONTAINER_OF(timer, struct transfer, silence);
    int64_t now = clock_monotonic();
    int64_t heard_at = transfer->paused ? now : transfer->heard_at;
    int64_t until = heard_at + transfer->tail->silence_ms * US_PER_MS;

    if (now < until)
        loop_timer_set(transfer->client->loop, timer, until);
    else
        end_tail(transfer, E_TIMEOUT, (int)status_of(transfer));
}

static bool set_options(struct transfer *transfer, const struct http_tail *tail)
{
    if (!transfer_start_lines(transfer))
        return false;
    transfer_add_line(transfer, STR("Accept: text/event-stream"), STR(""));
    transfer_add_passed_on(transfer, STR("Last-Event-ID: "), str_of(tail->last_event_id));
    transfer_add_passed_on(transfer, STR("Feed-Epoch: "), str_of(tail->feed_epoch));
    return transfer_set_lines(transfer) && curl_easy_setopt(transfer->easy, CURLOPT_URL, tail->url) == CURLE_OK &&
           curl_easy_setopt(transfer->easy, CURLOPT_BUFFERSIZE, (long)TAIL_BUFFER) == CURLE_OK;
}

int http_tail_open(struct http_client *client, struct http_tail *tail)
{
    ASSERT(!tail->handle && tail->silence_ms > 0);
    if (client->closing)
        return E_CLOSING;
    struct transfer *transfer = transfer_new(client);
    if (!transfer)
        return E_MEMORY;
    transfer->bytes = tail_bytes;
    transfer->over = tail_over;
    transfer->tail = tail;
    transfer->silence.fire = silence_fires;
    transfer->heard_at = clock_monotonic();
    if (!set_options(transfer, tail) || !driver_add(&client->tails, transfer)) {
        transfer_free(transfer);
        return E_MEMORY;
    }
    transfer_push(&client->following, transfer);
    loop_timer_set(client->loop, &transfer->silence, transfer->heard_at + tail->silence_ms * US_PER_MS);
    tail->handle = transfer;
    tail->client = client;
    return OK;
}

void http_tail_resume(struct http_tail *tail)
{
    struct transfer *transfer = tail->handle;

    if (!transfer || !transfer->paused)
        return;
    struct http_client *client = transfer->client;
    transfer->paused = false;
    transfer->heard_at = clock_monotonic();
    curl_easy_pause(transfer->easy, CURLPAUSE_CONT); /* gives the bytes again, from inside */
    transfer_reap(client);
}

void http_tail_close(struct http_tail *tail)
{
    struct transfer *transfer = tail->handle;

    if (!transfer)
        return;
    tail->handle = NULL;
    tail->client = NULL;
    transfer->tail = NULL;
    transfer_unlink(&transfer->client->following, transfer);
    if (!transfer->inside) {
        drop(transfer);
        return;
    }
    loop_timer_cancel(transfer->client->loop, &transfer->silence);
    transfer_push(&transfer->client->orphans, transfer);
}

void http_tail_end_all(struct http_client *client)
{
    while (client->following.first)
        end_tail(client->following.first, E_CLOSING, 0);
}
