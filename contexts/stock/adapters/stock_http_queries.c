/* The reading side of stock_http.h: rows are few, so lists are made here on the loop, from one snapshot. */
#include "errors.h"
#include "stock_etag.h"
#include "stock_http.h"
#include "stock_json.h"
#include "stock_repo_kv.h"

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

void stock_http_show(void *context, struct http_request *request)
{
    const struct stock_http *http = context;
    struct stock stock;
    int64_t id;

    if (!hal_read_id(request, 0, &id)) {
        http_reply(request);
        return;
    }
    reply_with(request, stock_find(http->kv, id, &request->arena, &stock), &stock);
}

void stock_http_find_by_name(void *context, struct http_request *request)
{
    const struct stock_http *http = context;
    struct str given, name;
    const char *wrong;
    struct stock stock;

    if (!http_query(request, "productName", 0, &given) || str_trim(given).n == 0) {
        http_problem(request, 400, "productName", "productName is missing");
        return;
    }
    /* what can't be a name is not the name of anything that is kept */
    int rc = stock_http_name(http, &request->arena, given, &name, &wrong)
                 ? stock_find_by_name(http->kv, name, &request->arena, &stock)
                 : E_NOT_FOUND;
    reply_with(request, rc, &stock);
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

static void fill_list(struct http_request *request, const struct page_request *page, const struct stock *stocks,
                      size_t n)
{
    hal_page_begin(request, &stock_type);
    for (int64_t i = 0; i < page->size && page->number <= (int64_t)n / page->size; i++) {
        int64_t at = page->number * page->size + i;
        if (at >= (int64_t)n)
            break;
        struct stock_json json = stock_json_of(&stocks[at]);
        hal_page_item(request, &stock_type, &json);
    }
    hal_page_end(request, &stock_type, page, (int64_t)n);
}

void stock_http_list(void *context, struct http_request *request)
{
    const struct stock_http *http = context;
    struct page_request page;
    struct stock *stocks;
    size_t n;

    if (hal_read_page(request, sortable, &page)) {
        int rc = stock_list(http->kv, &request->arena, &stocks, &n);
        if (!rc && n)
            qsort_r(stocks, n, sizeof(*stocks), compare, &page);
        if (rc)
            http_fill_failure(request, rc);
        else
            fill_list(request, &page, stocks, n);
    }
    http_reply(request);
}
