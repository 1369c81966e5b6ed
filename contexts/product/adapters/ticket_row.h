/** ticket_row.h: a ticket as a row of the table `ticket`, for those who write it and those who read it. Private to
 * product's repository.
 */
#ifndef COFFEESHOP_TICKET_ROW_H
#define COFFEESHOP_TICKET_ROW_H

#include "sql.h"
#include "ticket.h"

#define TICKET_COLUMNS                                                                                                 \
    "id, order_id, reference, state, product_name, qty, attempt, due_at, version, created_at, updated_at, "            \
    "correlation, traceparent, waits_since, given_up"
enum { TICKET_COLUMN_COUNT = 15 };

/** Its texts point into the row. */
struct ticket ticket_of_row(const struct sql_row *row);
/** Fills TICKET_COLUMN_COUNT values; its texts have to live until they are used. */
void ticket_to_row(const struct ticket *ticket, struct sql_value *row);
/** Copies its texts to the arena. 0 or E_MEMORY. */
int ticket_keep_texts(struct ticket *ticket, struct arena *arena);
/** The tickets with these ids, texts copied to the arena; one that isn't there leaves `out` as it is. 0 or an errors.h
 * code. */
int ticket_find_by_id(struct sql *sql, const int64_t *ids, size_t n, struct ticket *out, struct arena *arena);
/** The tickets of these orders; the same. */
int ticket_find_by_order(struct sql *sql, const int64_t *order_ids, size_t n, struct ticket *out, struct arena *arena);

#endif
