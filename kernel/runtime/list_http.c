#include "list_http.h"

#include "clock.h"
#include "errors.h"

static void run(struct read_job *base, struct sql *sql)
{
    struct list_job *job = CONTAINER_OF(base, struct list_job, base);
    struct http_request *request = job->request;
    int64_t total = 0;

    hal_page_begin(request, job->source->type);
    int rc = clock_monotonic() < base->until_us ? job->source->fetch(job, sql, &total) : E_TIMEOUT;
    if (rc)
        http_fill_failure(request, rc);
    else
        hal_page_end(request, job->source->type, &job->page, total);
    http_reply(request);
}

static int64_t rows_to_pass(const struct list_job *job)
{
    const struct page_request *page = &job->page;

    if (page->n_sorts > 0 && page->sort[0].column >= job->source->n_ids)
        return INT64_MAX;
    return (page->number + 1) * page->size;
}

void list_serve(struct reader *reader, struct http_request *request, const struct list_source *source, void *context)
{
    struct list_job *job = ARENA_NEW(&request->arena, struct list_job);

    if (!job) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    *job = (struct list_job){.base = {.run = run}, .source = source, .context = context, .request = request};
    if (!hal_read_page(request, source->sortable, &job->page)) {
        http_reply(request);
        return;
    }
    job->base.rows = rows_to_pass(job);
    reader_serve(reader, request, &job->base);
}
