#include "product_queries_sql.h"

#include "base.h"
#include "errors.h"
#include "list_query.h"
#include "ticket_row.h"

/* Whatever is still to be made is due some time, or waits for goods: both have an index that holds nothing else. */
static const struct sql_statement list_open = {
    "SELECT " TICKET_COLUMNS " FROM ticket WHERE state IN (2, 3, 4)"
    " AND id IN (SELECT id FROM ticket WHERE due_at IS NOT NULL UNION ALL SELECT id FROM ticket WHERE state = 3)"
    " ORDER BY id LIMIT $1",
    1};
static const struct sql_statement count_tickets = {"SELECT CAST(SUM(n) AS BIGINT) FROM tally WHERE name = 'tickets'",
                                                   0};

int product_find(struct sql *sql, int64_t id, struct ticket *ticket, struct arena *arena)
{
    *ticket = (struct ticket){.id = id};
    return ticket_find_by_id(sql, &id, 1, ticket, arena);
}

int product_find_by_order(struct sql *sql, int64_t order_id, struct ticket *ticket, struct arena *arena)
{
    *ticket = (struct ticket){.order_id = order_id};
    return ticket_find_by_order(sql, &order_id, 1, ticket, arena);
}

const char *const product_sortable[] = {"id", "orderId", "productName", "qty", "status", NULL};
static const char *const sort_columns[] = {"id", "COALESCE(order_id, reference)", "product_name", "qty", "state"};
_Static_assert(COUNT_OF(product_sortable) == COUNT_OF(sort_columns) + 1, "each sortable member has its column");

struct listing {
    product_on_found *on_found;
    void *context;
};

static int on_listed(void *context, size_t index, const struct sql_row *row)
{
    const struct listing *listing = context;
    struct ticket ticket = ticket_of_row(row);

    UNUSED(index);
    listing->on_found(listing->context, &ticket);
    return OK;
}

int product_list(struct sql *sql, const struct page_request *page, product_on_found *found, void *context,
                 int64_t *total)
{
    struct listing listing = {found, context};

    int rc = sql_number(sql, &count_tickets, NULL, total);
    if (rc)
        return rc;
    return list_query_page(sql, "SELECT " TICKET_COLUMNS " FROM ticket WHERE state NOT IN (1, 7)", page, sort_columns,
                           on_listed, &listing);
}

int product_list_open(struct sql *sql, int64_t limit, product_on_found *found, void *context)
{
    struct listing listing = {found, context};
    struct sql_value most = SQL_N(limit);

    return sql_query(sql, &list_open, &most, on_listed, &listing);
}
