#include "kafka_lane.h"

#include "alloc.h"
#include "base.h"
#include "cell.h"
#include "clock.h"
#include "errors.h"
#include "feed_frames.h"
#include "log.h"

enum { PIECE = 65536, BACK_OFF_LEAST_US = 100000, BACK_OFF_MOST_US = 10000000 };

struct kafka_lane *kafka_lane_new(struct kafka_relay *relay, const struct kafka_lane_options *options)
{
    struct kafka_lane *lane = heap_alloc(sizeof(*lane));
    struct kafka_window *window = heap_alloc(sizeof(*window));

    if (!lane || !window) {
        heap_free(lane);
        heap_free(window);
        return NULL;
    }
    *lane = (struct kafka_lane){.options = *options,
                                .relay = relay,
                                .window = window,
                                .sent = options->relayed,
                                .told = options->relayed,
                                .back_off_us = BACK_OFF_LEAST_US,
                                .acknowledged = options->relayed};
    window->lane = lane;
    for (size_t i = 0; i < KAFKA_WINDOW; i++)
        window->slots[i].window = window;
    feed_tail_init(&lane->tail, options->tail_bytes, options->last);
    return lane;
}

static void drop_frames(struct kafka_lane *lane)
{
    blob_release(lane->blob);
    lane->blob = NULL;
    lane->rest = (struct str){NULL, 0};
}

struct kafka_window *kafka_lane_free(struct kafka_lane *lane)
{
    struct kafka_window *window = lane->window;

    drop_frames(lane);
    buf_free(&lane->stored);
    feed_tail_free(&lane->tail);
    heap_free(lane);
    window->lane = NULL;
    if (window->under_way > 0)
        return window;
    heap_free(window);
    return NULL;
}

void kafka_lane_rewind(struct kafka_lane *lane)
{
    drop_frames(lane);
    lane->sent = atomic_load_explicit(&lane->acknowledged, memory_order_relaxed);
    lane->next_partition = 0;
    lane->window->under_way = 0;
    for (size_t i = 0; i < KAFKA_WINDOW; i++)
        lane->window->slots[i].under_way = 0;
}

int64_t kafka_lane_due(const struct kafka_lane *lane)
{
    return lane->retry_at ? lane->retry_at : INT64_MAX;
}

/* It stays first: loudly once, and tried again. */
static void hold(struct kafka_lane *lane, uint64_t position, int error, int64_t now)
{
    if (atomic_exchange_explicit(&lane->error, error, memory_order_relaxed) != error)
        log_error("an event can't be brought to the topic, and those behind it wait", LOG_I("cell", lane->options.cell),
                  LOG_I("position", position), LOG_T("error", error_text(error)));
    lane->retry_at = now + lane->back_off_us;
    lane->back_off_us = lane->back_off_us * 2 < BACK_OFF_MOST_US ? lane->back_off_us * 2 : BACK_OFF_MOST_US;
}

/* ---- what is to be sent ---- */

static int read_stored(struct kafka_lane *lane)
{
    uint64_t oldest = 0;

    buf_clear(&lane->stored);
    int rc = lane->options.read_stored(lane->options.owner, lane->sent, PIECE, &lane->stored, &oldest);
    if (rc || lane->stored.failed)
        return rc ? rc : E_MEMORY;
    struct str frames = buf_str(&lane->stored);
    uint64_t first = frames_first_position(frames);
    if (first == 0 || first > lane->sent + 1)
        return E_NOT_FOUND;
    lane->rest = frames_skip(frames, lane->sent + 1 - first);
    return lane->rest.n > 0 ? OK : E_NOT_FOUND;
}

/* From memory, or from the store. */
static int find_frames(struct kafka_lane *lane)
{
    if (lane->rest.n > 0)
        return OK;
    drop_frames(lane);
    lane->blob = feed_tail_find(&lane->tail, lane->sent + 1);
    if (!lane->blob)
        return read_stored(lane);
    lane->rest = frames_skip(buf_str(&lane->blob->frames), lane->sent + 1 - lane->blob->first);
    return lane->rest.n > 0 ? OK : E_CORRUPT;
}

/* "id: 17\ndata: {…}\n\n" -> {…}; false: it isn't 17, or no such frame. */
static bool text_of(struct str frames, uint64_t position, struct str *text)
{
    static const struct str data = STR_INIT("data: ");
    struct str line, rest;

    if (frames_first_position(frames) != position)
        return false;
    (void)str_split(frames, '\n', &line);
    if (!str_starts_with(line, data))
        return false;
    *text = str_split((struct str){line.p + data.n, line.n - data.n}, '\n', &rest);
    return true;
}

/* ---- sending ---- */

static rd_kafka_headers_t *headers_of(const struct kafka_message *message)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->n_headers);

    for (size_t i = 0; i < message->n_headers; i++) {
        const struct kafka_header *header = &message->headers[i];
        (void)rd_kafka_header_add(headers, header->name.p, (ssize_t)header->name.n, header->value.p,
                                  (ssize_t)header->value.n);
    }
    return headers;
}

static int error_of(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return OK;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        return E_TOO_LARGE;
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        return E_FOREIGN;
    default:
        return E_BUSY; /* its queue is full, or it is at its end; either is seen to by the relay */
    }
}

/* librdkafka's list of words has no const; what is copied is only read. */
static void *unchanged(const char *p)
{
    void *same;

    memcpy(&same, &p, sizeof(same));
    return same;
}

static int send_to(struct kafka_lane *lane, struct kafka_way *way, const struct kafka_message *message,
                   int32_t partition)
{
    struct kafka_slot *slot = &lane->window->slots[(lane->sent + 1) % KAFKA_WINDOW];
    rd_kafka_headers_t *headers = headers_of(message);
    rd_kafka_vu_t words[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = way->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {unchanged(message->key.p), message->key.n}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {unchanged(message->value.p), message->value.n}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = slot},
    };
    rd_kafka_error_t *failed = rd_kafka_produceva(way->rk, words, COUNT_OF(words));

    if (!failed) {
        slot->under_way++;
        lane->window->under_way++;
        return OK;
    }
    int rc = error_of(rd_kafka_error_code(failed));
    rd_kafka_error_destroy(failed);
    rd_kafka_headers_destroy(headers);
    return rc;
}

static int send_one(struct kafka_lane *lane, struct kafka_way *way, struct str text)
{
    struct kafka_message message;
    const struct kafka_lane_options *options = &lane->options;
    int rc = kafka_event_encode(&way->encoder, text, options->cell, &message);

    if (rc)
        return rc == E_MALFORMED ? E_CORRUPT : rc;
    if (options->everywhere && options->everywhere(options->owner, event_type_ahead(text), text)) {
        while (!rc && lane->next_partition < way->partitions) {
            rc = send_to(lane, way, &message, lane->next_partition);
            lane->next_partition += rc ? 0 : 1;
        }
    } else if (options->partition >= 0) {
        rc = send_to(lane, way, &message, options->partition);
    } else {
        rc = message.key.n ? send_to(lane, way, &message, cell_of_key(message.key, way->partitions)) : E_CORRUPT;
    }
    return rc;
}

static int send_next(struct kafka_lane *lane, struct kafka_way *way)
{
    struct str text;
    int rc = find_frames(lane);

    if (rc)
        return rc;
    if (!text_of(lane->rest, lane->sent + 1, &text))
        return E_CORRUPT;
    rc = send_one(lane, way, text);
    if (rc)
        return rc;
    lane->next_partition = 0;
    lane->sent++;
    lane->rest = frames_skip(lane->rest, 1);
    return OK;
}

void kafka_lane_pump(struct kafka_lane *lane, struct kafka_way *way, int64_t now)
{
    uint64_t last = feed_tail_last(&lane->tail);
    uint64_t acknowledged = atomic_load_explicit(&lane->acknowledged, memory_order_relaxed);
    int rc = OK;

    if (now < lane->retry_at || acknowledged < lane->sent)
        return;
    lane->retry_at = 0;
    while (!rc && lane->sent < last && lane->sent - acknowledged < KAFKA_WINDOW)
        rc = send_next(lane, way);
    if (rc && rc != E_BUSY)
        hold(lane, lane->sent + 1, rc, now);
}

/* ---- what comes back ---- */

static void acknowledge(struct kafka_lane *lane)
{
    uint64_t position = atomic_load_explicit(&lane->acknowledged, memory_order_relaxed);
    uint64_t before = position;

    while (position < lane->sent && lane->window->slots[(position + 1) % KAFKA_WINDOW].under_way == 0)
        position++;
    if (position == before)
        return;
    atomic_store_explicit(&lane->acknowledged, position, memory_order_release);
    lane->back_off_us = BACK_OFF_LEAST_US;
    if (atomic_exchange_explicit(&lane->error, OK, memory_order_relaxed))
        log_info("events go to the topic again", LOG_I("cell", lane->options.cell), LOG_I("position", position));
}

bool kafka_slot_answered(struct kafka_slot *slot, rd_kafka_resp_err_t error, int64_t now)
{
    struct kafka_window *window = slot->window;
    struct kafka_lane *lane = window->lane;

    window->under_way--;
    if (error) {
        int why = error_of(error);
        if (lane && why && why != E_BUSY && !lane->retry_at) /* those behind it end in the same way */
            hold(lane, atomic_load_explicit(&lane->acknowledged, memory_order_relaxed) + 1, why, now);
        return false;
    }
    slot->under_way--;
    if (lane)
        acknowledge(lane);
    return true;
}
