/* GET /payments/summary?from=&to=: what the payments that were made on each of these days have come to, and what is
 * still open of all. */
#include "clock.h"
#include "errors.h"
#include "json.h"
#include "payment_http.h"
#include "payment_repo_sql.h"

#include <time.h>

enum { DAYS_MAX = 366, DAY_SIZE = sizeof("2026-11-29") };

struct day {
    int year, month, day;
};

struct summary_job {
    struct read_job base;
    const struct payment_http *http;
    struct http_request *request;
    struct day from;
    int n_days;
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

/* When the day that is `later` days after this one begins in the process's time zone, us. mktime() knows of months'
 * lengths and of clocks that are put forward. */
static int64_t begin_of(const struct day *day, int later)
{
    struct tm tm = {.tm_year = day->year - 1900, .tm_mon = day->month - 1, .tm_mday = day->day + later, .tm_isdst = -1};

    return (int64_t)mktime(&tm) * US_PER_S;
}

static void day_text(const struct day *day, int later, char *out)
{
    struct tm tm = {.tm_year = day->year - 1900, .tm_mon = day->month - 1, .tm_mday = day->day + later, .tm_hour = 12};

    (void)timegm(&tm); /* as a date of the calendar */
    if (strftime(out, DAY_SIZE, "%Y-%m-%d", &tm) == 0)
        out[0] = '\0';
}

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
    char text[DAY_SIZE];
    int rc = OK;

    for (int i = 0; i < job->n_days && !rc; i++) {
        day_text(&job->from, i, text);
        struct writing writing = {.out = out, .desc = &row_desc, .day = str_of(text)};
        rc = out->failed ? E_MEMORY
                         : payment_sum_up(sql, begin_of(&job->from, i), begin_of(&job->from, i + 1), add_sum, &writing);
    }
    return rc;
}

static void write_day(const struct summary_job *job, int later)
{
    char text[DAY_SIZE];

    day_text(&job->from, later, text);
    buf_json_string(&job->request->reply, str_of(text));
}

static int write_summary(const struct summary_job *job, struct sql *sql)
{
    struct buf *out = &job->request->reply;
    struct writing writing = {.out = out, .desc = &unresolved_desc};

    BUF_LIT(out, "{\"timezone\":");
    buf_json_string(out, str_of(job->http->timezone));
    BUF_LIT(out, ",\"from\":");
    write_day(job, 0);
    BUF_LIT(out, ",\"to\":");
    write_day(job, job->n_days - 1);
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
    if (rc)
        http_fill_failure(job->request, rc);
    http_reply(job->request);
}

/* ---- what is asked for ---- */

static bool take_number(struct str text, int64_t least, int64_t most, int *number)
{
    int64_t value;

    if (!str_to_i64(text, &value) || value < least || value > most)
        return false;
    *number = (int)value;
    return true;
}

static bool is_day(struct str text, struct day *day)
{
    struct str rest;
    char back[DAY_SIZE];

    if (text.n != DAY_SIZE - 1 || !take_number(str_split(text, '-', &rest), 1970, 9999, &day->year) ||
        !take_number(str_split(rest, '-', &rest), 1, 12, &day->month) || !take_number(rest, 1, 31, &day->day))
        return false;
    day_text(day, 0, back);
    return str_is(text, back); /* the 30th of February would come back as another day */
}

static struct day today(const struct payment_http *http)
{
    time_t now = (time_t)((service_now(http->base.service) + service_wall_ahead(http->base.service)) / US_PER_S);
    struct tm tm;

    localtime_r(&now, &tm);
    return (struct day){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday};
}

/* Missing: `day` stays as it is. */
static bool read_day(struct http_request *request, const char *name, struct day *day)
{
    struct str text;

    if (!http_query(request, name, 0, &text) || is_day(text, day))
        return true;
    http_problem(request, 400, name, "must be a day as 2026-11-29");
    return false;
}

static int days_between(const struct day *from, const struct day *to)
{
    struct tm a = {.tm_year = from->year - 1900, .tm_mon = from->month - 1, .tm_mday = from->day};
    struct tm b = {.tm_year = to->year - 1900, .tm_mon = to->month - 1, .tm_mday = to->day};

    return (int)((timegm(&b) - timegm(&a)) / 86400);
}

void payment_http_summary(void *context, struct http_request *request)
{
    struct payment_http *http = context;
    struct day from = today(http);
    struct day to = from;

    if (!read_day(request, "from", &from) || !read_day(request, "to", &to))
        return;
    int n = days_between(&from, &to) + 1;
    if (n < 1 || n > DAYS_MAX) {
        http_problem(request, 400, "to", "must be at or after `from`, and at most %d days are summed up", DAYS_MAX);
        return;
    }
    struct summary_job *job = ARENA_NEW(&request->arena, struct summary_job);
    if (!job) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    *job = (struct summary_job){
        .base = {.run = run, .rows = INT64_MAX}, .http = http, .request = request, .from = from, .n_days = n};
    reader_serve(http->reader, request, &job->base);
}
