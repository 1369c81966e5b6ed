/* GET /stocks/{id}/movements: what moved, newest first, as stock's own events tell it.
 *
 * They lie in the outbox of its cell in the order in which they happened, all items' together, so they are looked
 * through backwards in pieces; a request looks at so many and no more, and gives a link to go on from there. How far
 * back there is anything is the outbox' retention (outbox.retain_hours). */
#include "errors.h"
#include "event.h"
#include "outbox_kv.h"
#include "sse.h"
#include "stock_events.h"
#include "stock_http.h"
#include "stock_json.h"
#include "stock_queries_kv.h"

enum { PIECE = 512, MOST_LOOKED_AT = 4096, USUAL_SIZE = 20, MOST_SIZE = 100 };
enum { READ_BYTES = 256 << 10, MAX_EVENT = 1 << 20 };

struct movement_json {
    int64_t position, at, qty, on_hand;
    int64_t order_id; /* 0: no order's */
    struct str type, reservation_id, reason;
};

#define FIELD(json_name, member, type, flags) JSON_FIELD(struct movement_json, json_name, member, type, flags, 0, 0)
static const struct json_field movement_fields[] = {
    FIELD("position", position, JSON_I64, 0),
    FIELD("at", at, JSON_TIME, 0),
    FIELD("type", type, JSON_STRING, 0),
    FIELD("qty", qty, JSON_I64, 0),
    FIELD("onHand", on_hand, JSON_I64, 0),
    FIELD("reservationId", reservation_id, JSON_STRING, JSON_NULLABLE),
    FIELD("orderId", order_id, JSON_I64, JSON_NULLABLE),
    FIELD("reason", reason, JSON_STRING, JSON_NULLABLE),
};
static const struct json_desc movement_desc = {"movement", movement_fields, COUNT_OF(movement_fields),
                                               sizeof(struct movement_json)};

/* The movements of one stock among the positions after `after` and before `before`, oldest first. */
struct piece {
    struct arena *arena;
    int64_t stock_id;
    int64_t after, before;
    int64_t last; /* looked at */
    size_t n;
    struct movement_json found[PIECE];
};

static bool keep_texts(struct arena *arena, struct movement_json *movement)
{
    struct str *texts[] = {&movement->type, &movement->reservation_id, &movement->reason};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        *texts[i] = arena_copy(arena, *texts[i]);
        if (!texts[i]->p)
            return false;
    }
    return true;
}

static int on_event(void *context, const struct sse_event *sse)
{
    struct piece *piece = context;
    struct event event;
    struct stock_event_data data;
    struct json_error error;

    if (!str_to_i64(sse->id, &piece->last))
        return E_CORRUPT;
    if (piece->last <= piece->after || piece->last >= piece->before)
        return OK; /* its batch has some that were asked for */
    if (!event_decode(sse->data, &event, &stock_event_desc, &data, piece->arena, &error))
        return E_CORRUPT;
    if (data.id != piece->stock_id)
        return OK;
    struct movement_json *movement = &piece->found[piece->n++];
    *movement = (struct movement_json){piece->last, event.time,          data.qty,   data.on_hand, data.order_id,
                                       event.type,  data.reservation_id, data.reason};
    return keep_texts(piece->arena, movement) ? OK : E_MEMORY;
}

/* `*oldest` is the first position still kept. */
static int read_piece(struct kv *kv, struct piece *piece, int64_t *oldest)
{
    struct sse_parser parser;
    uint64_t first = 0;
    int rc = OK;

    sse_init(&parser, MAX_EVENT);
    piece->last = piece->after;
    for (bool more = true; !rc && more && piece->last < piece->before - 1;) {
        struct buf frames = {0};
        rc = outbox_kv_read(kv, (uint64_t)piece->last, READ_BYTES, &frames, &first);
        more = frames.n > 0;
        if (!rc && more)
            rc = sse_feed(&parser, frames.p, frames.n, on_event, piece);
        buf_free(&frames);
    }
    sse_free(&parser);
    *oldest = (int64_t)first;
    return rc;
}

/* What is asked for, and how far it has been looked for. */
struct search {
    int64_t stock_id, before, size;
    int64_t reached; /* everything from here on was looked at */
    int64_t oldest;
};

static void add_newest_first(struct http_request *request, const struct piece *piece, struct search *search)
{
    struct buf *out = &request->reply;

    for (size_t i = piece->n; i-- > 0 && search->size > 0; search->size--) {
        if (out->n && out->p[out->n - 1] == '}')
            buf_char(out, ',');
        json_encode(out, &movement_desc, &piece->found[i]);
        search->reached = piece->found[i].position;
    }
}

static int look_back(struct kv *kv, struct http_request *request, struct search *search)
{
    struct piece *piece = ARENA_NEW(&request->arena, struct piece);
    int64_t end = search->before > MOST_LOOKED_AT ? search->before - MOST_LOOKED_AT : 1;

    if (!piece)
        return E_MEMORY;
    search->reached = search->before;
    search->oldest = 1;
    while (search->size > 0 && search->reached > end && search->reached > search->oldest) {
        int64_t before = search->reached;
        int64_t after = before - 1 > PIECE ? before - 1 - PIECE : 0;
        *piece =
            (struct piece){.arena = &request->arena, .stock_id = search->stock_id, .after = after, .before = before};
        int rc = read_piece(kv, piece, &search->oldest);
        if (rc)
            return rc;
        search->reached = after + 1;
        add_newest_first(request, piece, search);
    }
    return OK;
}

static void add_links(struct http_request *request, const struct search *search, int64_t size)
{
    struct buf *out = &request->reply;

    buf_printf(out, "]},\"_links\":{\"self\":{\"href\":\"%.*s/stocks/%lld/movements\"}", STR_ARG(request->base),
               (long long)search->stock_id);
    if (search->reached > search->oldest && search->reached > 1)
        buf_printf(out, ",\"next\":{\"href\":\"%.*s/stocks/%lld/movements?before=%lld&size=%lld\"}",
                   STR_ARG(request->base), (long long)search->stock_id, (long long)search->reached, (long long)size);
    BUF_LIT(out, "}}");
}

/* A whole number among the query's parameters; otherwise the problem is filled in. */
static bool read_number(struct http_request *request, const char *name, int64_t most, int64_t *number)
{
    struct str text;
    bool given;

    if (!http_query_once(request, name, &text, &given))
        return false;
    if (!given)
        return true;
    if (str_to_i64(text, number) && *number >= 1 && *number <= most)
        return true;
    http_fill_problem(request, 400, name, "%s must be a whole number from 1 to %lld", name, (long long)most);
    return false;
}

static int fill_movements(const struct stock_http *http, struct http_request *request, struct search *search)
{
    struct stock stock;
    int64_t size = search->size;

    int rc = stock_find(http->cells, search->stock_id, &request->arena, &stock);
    if (rc)
        return rc;
    BUF_LIT(&request->reply, "{\"_embedded\":{\"movements\":[");
    rc = look_back(stock_kv_of_id(http->cells, search->stock_id), request, search);
    if (!rc)
        add_links(request, search, size);
    request->status = 200;
    return rc;
}

struct movements_job {
    struct read_job base;
    const struct stock_http *http;
    struct search search;
};

static void run(struct read_job *base, struct sql *sql)
{
    struct movements_job *job = CONTAINER_OF(base, struct movements_job, base);
    struct http_request *request = base->request;
    struct search *search = &job->search;
    uint64_t last = 0;

    UNUSED(sql);
    int rc = outbox_kv_restore(stock_kv_of_id(job->http->cells, search->stock_id), &last, NULL);
    if (search->before == 0 || search->before > (int64_t)last + 1)
        search->before = (int64_t)last + 1;
    if (!rc)
        rc = fill_movements(job->http, request, search);
    if (rc == E_NOT_FOUND)
        http_fill_problem(request, 404, NULL, "no such stock is kept");
    else if (rc)
        http_fill_failure(request, rc);
    http_reply(request);
}

void stock_http_movements(void *context, struct http_request *request)
{
    const struct stock_http *http = context;
    struct movements_job *job = ARENA_NEW(&request->arena, struct movements_job);

    if (!job) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    *job = (struct movements_job){{.run = run, .rows = PIECE}, http, {.size = USUAL_SIZE}};
    struct search *search = &job->search;
    if (!hal_read_id(request, 0, &search->stock_id) || !read_number(request, "size", MOST_SIZE, &search->size) ||
        !read_number(request, "before", INT64_MAX - 1, &search->before)) {
        http_reply(request);
        return;
    }
    reader_serve(http->reader, request, &job->base);
}
