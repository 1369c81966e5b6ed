/* GET /payments/summary?from=&to=: what the payments that were made on each of these days have come to, and what is
 * still open of all. */
#include "calendar_day.h"
#include "errors.h"
#include "json.h"
#include "payment_http.h"
#include "payment_queries_sql.h"

enum { DAYS_MAX = 366 };

struct summary_job {
    struct read_job base;
    const struct payment_http *http;
    struct http_request *request;
    int64_t from, to; /* calendar_day.h */
};

struct row_json {
    struct str day, status, currency;
    int64_t count, amount, taken, given_back, left;
};
static const struct json_field row_fields[] = {
    JSON_FIELD(struct row_json, "day", day, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct row_json, "status", status, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct row_json, "currency", currency, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct row_json, "count", count, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct row_json, "amount", amount, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct row_json, "taken", taken, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct row_json, "givenBack", given_back, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct row_json, "left", left, JSON_I64, 0, 0, 0),
};
static const struct json_desc row_desc = {"sum", row_fields, COUNT_OF(row_fields), sizeof(struct row_json)};
static const struct json_field unresolved_fields[] = {
    JSON_FIELD(struct row_json, "status", status, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct row_json, "currency", currency, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct row_json, "count", count, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct row_json, "amount", amount, JSON_I64, 0, 0, 0),
};
static const struct json_desc unresolved_desc = {"unresolved", unresolved_fields, COUNT_OF(unresolved_fields),
                                                 sizeof(struct row_json)};

struct writing {
    struct buf *out;
    const struct json_desc *desc;
    struct str day;
};

static void add_sum(void *context, const struct payment_sum *sum)
{
    struct writing *writing = context;
    const struct row_json json = {
        .day = writing->day,
        .status = sum->status,
        .currency = sum->currency,
        .count = sum->count,
        .amount = sum->amount,
        .taken = sum->captured,
        .given_back = sum->returned,
        .left = sum->captured - sum->returned,
    };

    if (writing->out->p[writing->out->n - 1] != '[')
        buf_char(writing->out, ',');
    json_encode(writing->out, writing->desc, &json);
}

static int write_days(const struct summary_job *job, struct sql *sql)
{
    struct buf *out = &job->request->reply;
    int64_t begin = calendar_day_begin(job->from);
    char text[CALENDAR_DAY_TEXT];
    int rc = OK;

    for (int64_t day = job->from; day <= job->to && !rc; day++) {
        int64_t end = calendar_day_begin(day + 1);
        calendar_day_text(day, text);
        struct writing writing = {.out = out, .desc = &row_desc, .day = str_of(text)};
        rc = out->failed ? E_MEMORY : payment_sum_up(sql, begin, end, add_sum, &writing);
        begin = end;
    }
    return rc;
}

static void write_day(struct buf *out, int64_t day)
{
    char text[CALENDAR_DAY_TEXT];

    calendar_day_text(day, text);
    buf_json_string(out, str_of(text));
}

static int write_summary(const struct summary_job *job, struct sql *sql)
{
    struct buf *out = &job->request->reply;
    struct writing writing = {.out = out, .desc = &unresolved_desc};

    BUF_LIT(out, "{\"timezone\":");
    buf_json_string(out, str_of(job->http->timezone));
    BUF_LIT(out, ",\"from\":");
    write_day(out, job->from);
    BUF_LIT(out, ",\"to\":");
    write_day(out, job->to);
    BUF_LIT(out, ",\"sums\":[");
    int rc = write_days(job, sql);
    BUF_LIT(out, "],\"unresolved\":[");
    if (!rc)
        rc = out->failed ? E_MEMORY : payment_sum_up_unresolved(sql, add_sum, &writing);
    BUF_LIT(out, "]}");
    return rc;
}

static void run(struct read_job *base, struct sql *sql)
{
    struct summary_job *job = CONTAINER_OF(base, struct summary_job, base);

    job->request->status = 200;
    int rc = write_summary(job, sql);
    if (rc == E_TOO_LARGE)
        http_fill_problem(job->request, 500, NULL,
                          "what was paid comes to more than %lld, which is as far as can be counted; the payments "
                          "themselves are at /payments",
                          (long long)INT64_MAX);
    else if (rc)
        http_fill_failure(job->request, rc);
    http_reply(job->request);
}

/* ---- what is asked for ---- */

static int64_t today(const struct payment_http *http)
{
    return calendar_day_of(service_now(http->base.service) + service_wall_ahead(http->base.service));
}

/* Missing: `day` stays as it is. */
static bool read_day(struct http_request *request, const char *name, int64_t *day)
{
    struct str text;
    bool given;

    if (http_query_once(request, name, &text, &given)) {
        if (!given || calendar_day_read(text, day))
            return true;
        http_fill_problem(request, 400, name, "%s must be a day as 2026-11-29", name);
    }
    http_reply(request);
    return false;
}

void payment_http_summary(void *context, struct http_request *request)
{
    struct payment_http *http = context;
    int64_t from = today(http);
    int64_t to = from;

    if (!read_day(request, "from", &from) || !read_day(request, "to", &to))
        return;
    if (to < from || to - from >= DAYS_MAX) {
        http_problem(request, 400, "to", "to must be at or after `from`, and at most %d days are summed up", DAYS_MAX);
        return;
    }
    struct summary_job *job = ARENA_NEW(&request->arena, struct summary_job);
    if (!job) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    *job = (struct summary_job){
        .base = {.run = run, .rows = INT64_MAX}, .http = http, .request = request, .from = from, .to = to};
    reader_serve(http->reader, request, &job->base);
}
