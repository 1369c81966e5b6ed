#include "hal.h"
enum { DEFAULT_SIZE = 20, MAX_SIZE = 1000 };

/* Links ----------------------------------------------------------------------------------------------------------- */

static void add_id(struct buf *out, const struct hal_type *type, const void *entity)
{
    int64_t id = 0;
    memcpy(&id, (const char *)entity + type->id_offset, sizeof id);
    buf_i64(out, id);
}

/* base and collection are made of characters that JSON takes as they are (http_server.h: base). */
static void add_collection_url(struct buf *out, struct str base, const struct hal_type *type)
{
    buf_add(out, base);
    buf_char(out, '/');
    buf_add(out, str_of(type->collection));
}

static void add_entity_link(struct buf *out, const char *rel, struct str base, const struct hal_type *type,
                            const void *entity)
{
    buf_char(out, '"');
    buf_add(out, str_of(rel));
    BUF_LIT(out, "\":{\"href\":\"");
    add_collection_url(out, base, type);
    buf_char(out, '/');
    add_id(out, type, entity);
    BUF_LIT(out, "\"}");
}

/* Entities -------------------------------------------------------------------------------------------------------- */

void hal_write_entity(struct buf *out, struct str base, const struct hal_type *type, const void *entity)
{
    buf_char(out, '{');
    json_encode_members(out, type->desc, entity);
    BUF_LIT(out, ",\"_links\":{");
    add_entity_link(out, "self", base, type, entity);
    buf_char(out, ',');
    add_entity_link(out, type->rel, base, type, entity);
    BUF_LIT(out, "}}");
}

static void add_location(struct http_request *request, const struct hal_type *type, const void *entity)
{
    struct buf url = {0};
    add_collection_url(&url, request->base, type);
    buf_char(&url, '/');
    add_id(&url, type, entity);
    struct str location = url.failed ? (struct str){NULL, 0} : arena_copy(&request->arena, buf_str(&url));
    buf_free(&url);
    if (location.p)
        http_add_header(request, "Location", location);
    else
        request->reply.failed = true;
}

void hal_fill_entity(struct http_request *request, int status, const struct hal_type *type, const void *entity)
{
    request->status = status;
    request->content_type = NULL;
    buf_clear(&request->reply);
    hal_write_entity(&request->reply, request->base, type, entity);
    if (status == 201)
        add_location(request, type, entity);
}

/* What was asked for ---------------------------------------------------------------------------------------------- */

/* A whole number of digits alone in lowest..highest. The parameter is left as it is when it isn't there. */
static bool read_number(struct http_request *request, const char *name, int64_t lowest, int64_t highest,
                        int64_t *number)
{
    struct str text;
    struct str again;
    if (!http_query(request, name, 0, &text))
        return true;
    bool twice = http_query(request, name, 1, &again);
    if (!twice && text.n && text.p[0] >= '0' && text.p[0] <= '9' && str_to_i64(text, number) && *number >= lowest &&
        *number <= highest)
        return true;
    http_fill_problem(request, 400, name, "%s must be a whole number from %lld to %lld, given once", name,
                      (long long)lowest, (long long)highest);
    return false;
}

static bool find_column(const char *const *sortable, struct str name, size_t *column)
{
    for (size_t i = 0; sortable[i]; i++)
        if (str_is(name, sortable[i])) {
            *column = i;
            return true;
        }
    return false;
}

/* "asc" or "desc" at the end of "qty,desc"; takes it off. */
static bool take_direction(struct str *sort)
{
    size_t at = sort->n;
    while (at > 0 && sort->p[at - 1] != ',')
        at--;
    struct str last = {sort->p + at, sort->n - at};
    bool descending = str_eq_nocase(last, STR("desc"));
    if (at > 0 && (descending || str_eq_nocase(last, STR("asc"))))
        sort->n = at - 1;
    return descending && at > 0;
}

/* "name[,name…][,asc|desc]" as Spring Data reads it. */
static bool read_sort(const char *const *sortable, struct str text, struct page_request *page)
{
    bool descending = take_direction(&text);
    if (text.n == 0 || text.p[text.n - 1] == ',')
        return false;
    while (text.n) {
        size_t column;
        if (page->n_sorts == HAL_MAX_SORTS || !find_column(sortable, str_split(text, ',', &text), &column))
            return false;
        page->sort[page->n_sorts].column = column;
        page->sort[page->n_sorts++].descending = descending;
    }
    return true;
}

static void refuse_sort(struct http_request *request, const char *const *sortable)
{
    struct buf names = {0};
    for (size_t i = 0; sortable[i]; i++) {
        buf_add(&names, i ? STR(", ") : STR(""));
        buf_add(&names, str_of(sortable[i]));
    }
    struct str list = arena_copy(&request->arena, buf_str(&names));
    buf_free(&names);
    http_fill_problem(request, 400, "sort", "sort must be a member and asc or desc, at most %d; members: %s",
                      (int)HAL_MAX_SORTS, list.p ? list.p : "");
}

bool hal_read_page(struct http_request *request, const char *const *sortable, struct page_request *page)
{
    *page = (struct page_request){.number = 0, .size = DEFAULT_SIZE};
    if (!read_number(request, "size", 1, MAX_SIZE, &page->size) ||
        !read_number(request, "page", 0, INT64_MAX / MAX_SIZE - 1, &page->number))
        return false;
    struct str sort;
    for (size_t i = 0; http_query(request, "sort", i, &sort); i++)
        if (!read_sort(sortable, sort, page)) {
            refuse_sort(request, sortable);
            return false;
        }
    return true;
}

bool hal_read_id(struct http_request *request, size_t param, int64_t *id)
{
    struct str text = request->param[param];
    if (text.n && text.p[0] >= '1' && text.p[0] <= '9' && str_to_i64(text, id))
        return true;
    http_fill_problem(request, 404, NULL, "there is nothing with this id");
    return false;
}

/* Collections ----------------------------------------------------------------------------------------------------- */

void hal_page_begin(struct http_request *request, const struct hal_type *type)
{
    struct buf *out = &request->reply;
    request->status = 200;
    request->content_type = NULL;
    buf_clear(out);
    BUF_LIT(out, "{\"_embedded\":{\"");
    buf_add(out, str_of(type->collection));
    BUF_LIT(out, "\":[");
}

void hal_page_item(struct http_request *request, const struct hal_type *type, const void *entity)
{
    struct buf *out = &request->reply;
    if (out->n && out->p[out->n - 1] != '[') /* not the first */
        buf_char(out, ',');
    hal_write_entity(out, request->base, type, entity);
}

/* Which of page, size and sort the client gave: its links say the same again. */
struct page_links {
    struct http_request *request;
    const struct hal_type *type;
    int64_t size;
    bool paged, sorted;
};

static void add_sorts(struct page_links *links, char separator)
{
    struct buf *out = &links->request->reply;
    struct str sort;
    for (size_t i = 0; http_query(links->request, "sort", i, &sort); i++) {
        buf_char(out, separator);
        separator = '&';
        BUF_LIT(out, "sort=");
        while (sort.n) {
            buf_url(out, str_split(sort, ',', &sort));
            if (sort.n)
                buf_char(out, ',');
        }
    }
}

static void add_page_url(struct page_links *links, int64_t number)
{
    struct buf *out = &links->request->reply;
    add_collection_url(out, links->request->base, links->type);
    BUF_LIT(out, "?page=");
    buf_i64(out, number);
    BUF_LIT(out, "&size=");
    buf_i64(out, links->size);
    if (links->sorted)
        add_sorts(links, '&');
}

static void add_page_link(struct page_links *links, const char *rel, int64_t number)
{
    struct buf *out = &links->request->reply;
    buf_char(out, '"');
    buf_add(out, str_of(rel));
    BUF_LIT(out, "\":{\"href\":\"");
    add_page_url(links, number);
    BUF_LIT(out, "\"},");
}

/* As asked, and as a URI template (RFC 6570) for what was not. */
static void add_self_link(struct page_links *links, int64_t number)
{
    struct buf *out = &links->request->reply;
    BUF_LIT(out, "\"self\":{\"href\":\"");
    if (links->paged) {
        add_page_url(links, number);
    } else {
        add_collection_url(out, links->request->base, links->type);
        if (links->sorted)
            add_sorts(links, '?');
    }
    if (!links->paged && !links->sorted)
        BUF_LIT(out, "{?page,size,sort}");
    else if (!links->paged)
        BUF_LIT(out, "{&page,size}");
    else if (!links->sorted)
        BUF_LIT(out, "{&sort}");
    buf_char(out, '"');
    if (!links->paged || !links->sorted)
        BUF_LIT(out, ",\"templated\":true");
    buf_char(out, '}');
}

static void add_page_links(struct page_links *links, int64_t number, int64_t pages)
{
    bool before = number > 0;
    bool behind = number + 1 < pages;
    if (before || behind)
        add_page_link(links, "first", 0);
    if (before)
        add_page_link(links, "prev", number - 1);
    add_self_link(links, number);
    if (before || behind)
        buf_char(&links->request->reply, ',');
    if (behind)
        add_page_link(links, "next", number + 1);
    if (before || behind) {
        add_page_link(links, "last", pages ? pages - 1 : 0);
        if (!links->request->reply.failed)
            links->request->reply.n--; /* the comma behind the last one */
    }
}

static bool is_asked(struct http_request *request, const char *name)
{
    struct str value;
    return http_query(request, name, 0, &value);
}

void hal_page_end(struct http_request *request, const struct hal_type *type, const struct page_request *page,
                  int64_t total)
{
    struct buf *out = &request->reply;
    int64_t pages = total / page->size + (total % page->size != 0);
    struct page_links links = {request, type, page->size, is_asked(request, "page") || is_asked(request, "size"),
                               is_asked(request, "sort")};
    BUF_LIT(out, "]},\"_links\":{");
    add_page_links(&links, page->number, pages);
    BUF_LIT(out, "},\"page\":{\"size\":");
    buf_i64(out, page->size);
    BUF_LIT(out, ",\"totalElements\":");
    buf_i64(out, total);
    BUF_LIT(out, ",\"totalPages\":");
    buf_i64(out, pages);
    BUF_LIT(out, ",\"number\":");
    buf_i64(out, page->number);
    BUF_LIT(out, "}}");
}

void hal_list_end(struct http_request *request, const struct hal_type *type)
{
    struct buf *out = &request->reply;
    struct buf url = {0};
    UNUSED(type);
    buf_add(&url, request->base);
    buf_add(&url, request->path);
    if (request->query.n) {
        buf_char(&url, '?');
        buf_add(&url, request->query);
    }
    BUF_LIT(out, "]},\"_links\":{\"self\":{\"href\":");
    buf_json_string(out, buf_str(&url));
    BUF_LIT(out, "}}}");
    out->failed = out->failed || url.failed;
    buf_free(&url);
}
