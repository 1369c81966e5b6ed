/** payment_row.h: a payment as a row of the table `payment`, for those who write it and those who read it. Private to
 * payment's repository.
 */
#ifndef COFFEESHOP_PAYMENT_ROW_H
#define COFFEESHOP_PAYMENT_ROW_H

#include "payment.h"
#include "sql.h"

#define PAYMENT_COLUMNS                                                                                                \
    "id, state, key, method, currency, amount, captured, returned, order_id, reference, reason, due_at, expires_at, "  \
    "attempt, version, created_at, updated_at, body"
enum { PAYMENT_COLUMN_COUNT = 18 };

/** Its texts point into the row. */
struct payment payment_of_row(const struct sql_row *row);
/** Fills PAYMENT_COLUMN_COUNT values; its texts have to live until they are used. */
void payment_to_row(const struct payment *payment, struct sql_value *row);

enum { PAYMENT_TEXTS = 5 };
/** All texts that a payment points to. */
void payment_row_texts(struct payment *payment, struct str *texts[PAYMENT_TEXTS]);

/** Where payment_row_found() puts what is found. */
struct payment_finding {
    struct payment *out; /* by the index of the parameters */
    struct arena *arena; /* the texts are copied to it */
};
/** An sql_on_row; `context` is a struct payment_finding. 0 or E_MEMORY. */
int payment_row_found(void *context, size_t index, const struct sql_row *row);
/** The payments with these ids, texts copied to the arena; one that isn't there leaves `out` as it is. 0 or an errors.h
 * code. */
int payment_row_find(struct sql *sql, const int64_t *ids, size_t n, struct payment *out, struct arena *arena);

#endif
