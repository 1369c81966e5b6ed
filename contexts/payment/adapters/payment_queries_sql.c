#include "payment_queries_sql.h"

#include "base.h"
#include "errors.h"
#include "list_query.h"
#include "payment_row.h"

static const struct sql_statement find_by_order = {"SELECT " PAYMENT_COLUMNS " FROM payment WHERE order_id = $1", 1};
static const struct sql_statement count_payments = {"SELECT CAST(SUM(n) AS BIGINT) FROM tally WHERE name = 'payments'",
                                                    0};
/* In halves, which don't overflow before there are 2^31 rows; where sums have a wider type they come back from it. */
#define SUM_OF(column) "CAST(SUM(" column " >> 31) AS BIGINT), CAST(SUM(" column " & 2147483647) AS BIGINT)"
/* By the status that is shown, as the state that stands for it (payment_status_text()): what is being taken is still
 * authorised, what is going back is still what it was. */
#define WAS_TAKEN "(captured > 0 OR (amount = 0 AND order_id IS NOT NULL))" /* payment_was_taken() */
#define SUMS                                                                                                           \
    "SELECT CASE state WHEN 3 THEN 2 WHEN 5 THEN CASE WHEN " WAS_TAKEN " THEN 4 ELSE 2 END ELSE state END,"            \
    " state = 6 AND " WAS_TAKEN                                                                                        \
    ", currency, COUNT(*), " SUM_OF("amount") ", " SUM_OF("captured") ", " SUM_OF("returned") " FROM payment WHERE "
#define BY_STATUS " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
static const struct sql_statement sum_up = {SUMS "created_at >= $1 AND created_at < $2" BY_STATUS, 2};
static const struct sql_statement sum_up_unresolved = {SUMS "due_at IS NOT NULL" BY_STATUS, 0};

int payment_find(struct sql *sql, int64_t id, struct payment *payment, struct arena *arena)
{
    *payment = (struct payment){.id = id};
    return payment_row_find(sql, &id, 1, payment, arena);
}

struct listing {
    payment_on_found *on_found;
    void *context;
};

static int on_listed(void *context, size_t index, const struct sql_row *row)
{
    const struct listing *listing = context;
    struct payment payment = payment_of_row(row);

    UNUSED(index);
    listing->on_found(listing->context, &payment);
    return OK;
}

int payment_find_by_order(struct sql *sql, int64_t order_id, payment_on_found *found, void *context)
{
    struct listing listing = {found, context};
    struct sql_value key = SQL_N(order_id);

    return sql_query(sql, &find_by_order, &key, on_listed, &listing);
}

const char *const payment_sortable[] = {"id",     "orderId",   "amount",    "currency", "method",
                                        "status", "createdAt", "updatedAt", NULL};
static const char *const sort_columns[] = {"id",     "order_id", "amount",     "currency",
                                           "method", "state",    "created_at", "updated_at"};
_Static_assert(COUNT_OF(payment_sortable) == COUNT_OF(sort_columns) + 1, "each sortable member has its column");

int payment_list(struct sql *sql, const struct page_request *page, payment_on_found *found, void *context,
                 int64_t *total)
{
    struct listing listing = {found, context};

    int rc = sql_number(sql, &count_payments, NULL, total);
    if (rc)
        return rc;
    return list_query_page(sql, "SELECT " PAYMENT_COLUMNS " FROM payment", page, sort_columns, on_listed, &listing);
}

struct summing {
    payment_on_sum *on_sum;
    void *context;
};

/* Two columns of SUM_OF(). */
static bool read_sum(const struct sql_row *row, int column, int64_t *sum)
{
    return !__builtin_mul_overflow(sql_i64(row, column), INT64_C(1) << 31, sum) &&
           !__builtin_add_overflow(*sum, sql_i64(row, column + 1), sum);
}

static int on_summed(void *context, size_t index, const struct sql_row *row)
{
    const struct summing *summing = context;
    /* enough of a payment to know what its status is called */
    struct payment payment = {.state = (enum payment_state)sql_i64(row, 0), .captured = sql_i64(row, 1)};
    struct payment_sum sum = {
        .status = payment_status_text(&payment), .currency = sql_text(row, 2), .count = sql_i64(row, 3)};

    UNUSED(index);
    if (!read_sum(row, 4, &sum.amount) || !read_sum(row, 6, &sum.captured) || !read_sum(row, 8, &sum.returned))
        return E_TOO_LARGE;
    summing->on_sum(summing->context, &sum);
    return OK;
}

int payment_sum_up(struct sql *sql, int64_t from, int64_t to, payment_on_sum *found, void *context)
{
    struct summing summing = {found, context};
    const struct sql_value range[] = {SQL_N(from), SQL_N(to)};

    return sql_query(sql, &sum_up, range, on_summed, &summing);
}

int payment_sum_up_unresolved(struct sql *sql, payment_on_sum *found, void *context)
{
    struct summing summing = {found, context};

    return sql_query(sql, &sum_up_unresolved, NULL, on_summed, &summing);
}
