#include "fake_producer.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"

#include <stdio.h>

static const struct http_settings http = {.max_connections = 64,
                                          .max_body = 65536,
                                          .connection_memory = 8192,
                                          .idle_ms = 60000,
                                          .request_ms = 10000,
                                          .trusted_proxy = "127.0.0.1"};

static void get_events(void *context, struct http_request *request)
{
    struct fake_producer *producer = context;

    http_add_header(request, "Feed-Producer", STR("fake"));
    feed_serve(producer->feed, request);
}

static const struct route routes[] = {{.method = HTTP_GET, .path = "/events", .handle = get_events, .doc = "The feed."},
                                      {.path = NULL}};

static void read_now(struct fake_producer *producer, struct feed_reading *reading)
{
    pthread_mutex_lock(&producer->lock);
    reading->error = producer->store_fails;
    producer->store_reads++;
    reading->oldest = 0;
    for (size_t i = 0; i < producer->n_stored && reading->error == OK; i++) {
        const struct fake_batch *batch = &producer->stored[i];
        if (batch->first < producer->kept_from)
            continue;
        if (reading->oldest == 0)
            reading->oldest = batch->first;
        if (batch->first + batch->count - 1 > reading->after && reading->frames.n < reading->enough)
            buf_add(&reading->frames, buf_str(&batch->frames));
    }
    pthread_mutex_unlock(&producer->lock);
    reading->done(reading);
}

void fake_producer_answer(struct fake_producer *producer)
{
    struct feed_reading *readings[COUNT_OF(producer->unanswered)];
    size_t n = producer->n_unanswered;

    for (size_t i = 0; i < n; i++)
        readings[i] = producer->unanswered[i];
    producer->n_unanswered = 0; /* an answer may lead to the next question */
    for (size_t i = 0; i < n; i++)
        read_now(producer, readings[i]);
}

static void answer_later(struct loop_job *job)
{
    struct fake_producer *producer = CONTAINER_OF(job, struct fake_producer, answers);

    if (producer->store_hangs)
        loop_stop(producer->loop);
    else
        fake_producer_answer(producer);
}

static void read_stored(void *context, struct feed_reading *reading)
{
    struct fake_producer *producer = context;

    if (!producer->store_is_slow && !producer->store_hangs) {
        read_now(producer, reading);
        return;
    }
    ASSERT(producer->n_unanswered < COUNT_OF(producer->unanswered));
    producer->unanswered[producer->n_unanswered++] = reading;
    loop_post(producer->loop, &producer->answers);
}

static void add_event(struct outbox *outbox, const char *kind, size_t pad)
{
    uint64_t position = outbox->next++;

    outbox->count++;
    buf_printf(&outbox->frames, "id: %llu\ndata: {\"at\":%llu,\"kind\":\"%s\",\"pad\":\"", (unsigned long long)position,
               (unsigned long long)position, kind);
    for (size_t i = 0; i < pad; i++)
        buf_char(&outbox->frames, 'x');
    BUF_LIT(&outbox->frames, "\"}\n\n");
}

static void store(struct fake_producer *producer, const struct outbox *outbox)
{
    if (producer->n_stored == producer->cap_stored) {
        producer->cap_stored = producer->cap_stored ? producer->cap_stored * 2 : 64;
        producer->stored = heap_resize(producer->stored, producer->cap_stored * sizeof(*producer->stored));
        ASSERT(producer->stored);
    }
    struct fake_batch *batch = &producer->stored[producer->n_stored++];
    *batch = (struct fake_batch){.first = outbox->first, .count = outbox->count};
    buf_add(&batch->frames, buf_str(&outbox->frames));
    producer->last = outbox->first + outbox->count - 1;
}

void fake_producer_publish(struct fake_producer *producer, size_t n, const char *kind, size_t pad)
{
    struct outbox outbox;

    pthread_mutex_lock(&producer->publishing);
    outbox_init(&outbox, "fake", producer->last);
    outbox_begin(&outbox);
    for (size_t i = 0; i < n; i++)
        add_event(&outbox, kind, pad);
    pthread_mutex_lock(&producer->lock);
    store(producer, &outbox);
    pthread_mutex_unlock(&producer->lock);
    if (producer->feed)
        feed_publish(producer->feed, &outbox);
    outbox_free(&outbox);
    pthread_mutex_unlock(&producer->publishing);
}

void fake_producer_start(struct fake_producer *producer)
{
    struct buf problem = {0};
    char listen[32];

    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%d", producer->port);
    pthread_mutex_lock(&producer->publishing);
    producer->feed =
        feed_new(producer->loop, &producer->settings, producer->last, &producer->history, read_stored, producer);
    producer->server = http_server_new(producer->loop, &http, listen, routes, producer, &problem);
    pthread_mutex_unlock(&producer->publishing);
    ASSERT(producer->feed && producer->server);
    producer->port = http_server_port(producer->server);
    (void)snprintf(producer->url, sizeof(producer->url), "http://127.0.0.1:%d", producer->port);
    buf_free(&problem);
}

void fake_producer_stop(struct fake_producer *producer)
{
    pthread_mutex_lock(&producer->publishing); /* nobody publishes */
    loop_stop(producer->loop);
    loop_run(producer->loop); /* the feed's wake-up may be among the jobs */
    http_server_free(producer->server);
    feed_free(producer->feed);
    producer->server = NULL;
    producer->feed = NULL;
    pthread_mutex_unlock(&producer->publishing);
}

void fake_producer_open(struct fake_producer *producer, struct loop *loop, const struct feed_settings *settings)
{
    *producer = (struct fake_producer){.loop = loop, .settings = *settings, .answers = {.run = answer_later}};
    pthread_mutex_init(&producer->publishing, NULL);
    pthread_mutex_init(&producer->lock, NULL);
    fake_producer_start(producer);
}

void fake_producer_close(struct fake_producer *producer)
{
    if (producer->feed)
        fake_producer_stop(producer);
    for (size_t i = 0; i < producer->n_stored; i++)
        buf_free(&producer->stored[i].frames);
    heap_free(producer->stored);
    feed_history_free(&producer->history);
    pthread_mutex_destroy(&producer->publishing);
    pthread_mutex_destroy(&producer->lock);
}
