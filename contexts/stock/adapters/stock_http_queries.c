/* The reading side of stock_http.h: single rows on the loop (of a store on a server: on a thread of their own), lists
 * on the reader's thread, each from one snapshot. */
#include "errors.h"
#include "list_http.h"
#include "stock_etag.h"
#include "stock_http.h"
#include "stock_json.h"
#include "stock_queries_kv.h"

#include <stdlib.h>

void stock_http_fill(struct http_request *request, int status, const struct stock *stock)
{
    struct stock_json json = stock_json_of(stock);
    struct str tag = stock_etag(&request->arena, stock);

    hal_fill_entity(request, status, &stock_type, &json);
    if (tag.p)
        http_add_header(request, "ETag", tag);
    else
        request->reply.failed = true; /* half an answer is none */
}

static void reply_with(struct http_request *request, int rc, const struct stock *stock)
{
    if (rc == E_NOT_FOUND) {
        http_fill_problem(request, 404, NULL, "no such stock is kept");
    } else if (rc) {
        http_fill_failure(request, rc);
    } else {
        stock_http_fill(request, 200, stock);
    }
    http_reply(request);
}

static void show(void *context, struct http_request *request, struct sql *sql)
{
    const struct stock_http *http = context;
    struct stock stock;
    int64_t id;

    UNUSED(sql);
    if (!hal_read_id(request, 0, &id)) {
        http_reply(request);
        return;
    }
    reply_with(request, stock_find(http->cells, id, &request->arena, &stock), &stock);
}

void stock_http_show(void *context, struct http_request *request)
{
    const struct stock_http *http = context;

    reader_serve_row(http->reader, request, show, context);
}

static void find_by_name(void *context, struct http_request *request, struct sql *sql)
{
    const struct stock_http *http = context;
    struct str given, name;
    const char *wrong;
    struct stock stock;
    bool is_given;

    UNUSED(sql);
    if (!http_query_once(request, "productName", &given, &is_given)) {
        http_reply(request);
        return;
    }
    if (!is_given || str_trim(given).n == 0) {
        http_problem(request, 400, "productName", "productName is missing");
        return;
    }
    /* what can't be a name is not the name of anything that is kept */
    int rc = stock_http_name(http, &request->arena, given, &name, &wrong)
                 ? stock_find_by_name(http->cells, name, &request->arena, &stock)
                 : E_NOT_FOUND;
    reply_with(request, rc, &stock);
}

void stock_http_find_by_name(void *context, struct http_request *request)
{
    const struct stock_http *http = context;

    reader_serve_row(http->reader, request, find_by_name, context);
}

enum { BY_ID, BY_NAME, BY_QTY };
static const char *const sortable[] = {[BY_ID] = "id", [BY_NAME] = "productName", [BY_QTY] = "qty", NULL};

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_by(size_t column, const struct stock *a, const struct stock *b)
{
    switch (column) {
    case BY_NAME:
        return str_compare(a->product_name, b->product_name);
    case BY_QTY:
        return compare_numbers(a->on_hand, b->on_hand);
    default:
        return compare_numbers(a->id, b->id);
    }
}

/* The id at the end makes every order total. */
static int compare(const void *left, const void *right, void *context)
{
    const struct page_request *page = context;
    const struct stock *a = left, *b = right;

    for (size_t i = 0; i < page->n_sorts; i++) {
        int order = compare_by(page->sort[i].column, a, b);
        if (order)
            return page->sort[i].descending ? -order : order;
    }
    return compare_numbers(a->id, b->id);
}

/* By id they come out of the store in order; for any other order all are needed. */
static int fetch(struct list_job *job, struct sql *sql, int64_t *total)
{
    const struct stock_http *http = job->context;
    struct page_request *page = &job->page;
    size_t size = (size_t)page->size, first = (size_t)page->number * size;
    bool sorted = page->n_sorts > 0 && (page->sort[0].column != BY_ID || page->sort[0].descending);
    struct stock_rows rows;

    UNUSED(sql);
    int rc = stock_list(http->cells, &job->request->arena, sorted ? 0 : first, sorted ? SIZE_MAX : size,
                        job->base.until_us, &rows);
    if (rc)
        return rc;
    if (sorted && rows.n)
        qsort_r(rows.stocks, rows.n, sizeof(*rows.stocks), compare, page);
    size_t skipped = !sorted ? 0 : first < rows.n ? first : rows.n;
    for (size_t i = 0; i < size && skipped + i < rows.n; i++) {
        struct stock_json json = stock_json_of(&rows.stocks[skipped + i]);
        hal_page_item(job->request, &stock_type, &json);
    }
    *total = (int64_t)rows.total;
    return OK;
}

static const struct list_source source = {&stock_type, sortable, 0, fetch};

void stock_http_list(void *context, struct http_request *request)
{
    const struct stock_http *http = context;

    list_serve(http->reader, request, &source, context);
}
