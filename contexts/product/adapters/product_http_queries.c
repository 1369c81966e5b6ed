/* The reading side of product_http.h. */
#include "errors.h"
#include "hal.h"
#include "json.h"
#include "product_http.h"
#include "product_json.h"
#include "product_repo_sql.h"

bool product_http_read_order_id(struct http_request *request, int64_t *order_id)
{
    struct str text;

    if (!http_query(request, "orderId", 0, &text)) {
        http_fill_problem(request, 400, "orderId", "is missing");
        return false;
    }
    if (!str_to_i64(text, order_id) || *order_id < 1) {
        http_fill_problem(request, 400, "orderId", "must be an order's number");
        return false;
    }
    return true;
}

/* In manual mode nothing starts by itself, whatever time the row has. */
static struct ticket_json shown(const struct product_http *http, const struct ticket *ticket)
{
    struct ticket_json json = ticket_json_of(ticket);

    if (http->manual)
        json.starts_at = 0;
    return json;
}

void product_http_show(void *context, struct http_request *request)
{
    struct product_http *http = context;
    struct ticket ticket;
    int64_t id;

    if (hal_read_id(request, 0, &id)) {
        int rc = product_find(http->reads, id, &ticket, &request->arena);
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

void product_http_find_by_order(void *context, struct http_request *request)
{
    struct product_http *http = context;
    struct ticket ticket;
    int64_t order_id;

    if (product_http_read_order_id(request, &order_id)) {
        int rc = product_find_by_order(http->reads, order_id, &ticket, &request->arena);
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

struct list_job {
    struct read_job job;
    struct product_http *http;
    struct http_request *request;
    struct page_request page;
};

static void add_to_list(void *context, const struct ticket *ticket)
{
    struct list_job *self = context;
    struct ticket_json json = shown(self->http, ticket);

    hal_page_item(self->request, &ticket_type, &json);
}

static void run_list(struct read_job *job, struct sql *sql)
{
    struct list_job *self = CONTAINER_OF(job, struct list_job, job);
    struct http_request *request = self->request;
    int64_t total = 0;

    hal_page_begin(request, &ticket_type);
    int rc = product_list(sql, &self->page, add_to_list, self, &total);
    if (rc)
        http_fill_failure(request, rc);
    else
        hal_page_end(request, &ticket_type, &self->page, total);
    http_reply(request);
}

static void run_open(struct read_job *job, struct sql *sql)
{
    struct list_job *self = CONTAINER_OF(job, struct list_job, job);
    struct http_request *request = self->request;

    hal_page_begin(request, &ticket_type);
    int rc = product_list_open(sql, PRODUCT_MAX_OPEN, add_to_list, self);
    if (rc)
        http_fill_failure(request, rc);
    else
        hal_list_end(request, &ticket_type);
    http_reply(request);
}

static struct list_job *new_job(struct product_http *http, struct http_request *request,
                                void (*run)(struct read_job *job, struct sql *sql))
{
    struct list_job *self = ARENA_NEW(&request->arena, struct list_job);

    if (!self) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return NULL;
    }
    self->job.run = run;
    self->http = http;
    self->request = request;
    return self;
}

void product_http_list(void *context, struct http_request *request)
{
    struct product_http *http = context;
    struct list_job *self = new_job(http, request, run_list);

    if (!self)
        return;
    if (hal_read_page(request, product_sortable, &self->page))
        service_read(http->base.service, http->reader, request, &self->job);
    else
        http_reply(request);
}

void product_http_open(void *context, struct http_request *request)
{
    struct product_http *http = context;
    struct list_job *self = new_job(http, request, run_open);

    if (self)
        service_read(http->base.service, http->reader, request, &self->job);
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
