/** list_http.h: GET of a paged list: page, size and sort are read, the rows are fetched on the reader's thread, and the
 * answer is a HAL page.
 */
#ifndef COFFEESHOP_LIST_HTTP_H
#define COFFEESHOP_LIST_HTTP_H

#include "hal.h"
#include "reader.h"

struct list_job;

/** What is listed; static. */
struct list_source {
    const struct hal_type *type;
    const char *const *sortable; /* members, NULL-terminated */
    size_t n_ids;                /* the first so many of them are the id: by it rows are found without sorting */
    /** On the reader's thread: the rows of job->page, each by hal_page_item() into job->request, and how many there are
     * in all. 0 or an errors.h code. */
    int (*fetch)(struct list_job *job, struct sql *sql, int64_t *total);
};

struct list_job {
    struct read_job base;
    const struct list_source *source;
    void *context; /* the door's */
    struct http_request *request;
    struct page_request page;
};

/** Answers the request, now or from the reader's thread. Loop thread. */
void list_serve(struct reader *reader, struct http_request *request, const struct list_source *source, void *context);

#endif
