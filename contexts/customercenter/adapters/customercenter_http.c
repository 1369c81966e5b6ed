#include "customercenter_http.h"

#include "errors.h"
#include "list_http.h"
#include "log.h"
#include "menu_http.h"
#include "mypage_json.h"
#include "view_queries_sql.h"

static http_handler list_pages, show_page, show_searches, find_by_order, follow, show_menu, swap;

const struct route customercenter_routes[] = {
    {HTTP_GET, "/mypages", list_pages, .doc = "All orders as their customers see them, paged."},
    {HTTP_GET, "/mypages/{id}", show_page, .doc = "One order with its whole timeline, or 404."},
    {HTTP_GET, "/mypages/search", show_searches, .doc = "What can be searched for."},
    {HTTP_GET, "/mypages/search/findByOrderId", find_by_order, .doc = "The order's page, as a list of one or none."},
    {HTTP_GET, "/mypages/stream", follow, .doc = "Every change as Server-Sent Events, resumable with Last-Event-ID."},
    {HTTP_GET, "/menu", show_menu, .doc = "What is sold, and what is sold out."},
    {HTTP_PUT, "/view/swap", swap, .doc = "Go on with the view that a rebuild has left. Internal.",
     .body_optional = true, .inner = true},
    {.path = NULL},
};

/* ---- single pages ---- */

static void read_page(void *context, struct http_request *request, struct sql *sql)
{
    struct mypage page;
    int64_t id;

    UNUSED(context);
    if (hal_read_id(request, 0, &id)) {
        int rc = view_find(sql, id, &page, &request->arena);
        if (rc) {
            http_fill_failure(request, rc);
        } else if (!mypage_is_visible(&page)) {
            http_fill_problem(request, 404, NULL, "there is no page of an order %lld", (long long)id);
        } else {
            struct mypage_json json;
            mypage_to_json(&page, &json);
            hal_fill_entity(request, 200, &mypage_type, &json);
        }
    }
    http_reply(request);
}

static void show_page(void *context, struct http_request *request)
{
    struct customercenter_http *http = context;

    reader_serve_row(http->reader, request, read_page, http);
}

/* On nonsense the problem is filled in. */
static bool read_order_id(struct http_request *request, int64_t *order_id)
{
    struct str text, again;

    if (http_query(request, "orderId", 0, &text) && !http_query(request, "orderId", 1, &again) &&
        str_to_i64(text, order_id) && *order_id > 0)
        return true;
    http_fill_problem(request, 400, "orderId", "orderId must be a whole number from 1, given once");
    return false;
}

static void read_by_order(void *context, struct http_request *request, struct sql *sql)
{
    struct mypage page;
    int64_t order_id;

    UNUSED(context);
    if (read_order_id(request, &order_id)) {
        int rc = view_find(sql, order_id, &page, &request->arena);
        hal_page_begin(request, &mypage_type);
        if (!rc && mypage_is_visible(&page)) {
            struct mypage_json json;
            mypage_to_json(&page, &json);
            hal_page_item(request, &mypage_type, &json);
        }
        if (rc)
            http_fill_failure(request, rc);
        else
            hal_list_end(request, &mypage_type);
    }
    http_reply(request);
}

static void find_by_order(void *context, struct http_request *request)
{
    struct customercenter_http *http = context;

    reader_serve_row(http->reader, request, read_by_order, http);
}

static void show_searches(void *context, struct http_request *request)
{
    struct buf *reply = &request->reply;

    UNUSED(context);
    request->status = 200;
    BUF_LIT(reply, "{\"_links\":{\"findByOrderId\":{\"href\":\"");
    buf_add(reply, request->base);
    BUF_LIT(reply, "/mypages/search/findByOrderId{?orderId}\",\"templated\":true},\"self\":{\"href\":\"");
    buf_add(reply, request->base);
    BUF_LIT(reply, "/mypages/search\"}}}");
    http_reply(request);
}

/* ---- lists ---- */

static int add_to_list(void *context, const struct mypage *page)
{
    struct mypage_json json;

    mypage_to_json(page, &json);
    hal_page_item(context, &mypage_type, &json);
    return OK;
}

static int fetch(struct list_job *job, struct sql *sql, int64_t *total)
{
    return view_list(sql, &job->page, &job->request->arena, add_to_list, job->request, total);
}

static void list_pages(void *context, struct http_request *request)
{
    static const struct list_source pages = {&mypage_type, view_sortable, 2, fetch};
    struct customercenter_http *http = context;

    list_serve(http->reader, request, &pages, http);
}

/* ---- the rest ---- */

static bool has_order(const struct mypage_stream_orders *orders, int64_t id)
{
    for (size_t i = 0; i < orders->n; i++) {
        if (orders->ids[i] == id)
            return true;
    }
    return false;
}

/* orderId may be given several times. On nonsense the problem is filled in. */
static bool read_orders(struct http_request *request, struct mypage_stream_orders *orders)
{
    struct str text;
    int64_t id;

    orders->n = 0;
    for (size_t i = 0; http_query(request, "orderId", i, &text); i++) {
        if (!str_to_i64(text, &id) || id < 1) {
            http_fill_problem(request, 400, "orderId", "orderId must be a whole number from 1");
            return false;
        }
        if (has_order(orders, id))
            continue;
        if (orders->n == MYPAGE_STREAM_MOST_ORDERS) {
            http_fill_problem(request, 400, "orderId", "no more than %d orders can be followed at a time",
                              MYPAGE_STREAM_MOST_ORDERS);
            return false;
        }
        orders->ids[orders->n++] = id;
    }
    return true;
}

static void follow(void *context, struct http_request *request)
{
    struct customercenter_http *http = context;
    struct mypage_stream_orders orders;

    if (read_orders(request, &orders))
        mypage_stream_serve(http->stream, request, &orders);
    else
        http_reply(request);
}

static int find_on_hand(const struct menu *menu, struct http_request *request, struct sql *sql, int64_t **on_hand)
{
    struct str *keys = ARENA_ARRAY(&request->arena, struct str, menu->n + 1);

    *on_hand = ARENA_ARRAY(&request->arena, int64_t, menu->n + 1);
    if (!keys || !*on_hand)
        return E_MEMORY;
    for (size_t i = 0; i < menu->n; i++)
        keys[i] = menu->items[i].key[0];
    return view_on_hand(sql, keys, menu->n, *on_hand, &request->arena);
}

static void read_menu(void *context, struct http_request *request, struct sql *sql)
{
    const struct customercenter_http *http = context;
    int64_t *on_hand;

    int rc = find_on_hand(http->menu, request, sql, &on_hand);
    if (rc)
        http_fill_failure(request, rc);
    else
        menu_fill(request, http->menu, on_hand);
    http_reply(request);
}

static void show_menu(void *context, struct http_request *request)
{
    struct customercenter_http *http = context;

    reader_serve_row(http->reader, request, read_menu, http);
}

/* Asking for it needs no secret: what can be gone on with is a whole view that a rebuild has left where our own is,
 * or nothing. */
static void swap(void *context, struct http_request *request)
{
    struct customercenter_http *http = context;

    if (!view_place_is_whole(&http->rebuilt)) {
        http_problem(request, 409, NULL, "there is no rebuilt view to go on with");
        return;
    }
    log_info("going on with the rebuilt view", LOG_T("view", view_place_name(&http->rebuilt)));
    http->wants_swap = true;
    request->status = 202;
    request->content_type = "application/json";
    BUF_LIT(&request->reply, "{}");
    http_reply(request);
    service_stop(http->base.service);
}
