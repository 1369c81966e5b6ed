#include "payment_row.h"

#include "base.h"
#include "errors.h"

static const struct sql_statement find_by_id = {"SELECT " PAYMENT_COLUMNS " FROM payment WHERE id = $1", 1};

struct payment payment_of_row(const struct sql_row *row)
{
    return (struct payment){
        .id = sql_i64(row, 0),
        .state = (enum payment_state)sql_i64(row, 1),
        .key = sql_text(row, 2),
        .method = sql_text(row, 3),
        .currency = sql_text(row, 4),
        .amount = sql_i64(row, 5),
        .captured = sql_i64(row, 6),
        .returned = sql_i64(row, 7),
        .order_id = sql_i64(row, 8),
        .reference = sql_text(row, 9),
        .reason = sql_text(row, 10),
        .due_at = sql_i64(row, 11),
        .expires_at = sql_i64(row, 12),
        .attempt = sql_i64(row, 13),
        .version = sql_i64(row, 14),
        .created_at = sql_i64(row, 15),
        .updated_at = sql_i64(row, 16),
        .body = sql_i64(row, 17),
    };
}

void payment_to_row(const struct payment *payment, struct sql_value *row)
{
    row[0] = SQL_N(payment->id);
    row[1] = SQL_N(payment->state);
    row[2] = SQL_S(payment->key);
    row[3] = SQL_S(payment->method);
    row[4] = SQL_S(payment->currency);
    row[5] = SQL_N(payment->amount);
    row[6] = SQL_N(payment->captured);
    row[7] = SQL_N(payment->returned);
    row[8] = SQL_N0(payment->order_id);
    row[9] = SQL_S0(payment->reference);
    row[10] = SQL_S0(payment->reason);
    row[11] = SQL_N0(payment->due_at);
    row[12] = SQL_N(payment->expires_at);
    row[13] = SQL_N(payment->attempt);
    row[14] = SQL_N(payment->version);
    row[15] = SQL_N(payment->created_at);
    row[16] = SQL_N(payment->updated_at);
    row[17] = SQL_N0(payment->body);
}

void payment_row_texts(struct payment *payment, struct str *texts[PAYMENT_TEXTS])
{
    texts[0] = &payment->key;
    texts[1] = &payment->method;
    texts[2] = &payment->currency;
    texts[3] = &payment->reference;
    texts[4] = &payment->reason;
}

static int keep_texts(struct payment *payment, struct arena *arena)
{
    struct str *texts[PAYMENT_TEXTS];

    payment_row_texts(payment, texts);
    for (size_t i = 0; i < PAYMENT_TEXTS; i++) {
        *texts[i] = arena_copy(arena, *texts[i]);
        if (!texts[i]->p)
            return E_MEMORY;
    }
    return OK;
}

int payment_row_found(void *context, size_t index, const struct sql_row *row)
{
    const struct payment_finding *finding = context;

    finding->out[index] = payment_of_row(row);
    return keep_texts(&finding->out[index], finding->arena);
}

int payment_row_find(struct sql *sql, const int64_t *ids, size_t n, struct payment *out, struct arena *arena)
{
    struct payment_finding finding = {out, arena};
    struct sql_value *params = ARENA_ARRAY(arena, struct sql_value, n + 1);

    if (!params)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++)
        params[i] = SQL_N(ids[i]);
    return sql->query_shared(sql, &find_by_id, params, n, payment_row_found, &finding);
}
