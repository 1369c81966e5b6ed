#include "http_transfer.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"

#include <sys/epoll.h>

void transfer_push(struct transfer_list *list, struct transfer *transfer)
{
    transfer->next = NULL;
    transfer->prev = list->last;
    if (list->last)
        list->last->next = transfer;
    else
        list->first = transfer;
    list->last = transfer;
    list->n++;
}

void transfer_unlink(struct transfer_list *list, struct transfer *transfer)
{
    if (transfer->prev)
        transfer->prev->next = transfer->next;
    else
        list->first = transfer->next;
    if (transfer->next)
        transfer->next->prev = transfer->prev;
    else
        list->last = transfer->prev;
    transfer->next = NULL;
    transfer->prev = NULL;
    list->n--;
}

/* Transfers -------------------------------------------------------------------------------------------------------- */

/* The connection stands and the request is about to be written: from here on a failure means "unknown". Curl may do
 * this twice for one call: it replaces a kept-alive connection that the server has just closed by a fresh one. If that
 * is refused, it says nothing about what the first one did, so `sent` is never taken back. */
static int on_connected(void *context, char *to, char *from, int to_port, int from_port)
{
    struct transfer *transfer = context;

    UNUSED(to);
    UNUSED(from);
    UNUSED(to_port);
    UNUSED(from_port);
    transfer->sent = true;
    return CURL_PREREQFUNC_OK;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *context)
{
    struct transfer *transfer = context;

    return transfer->bytes(transfer, bytes, size * n);
}

/* libcurl would go on to look in the system's directory. */
static bool trust_only(CURL *easy, const char *ca_file)
{
    return curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

static bool set_what_never_changes(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    const char *ca_file = transfer->client->ca_file;

    return curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           (!ca_file || trust_only(easy, ca_file)) && curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "coffeeshop/" COFFEESHOP_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK;
}

struct transfer *transfer_new(struct http_client *client)
{
    struct transfer *transfer = heap_alloc(sizeof(*transfer));

    if (!transfer)
        return NULL;
    transfer->client = client;
    transfer->easy = curl_easy_init();
    if (!transfer->easy || !set_what_never_changes(transfer)) {
        transfer_free(transfer);
        return NULL;
    }
    return transfer;
}

void transfer_free(struct transfer *transfer)
{
    if (transfer->easy)
        curl_easy_cleanup(transfer->easy);
    buf_free(&transfer->text);
    heap_free(transfer);
}

bool transfer_start_lines(struct transfer *transfer)
{
    transfer->n_lines = 0;
    buf_clear(&transfer->text);
    /* Room for all of them at once: the lines point into the text, so it must not move any more. */
    return buf_reserve(&transfer->text, (TRANSFER_MAX_VALUE + (size_t)64) * TRANSFER_MAX_LINES);
}

void transfer_add_line(struct transfer *transfer, struct str name, struct str value)
{
    struct curl_slist *line = &transfer->line[transfer->n_lines];
    size_t at = transfer->text.n;

    ASSERT(transfer->n_lines < TRANSFER_MAX_LINES && name.n + value.n < TRANSFER_MAX_VALUE + 64);
    buf_add(&transfer->text, name);
    buf_add(&transfer->text, value);
    buf_char(&transfer->text, '\0');
    *line = (struct curl_slist){.data = transfer->text.p + at};
    if (transfer->n_lines > 0)
        transfer->line[transfer->n_lines - 1].next = line;
    transfer->n_lines++;
}

void transfer_add_passed_on(struct transfer *transfer, struct str name, struct str value)
{
    if (value.n == 0 || value.n > TRANSFER_MAX_VALUE)
        return;
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c < 0x20 || c == 0x7f)
            return; /* a line break would make a header of its own of the rest */
    }
    transfer_add_line(transfer, name, value);
}

bool transfer_set_lines(struct transfer *transfer)
{
    return curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->line) == CURLE_OK;
}

/* Driver: curl on the loop ------------------------------------------------------------------------------------------
 */

struct socket_watch {
    struct loop_watch watch;
    struct driver *driver;
};

static void drive(struct driver *driver, curl_socket_t fd, int events)
{
    int running = 0;
    int left = 0;

    curl_multi_socket_action(driver->multi, fd, events, &running);
    transfer_reap(driver->client);
    for (CURLMsg *message; (message = curl_multi_info_read(driver->multi, &left));) {
        struct transfer *transfer = NULL;
        CURLcode result = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        driver_remove(transfer);
        transfer->over(transfer, result);
    }
}

static void socket_ready(struct loop_watch *watch, uint32_t events)
{
    const struct socket_watch *self = CONTAINER_OF(watch, struct socket_watch, watch);
    int what = 0;

    if (events & (uint32_t)EPOLLIN)
        what |= CURL_CSELECT_IN;
    if (events & (uint32_t)EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (events & (uint32_t)(EPOLLERR | EPOLLHUP))
        what |= CURL_CSELECT_ERR;
    drive(self->driver, watch->fd, what); /* may free the watch */
}

static void timer_fires(struct loop_timer *timer)
{
    drive(CONTAINER_OF(timer, struct driver, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int watch_socket(struct driver *driver, curl_socket_t fd, uint32_t events)
{
    struct socket_watch *watch = heap_alloc(sizeof(*watch));

    if (!watch)
        return -1;
    *watch = (struct socket_watch){.watch = {.fd = fd, .ready = socket_ready}, .driver = driver};
    if (loop_watch_add(driver->client->loop, &watch->watch, events) != OK) {
        heap_free(watch);
        return -1;
    }
    curl_multi_assign(driver->multi, fd, watch);
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *of_socket)
{
    struct driver *driver = context;
    struct socket_watch *watch = of_socket;
    struct loop *loop = driver->client->loop;
    uint32_t events = 0;

    UNUSED(easy);
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            loop_watch_remove(loop, &watch->watch);
        heap_free(watch);
        return 0;
    }
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= (uint32_t)EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= (uint32_t)EPOLLOUT;
    if (!watch)
        return watch_socket(driver, fd, events);
    return loop_watch_change(loop, &watch->watch, events) == OK ? 0 : -1;
}

static int on_timeout(CURLM *multi, long ms, void *context)
{
    struct driver *driver = context;

    UNUSED(multi);
    if (ms < 0)
        loop_timer_cancel(driver->client->loop, &driver->timer);
    else
        loop_timer_set(driver->client->loop, &driver->timer, clock_monotonic() + ms * US_PER_MS);
    return 0;
}

bool driver_open(struct driver *driver, struct http_client *client, size_t kept_connections)
{
    *driver = (struct driver){.client = client, .multi = curl_multi_init(), .timer = {.fire = timer_fires}};
    return driver->multi && curl_multi_setopt(driver->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_SOCKETDATA, driver) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_TIMERFUNCTION, on_timeout) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_TIMERDATA, driver) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK &&
           curl_multi_setopt(driver->multi, CURLMOPT_MAXCONNECTS, (long)kept_connections) == CURLM_OK;
}

void driver_close(struct driver *driver)
{
    if (!driver->multi)
        return;
    curl_multi_cleanup(driver->multi);
    driver->multi = NULL;
    loop_timer_cancel(driver->client->loop, &driver->timer);
}

bool driver_add(struct driver *driver, struct transfer *transfer)
{
    if (curl_multi_add_handle(driver->multi, transfer->easy) != CURLM_OK)
        return false;
    transfer->driver = driver;
    return true;
}

void driver_remove(struct transfer *transfer)
{
    if (!transfer->driver)
        return;
    curl_multi_remove_handle(transfer->driver->multi, transfer->easy);
    transfer->driver = NULL;
}

void transfer_reap(struct http_client *client)
{
    while (client->orphans.first) {
        struct transfer *transfer = client->orphans.first;
        transfer_unlink(&client->orphans, transfer);
        driver_remove(transfer);
        transfer_free(transfer);
    }
}
