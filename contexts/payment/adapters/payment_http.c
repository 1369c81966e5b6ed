#include "payment_http.h"

#include "hal.h"
#include "list_http.h"
#include "payment_hal.h"
#include "payment_queries_sql.h"

static http_handler list_payments, show_payment, find_by_order;

const struct route payment_routes[] = {
    {HTTP_POST, "/payments/authorize", payment_authorize, .inner = true,
     .doc = "Authorise what an order is about to cost; order's, many at once."},
    {HTTP_GET, "/payments", list_payments, .doc = "All payments, paged."},
    {HTTP_GET, "/payments/{id}", show_payment, .doc = "One payment, or 404."},
    {HTTP_GET, "/payments/search/findByOrderId", find_by_order, .doc = "The payment of an order."},
    {HTTP_GET, "/payments/summary", payment_http_summary, .doc = "Counts and sums by day and status."},
    {HTTP_POST, "/payments/webhook", payment_webhook, .doc = "What the provider says later than it was asked; signed."},
    {HTTP_PUT, "/payments/{id}", payment_refund, .doc = "Give it back, once, when its order is over."},
    {.path = NULL},
};

/* ---- queries ---- */

static void read_payment(void *context, struct http_request *request, struct sql *sql)
{
    struct payment payment;
    int64_t id;

    UNUSED(context);
    if (hal_read_id(request, 0, &id)) {
        int rc = payment_find(sql, id, &payment, &request->arena);
        if (rc) {
            http_fill_failure(request, rc);
        } else if (payment.state == PAYMENT_NONE) {
            http_fill_problem(request, 404, NULL, "there is no payment %lld", (long long)id);
        } else {
            payment_hal_fill(request, &payment);
        }
    }
    http_reply(request);
}

static void show_payment(void *context, struct http_request *request)
{
    struct payment_http *http = context;

    reader_serve_row(http->reader, request, read_payment, http);
}

static void add_to_list(void *context, const struct payment *payment)
{
    payment_hal_item(context, payment);
}

static void read_by_order(void *context, struct http_request *request, struct sql *sql)
{
    int64_t order_id;

    UNUSED(context);
    if (http_query_id(request, "orderId", "an order's number", &order_id)) {
        hal_page_begin(request, &payment_hal_type);
        int rc = payment_find_by_order(sql, order_id, add_to_list, request);
        if (rc)
            http_fill_failure(request, rc);
        else
            hal_list_end(request, &payment_hal_type);
    }
    http_reply(request);
}

static void find_by_order(void *context, struct http_request *request)
{
    struct payment_http *http = context;

    reader_serve_row(http->reader, request, read_by_order, http);
}

static int fetch(struct list_job *job, struct sql *sql, int64_t *total)
{
    return payment_list(sql, &job->page, add_to_list, job->request, total);
}

static void list_payments(void *context, struct http_request *request)
{
    static const struct list_source payments = {&payment_hal_type, payment_sortable, 1, fetch};
    struct payment_http *http = context;

    list_serve(http->reader, request, &payments, http);
}
