/* The reading side of product_http.h. */
#include "errors.h"
#include "hal.h"
#include "json.h"
#include "list_http.h"
#include "product_http.h"
#include "product_json.h"
#include "product_queries_sql.h"

/* In manual mode nothing starts by itself, whatever time the row has. */
static struct ticket_json shown(const struct product_http *http, const struct ticket *ticket)
{
    struct ticket_json json = ticket_json_of(ticket, service_wall_ahead(http->base.service));

    if (http->manual)
        json.starts_at = 0;
    return json;
}

static void read_ticket(void *context, struct http_request *request, struct sql *sql)
{
    const struct product_http *http = context;
    struct ticket ticket;
    int64_t id;

    if (hal_read_id(request, 0, &id)) {
        int rc = product_find(sql, id, &ticket, &request->arena);
        if (rc) {
            http_fill_failure(request, rc);
        } else if (ticket_is_hidden(&ticket)) {
            http_fill_problem(request, 404, NULL, "there is no ticket %lld", (long long)id);
        } else {
            struct ticket_json json = shown(http, &ticket);
            hal_fill_entity(request, 200, &ticket_type, &json);
        }
    }
    http_reply(request);
}

void product_http_show(void *context, struct http_request *request)
{
    struct product_http *http = context;

    reader_serve_row(http->reader, request, read_ticket, http);
}

static void read_by_order(void *context, struct http_request *request, struct sql *sql)
{
    const struct product_http *http = context;
    struct ticket ticket;
    int64_t order_id;

    if (http_query_id(request, "orderId", "an order's number", &order_id)) {
        int rc = product_find_by_order(sql, order_id, &ticket, &request->arena);
        if (rc) {
            http_fill_failure(request, rc);
        } else {
            hal_page_begin(request, &ticket_type);
            if (!ticket_is_hidden(&ticket)) {
                struct ticket_json json = shown(http, &ticket);
                hal_page_item(request, &ticket_type, &json);
            }
            hal_list_end(request, &ticket_type);
        }
    }
    http_reply(request);
}

void product_http_find_by_order(void *context, struct http_request *request)
{
    struct product_http *http = context;

    reader_serve_row(http->reader, request, read_by_order, http);
}

static void add_ticket(const struct product_http *http, struct http_request *request, const struct ticket *ticket)
{
    struct ticket_json json = shown(http, ticket);

    hal_page_item(request, &ticket_type, &json);
}

static void add_to_page(void *context, const struct ticket *ticket)
{
    const struct list_job *job = context;

    add_ticket(job->context, job->request, ticket);
}

static int fetch(struct list_job *job, struct sql *sql, int64_t *total)
{
    return product_list(sql, &job->page, add_to_page, job, total);
}

void product_http_list(void *context, struct http_request *request)
{
    static const struct list_source tickets = {&ticket_type, product_sortable, 1, fetch};
    struct product_http *http = context;

    list_serve(http->reader, request, &tickets, http);
}

struct open_job {
    struct read_job base;
    const struct product_http *http;
    struct http_request *request;
};

static void add_to_open(void *context, const struct ticket *ticket)
{
    const struct open_job *job = context;

    add_ticket(job->http, job->request, ticket);
}

static void run_open(struct read_job *base, struct sql *sql)
{
    struct open_job *job = CONTAINER_OF(base, struct open_job, base);

    hal_page_begin(job->request, &ticket_type);
    int rc = product_list_open(sql, PRODUCT_MAX_OPEN, add_to_open, job);
    if (rc)
        http_fill_failure(job->request, rc);
    else
        hal_list_end(job->request, &ticket_type);
    http_reply(job->request);
}

void product_http_open(void *context, struct http_request *request)
{
    struct product_http *http = context;
    struct open_job *job = ARENA_NEW(&request->arena, struct open_job);

    if (!job) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    *job = (struct open_job){.base = {.run = run_open, .rows = PRODUCT_MAX_OPEN}, .http = http, .request = request};
    reader_serve(http->reader, request, &job->base);
}

struct kitchen_json {
    struct str mode;
    int64_t start_after_ms, brew_ms;
};
static const struct json_field kitchen_fields[] = {
    JSON_FIELD(struct kitchen_json, "mode", mode, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct kitchen_json, "startAfterMs", start_after_ms, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct kitchen_json, "brewMs", brew_ms, JSON_I64, 0, 0, 0),
};
static const struct json_desc kitchen_desc = {"kitchen", kitchen_fields, COUNT_OF(kitchen_fields),
                                              sizeof(struct kitchen_json)};

void product_http_kitchen(void *context, struct http_request *request)
{
    const struct product_http *http = context;
    const struct kitchen_json json = {.mode = http->manual ? STR("manual") : STR("auto"),
                                      .start_after_ms = http->start_after_ms,
                                      .brew_ms = http->brew_ms};

    request->status = 200;
    json_encode(&request->reply, &kitchen_desc, &json);
    http_reply(request);
}
