/** hal.h: representations in the seed's shape: HAL entities, paged collections, and the reading of page, size and sort.
 *
 *  Any thread; everything is written into the request's reply buffer, `request->status` is set, nothing is sent.
 */
#ifndef COFFEESHOP_HAL_H
#define COFFEESHOP_HAL_H

#include "http_server.h"
#include "json.h"

struct hal_type {
    const struct json_desc *desc;
    const char *collection; /* "orders": path segment and _embedded name */
    const char *rel;        /* "order" */
    size_t id_offset;       /* of the int64_t id in the struct */
};

/** The entity with _links.self and _links.<rel>; status as given; Location too when 201. */
void hal_fill_entity(struct http_request *request, int status, const struct hal_type *type, const void *entity);
/** Only the text of the entity, links from `base`; for lists, streams and stored answers. */
void hal_write_entity(struct buf *out, struct str base, const struct hal_type *type, const void *entity);

enum { HAL_MAX_SORTS = 4 };
struct page_request {
    int64_t number; /* from 0 */
    int64_t size;   /* 1..1000 */
    struct {
        size_t column; /* index into the sortable names */
        bool descending;
    } sort[HAL_MAX_SORTS];
    size_t n_sorts;
};

/** Reads page, size and sort ("sort=qty,desc", repeatable). `sortable` is a NULL-terminated list of member names. On
 * nonsense it fills a 400 problem that names the parameter (doesn't send) and returns false. Default size 20, at most
 * 1000. */
bool hal_read_page(struct http_request *request, const char *const *sortable, struct page_request *page);

/** A collection: begin, one hal_page_item() each, end. `total` is the number of elements in all. */
void hal_page_begin(struct http_request *request, const struct hal_type *type);
void hal_page_item(struct http_request *request, const struct hal_type *type, const void *entity);
void hal_page_end(struct http_request *request, const struct hal_type *type, const struct page_request *page,
                  int64_t total);
/** Without paging: a search's result (`self` is path and query as asked). */
void hal_list_end(struct http_request *request, const struct hal_type *type);

/** A path parameter as an id: a positive integer; otherwise fills a 404 problem (doesn't send) and returns false. */
bool hal_read_id(struct http_request *request, size_t param, int64_t *id);

#endif
