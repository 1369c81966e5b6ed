#include "ticket_row.h"

#include "base.h"
#include "errors.h"

static const struct sql_statement find_by_id = {"SELECT " TICKET_COLUMNS " FROM ticket WHERE id = $1", 1};
static const struct sql_statement find_by_order = {"SELECT " TICKET_COLUMNS " FROM ticket WHERE order_id = $1", 1};

struct ticket ticket_of_row(const struct sql_row *row)
{
    return (struct ticket){
        .id = sql_i64(row, 0),
        .order_id = sql_i64(row, 1),
        .reference = sql_i64(row, 2),
        .state = (enum ticket_state)sql_i64(row, 3),
        .product_name = sql_text(row, 4),
        .qty = sql_i64(row, 5),
        .attempt = sql_i64(row, 6),
        .due_at = sql_i64(row, 7),
        .version = sql_i64(row, 8),
        .created_at = sql_i64(row, 9),
        .updated_at = sql_i64(row, 10),
        .correlation = sql_text(row, 11),
        .traceparent = sql_text(row, 12),
        .waits_since = sql_i64(row, 13),
        .given_up = sql_i64(row, 14) != 0,
    };
}

void ticket_to_row(const struct ticket *ticket, struct sql_value *row)
{
    row[0] = SQL_N(ticket->id);
    row[1] = SQL_N0(ticket->order_id);
    row[2] = SQL_N0(ticket->reference);
    row[3] = SQL_N(ticket->state);
    row[4] = SQL_S(ticket->product_name);
    row[5] = SQL_N(ticket->qty);
    row[6] = SQL_N(ticket->attempt);
    row[7] = SQL_N0(ticket->due_at);
    row[8] = SQL_N(ticket->version);
    row[9] = SQL_N(ticket->created_at);
    row[10] = SQL_N(ticket->updated_at);
    row[11] = SQL_S0(ticket->correlation);
    row[12] = SQL_S0(ticket->traceparent);
    row[13] = SQL_N0(ticket->waits_since);
    row[14] = SQL_N0(ticket->given_up);
}

int ticket_keep_texts(struct ticket *ticket, struct arena *arena)
{
    struct str *texts[] = {&ticket->product_name, &ticket->correlation, &ticket->traceparent};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        *texts[i] = arena_copy(arena, *texts[i]);
        if (!texts[i]->p)
            return E_MEMORY;
    }
    return OK;
}

struct finding {
    struct ticket *out;
    struct arena *arena;
};

static int on_found(void *context, size_t index, const struct sql_row *row)
{
    const struct finding *finding = context;

    finding->out[index] = ticket_of_row(row);
    return ticket_keep_texts(&finding->out[index], finding->arena);
}

static int find_many(struct sql *sql, const struct sql_statement *statement, const int64_t *keys, size_t n,
                     struct ticket *out, struct arena *arena)
{
    struct finding finding = {out, arena};
    struct sql_value *params = ARENA_ARRAY(arena, struct sql_value, n + 1);

    if (!params)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++)
        params[i] = SQL_N(keys[i]);
    return sql->query_shared(sql, statement, params, n, on_found, &finding);
}

int ticket_find_by_id(struct sql *sql, const int64_t *ids, size_t n, struct ticket *out, struct arena *arena)
{
    return find_many(sql, &find_by_id, ids, n, out, arena);
}

int ticket_find_by_order(struct sql *sql, const int64_t *order_ids, size_t n, struct ticket *out, struct arena *arena)
{
    return find_many(sql, &find_by_order, order_ids, n, out, arena);
}
