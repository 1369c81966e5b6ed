/* outbox_sql_forget.c: what is older than it has to be kept goes, in small bites. */
#include "outbox_sql.h"

#include "base.h"
#include "errors.h"

static const struct sql_statement delete_keys = {
    "DELETE FROM idempotency WHERE cell = $1 AND key IN (SELECT key FROM idempotency WHERE cell = $1 AND at < $2 ORDER "
    "BY at LIMIT $3)",
    3};
static const struct sql_statement old_key = {"SELECT 1 FROM idempotency WHERE cell = $1 AND at < $2 LIMIT 1", 2};
/* $1 is the cell's first place, $2 its last (cell.h). */
#define NEWEST_BATCH "(SELECT max(first) FROM outbox WHERE first BETWEEN $1 AND $2)"
static const struct sql_statement old_batch = {"SELECT 1 FROM (SELECT first, first + count - 1 AS last, at FROM outbox "
                                               "WHERE first BETWEEN $1 AND $2 ORDER BY first LIMIT 1) AS oldest WHERE "
                                               "at < $3 AND last <= $4 AND first < " NEWEST_BATCH,
                                               4};
/* Looks at the oldest few only: there is no index by time. The newest batch stays for ever: it holds the last position.
 */
static const struct sql_statement delete_batches = {"DELETE FROM outbox WHERE first IN (SELECT first FROM (SELECT "
                                                    "first, first + count - 1 AS last, at FROM outbox WHERE "
                                                    "first BETWEEN $1 AND $2 ORDER BY first LIMIT $3) AS oldest WHERE "
                                                    "at < $4 AND last <= $5) AND first < " NEWEST_BATCH,
                                                    5};

enum { TIDY_AT_ONCE = 500, TIDY_EACH_US = 1000000, TIDY_AGAIN_US = 25000 };

static int on_old(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    UNUSED(row);
    *(bool *)context = true;
    return OK;
}

static int64_t place_of(struct cell cell, uint64_t position)
{
    return position < (uint64_t)CELL_ROWS ? cell_place(cell, (int64_t)position) : cell_ceiling(cell);
}

/* Whether something is to be deleted; false when it can't be told. */
static bool has_old(struct sql *sql, struct cell cell, int64_t keys_before, int64_t batches_before, uint64_t up_to)
{
    const struct sql_value keys[] = {SQL_N(cell.number), SQL_N(keys_before)};
    const struct sql_value batches[] = {SQL_N(cell_floor(cell)), SQL_N(cell_ceiling(cell)), SQL_N(batches_before),
                                        SQL_N(place_of(cell, up_to))};
    bool found = false;

    if (keys_before)
        (void)sql_query(sql, &old_key, keys, on_old, &found);
    if (!found && batches_before)
        (void)sql_query(sql, &old_batch, batches, on_old, &found);
    return found;
}

void outbox_sql_tidy(struct sql *sql, struct cell cell, struct outbox_retention *retention, int64_t now)
{
    if (now < retention->next_at)
        return;
    retention->next_at = now + TIDY_EACH_US;
    if (retention->keys_us == 0 && retention->batches_us == 0)
        return;
    int64_t keys_before = retention->keys_us ? now - retention->keys_us : 0;
    int64_t batches_before = retention->batches_us ? now - retention->batches_us : 0;
    /* What can't be deleted now is deleted in a second; nobody waits for it. A transaction for nothing would be a
     * commit all the same. */
    uint64_t up_to = retention->relayed ? *retention->relayed : UINT64_MAX;
    if (has_old(sql, cell, keys_before, batches_before, up_to) &&
        outbox_sql_expire(sql, cell, keys_before, batches_before, up_to, TIDY_AT_ONCE) == OK)
        retention->next_at = now + TIDY_AGAIN_US;
}

int outbox_sql_expire(struct sql *sql, struct cell cell, int64_t keys_before, int64_t batches_before, uint64_t up_to,
                      size_t limit)
{
    const struct sql_value keys[] = {SQL_N(cell.number), SQL_N(keys_before), SQL_N((int64_t)limit)};
    const struct sql_value batches[] = {SQL_N(cell_floor(cell)), SQL_N(cell_ceiling(cell)), SQL_N((int64_t)limit),
                                        SQL_N(batches_before), SQL_N(place_of(cell, up_to))};

    int error = sql->begin(sql);
    if (error)
        return error;
    if (keys_before)
        error = sql_exec(sql, &delete_keys, keys);
    if (!error && batches_before)
        error = sql_exec(sql, &delete_batches, batches);
    return sql_end(sql, error);
}
