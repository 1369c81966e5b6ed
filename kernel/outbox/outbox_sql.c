#include "outbox_sql.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "metrics.h"

enum { STOP = -1 }; /* from a row callback: enough; never an errors.h code */

static const struct sql_statement insert_batch = {
    "INSERT INTO outbox (first, count, at, frames) VALUES ($1, $2, $3, $4)", 4};
enum { CURSOR_COLUMNS = 4 };
static const struct sql_statement upsert_cursor = {
    "INSERT INTO cursor (cell, source, position, epoch) VALUES ($1, $2, $3, $4) ON CONFLICT "
    "(cell, source) DO UPDATE SET position = excluded.position, epoch = excluded.epoch",
    CURSOR_COLUMNS};
static const struct sql_statement insert_key = {
    "INSERT INTO idempotency (cell, key, fingerprint, status, location, body, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    7};
/* A feed read again from an older cursor brings the same letter again. */
static const struct sql_statement upsert_dead = {
    "INSERT INTO dead_letter (cell, source, position, at, reason, frame) VALUES ($1, $2, $3, $4, $5, $6) "
    "ON CONFLICT (cell, source, position) DO UPDATE SET at = excluded.at, reason = excluded.reason, frame = "
    "excluded.frame",
    6};
/* Batches lie under their places (cell.h): $1 is the cell's first, $2 its last. */
static const struct sql_statement select_last = {
    "SELECT first + count - 1 FROM outbox WHERE first BETWEEN $1 AND $2 ORDER BY first DESC LIMIT 1", 2};
static const struct sql_statement select_newest = {
    "SELECT COALESCE(MAX(at), 0) FROM (SELECT MAX(at) AS at FROM idempotency WHERE cell = $1 UNION ALL "
    "SELECT at FROM outbox WHERE first = (SELECT MAX(first) FROM outbox WHERE first BETWEEN $2 AND $3)) AS newest",
    3};
static const struct sql_statement select_cursor = {"SELECT position, epoch FROM cursor WHERE cell = $1 AND source = $2",
                                                   2};
static const struct sql_statement insert_epoch = {
    "INSERT INTO epoch (cell, n, number, after) VALUES ($1, coalesce((SELECT max(n) FROM epoch WHERE cell = $1), 0) + "
    "1, $2, $3)",
    3};
static const struct sql_statement select_epochs = {"SELECT number, after FROM epoch WHERE cell = $1 ORDER BY n", 1};
/* One statement, so one snapshot: nothing expires between finding the batch and reading it. Whoever has enough stops
 * earlier, but a server has sent the rest by then: hence the limit. */
static const struct sql_statement select_batches = {
    "SELECT first + count - 1, (SELECT min(first) FROM outbox WHERE first BETWEEN $1 AND $2), frames FROM outbox WHERE "
    "first >= coalesce((SELECT first FROM outbox WHERE first BETWEEN $1 AND $3 ORDER BY first DESC LIMIT 1), $3) AND "
    "first <= $2 ORDER BY first LIMIT 64",
    3};
static const struct sql_statement select_key = {
    "SELECT fingerprint, status, location, body FROM idempotency WHERE cell = $1 AND key = $2", 2};
static const struct sql_statement count_dead = {"SELECT COUNT(*) FROM dead_letter WHERE cell = $1", 1};
static const struct sql_statement delete_dead = {
    "DELETE FROM dead_letter WHERE cell = $1 AND source = $2 AND position = $3", 3};
static const struct sql_statement select_dead = {
    "SELECT source, position, at, reason, frame FROM dead_letter WHERE cell = $1 AND "
    "(source, position) > ($2, $3) ORDER BY source, position LIMIT $4",
    4};
static const struct sql_statement select_one_dead = {
    "SELECT source, position, at, reason, frame FROM dead_letter WHERE cell = $1 AND source = $2 AND position = $3", 3};

/* --- writing --- */

static int write_batch(struct sql *sql, struct cell cell, const struct outbox *outbox, int64_t now)
{
    const struct sql_value params[] = {SQL_N(cell_place(cell, (int64_t)outbox->first)), SQL_N((int64_t)outbox->count),
                                       SQL_N(now), SQL_B(buf_str(&outbox->frames))};

    return outbox->frames.failed ? E_MEMORY : sql_exec(sql, &insert_batch, params);
}

static int write_cursors(struct sql *sql, struct cell cell, const struct cursors *cursors)
{
    struct sql_value params[CURSOR_MAX_SOURCES * CURSOR_COLUMNS];

    ASSERT(cursors->n <= CURSOR_MAX_SOURCES);
    for (size_t i = 0; i < cursors->n; i++) {
        struct sql_value *row = params + i * CURSOR_COLUMNS;
        row[0] = SQL_N(cell.number);
        row[1] = SQL_S(str_of(cursors->source[i]));
        row[2] = SQL_N((int64_t)cursors->position[i]);
        row[3] = SQL_N((int64_t)cursors->epoch[i]);
    }
    return sql->exec_many(sql, &upsert_cursor, params, cursors->n);
}

static int write_keys(struct sql *sql, struct cell cell, const struct idempotency_record *records, size_t n,
                      int64_t now)
{
    size_t width = (size_t)insert_key.n_params;
    struct sql_value *params = heap_alloc(n * width * sizeof(*params));

    if (!params)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        struct sql_value *row = params + i * width;
        row[0] = SQL_N(cell.number);
        row[1] = SQL_S(records[i].key);
        row[2] = SQL_N((int64_t)records[i].fingerprint);
        row[3] = SQL_N(records[i].status);
        row[4] = SQL_S(records[i].location);
        row[5] = SQL_S(records[i].body);
        row[6] = SQL_N(now);
    }
    int error = sql->exec_many(sql, &insert_key, params, n);
    heap_free(params);
    return error;
}

static int write_dead(struct sql *sql, struct cell cell, const struct dead_letter *dead, size_t n, int64_t wall)
{
    size_t width = (size_t)upsert_dead.n_params;
    struct sql_value *params = heap_alloc(n * width * sizeof(*params));

    if (!params)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        struct sql_value *row = params + i * width;
        row[0] = SQL_N(cell.number);
        row[1] = SQL_S(dead[i].source);
        row[2] = SQL_N((int64_t)dead[i].position);
        row[3] = SQL_N(wall);
        row[4] = SQL_S(dead[i].reason);
        row[5] = SQL_B(dead[i].frame);
    }
    int error = sql->exec_many(sql, &upsert_dead, params, n);
    heap_free(params);
    return error;
}

/* How many there are is asked only when it has changed. */
static struct metric dead_letters =
    METRIC_GAUGE_INIT("coffeeshop_dead_letters", "Events put aside because they could not be used.");

static int take_count(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(context);
    UNUSED(index);
    metric_set(&dead_letters, sql_i64(row, 0));
    return 0;
}

static int count_letters(struct sql *sql, struct cell cell)
{
    const struct sql_value number = SQL_N(cell.number);

    return sql_query(sql, &count_dead, &number, take_count, NULL);
}

static int forget_dead(struct sql *sql, struct cell cell, const struct dead_letter *letters, size_t n)
{
    int error = 0;

    for (size_t i = 0; i < n && !error; i++) {
        const struct sql_value key[] = {SQL_N(cell.number), SQL_S(letters[i].source),
                                        SQL_N((int64_t)letters[i].position)};
        error = sql_exec(sql, &delete_dead, key);
    }
    return error;
}

int outbox_sql_write(struct sql *sql, struct cell cell, const struct outbox_write *write)
{
    int error = 0;

    if (write->outbox && write->outbox->count)
        error = write_batch(sql, cell, write->outbox, write->now);
    if (!error && write->cursors && write->cursors_moved)
        error = write_cursors(sql, cell, write->cursors);
    if (!error && write->n_records)
        error = write_keys(sql, cell, write->records, write->n_records, write->now);
    if (!error && write->n_replayed)
        error = forget_dead(sql, cell, write->replayed, write->n_replayed);
    if (!error && write->n_dead)
        error = write_dead(sql, cell, write->dead, write->n_dead, write->wall);
    if (!error && (write->n_dead || write->n_replayed))
        error = count_letters(sql, cell);
    return error;
}

/* --- reading --- */

/* The last position that was committed; 0: none was. */
static int find_last(struct sql *sql, struct cell cell, uint64_t *last)
{
    const struct sql_value places[] = {SQL_N(cell_floor(cell)), SQL_N(cell_ceiling(cell))};
    int64_t place = cell_floor(cell);

    int error = sql_number(sql, &select_last, places, &place);
    *last = (uint64_t)(place - cell_floor(cell));
    return error;
}

static int take_cursor(void *context, size_t index, const struct sql_row *row)
{
    struct cursors *cursors = context;

    cursors->position[index] = (uint64_t)sql_i64(row, 0);
    cursors->epoch[index] = (uint64_t)sql_i64(row, 1);
    return 0;
}

int outbox_sql_restore(struct sql *sql, struct cell cell, uint64_t *last, struct cursors *cursors)
{
    struct sql_value sources[CURSOR_MAX_SOURCES * 2];

    int error = find_last(sql, cell, last);
    metric_register(&dead_letters);
    if (!error)
        error = count_letters(sql, cell);
    if (error || !cursors)
        return error;
    ASSERT(cursors->n <= CURSOR_MAX_SOURCES);
    for (size_t i = 0; i < cursors->n; i++) {
        cursors->position[i] = 0;
        cursors->epoch[i] = EPOCH_UNKNOWN;
        sources[i * 2] = SQL_N(cell.number);
        sources[i * 2 + 1] = SQL_S(str_of(cursors->source[i]));
    }
    return sql->query_many(sql, &select_cursor, sources, cursors->n, take_cursor, cursors);
}

static int take_epoch(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    return feed_history_add(context, (struct feed_epoch){(uint64_t)sql_i64(row, 0), (uint64_t)sql_i64(row, 1)});
}

static int add_epoch(struct sql *sql, struct cell cell, uint64_t number)
{
    struct sql_value values[] = {SQL_N(cell.number), SQL_N((int64_t)number), SQL_N(0)};
    uint64_t last = 0;

    int error = sql->begin(sql);
    if (error)
        return error;
    error = find_last(sql, cell, &last);
    values[2] = SQL_N((int64_t)last);
    return sql_end(sql, error ? error : sql_exec(sql, &insert_epoch, values));
}

int outbox_sql_begin_epoch(struct sql *sql, struct cell cell, uint64_t number, struct feed_history *history)
{
    const struct sql_value own = SQL_N(cell.number);
    int error = number == EPOCH_UNKNOWN ? 0 : add_epoch(sql, cell, number);
    int unread = sql_query(sql, &select_epochs, &own, take_epoch, history);

    return error ? error : unread;
}

static int take_moment(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    *(int64_t *)context = sql_i64(row, 0);
    return 0;
}

int outbox_sql_newest(struct sql *sql, struct cell cell, int64_t *moment)
{
    const struct sql_value params[] = {SQL_N(cell.number), SQL_N(cell_floor(cell)), SQL_N(cell_ceiling(cell))};

    *moment = 0;
    return sql_query(sql, &select_newest, params, take_moment, moment);
}

struct reading {
    struct cell cell;
    uint64_t after;
    size_t enough;
    struct buf *frames;
    uint64_t *oldest;
};

static int take_batch(void *context, size_t index, const struct sql_row *row)
{
    struct reading *reading = context;

    UNUSED(index);
    *reading->oldest = (uint64_t)(sql_i64(row, 1) - cell_floor(reading->cell));
    if ((uint64_t)(sql_i64(row, 0) - cell_floor(reading->cell)) <= reading->after)
        return 0; /* the newest batch, all of it known already */
    buf_add(reading->frames, sql_text(row, 2));
    if (reading->frames->failed)
        return E_MEMORY;
    return reading->frames->n >= reading->enough ? STOP : 0;
}

int outbox_sql_read(struct sql *sql, struct cell cell, uint64_t after, size_t enough, struct buf *frames,
                    uint64_t *oldest)
{
    struct reading reading = {cell, after, enough, frames, oldest};
    int64_t next = after < CELL_ROWS - 1 ? (int64_t)after + 1 : CELL_ROWS - 1;
    const struct sql_value places[] = {SQL_N(cell_floor(cell)), SQL_N(cell_ceiling(cell)),
                                       SQL_N(cell_place(cell, next))};

    *oldest = 0;
    int error = sql_query(sql, &select_batches, places, take_batch, &reading);
    return error == STOP ? 0 : error;
}

struct finding {
    struct idempotency_record *records;
    struct arena *arena;
};

static int take_key(void *context, size_t index, const struct sql_row *row)
{
    struct finding *finding = context;
    struct idempotency_record *record = &finding->records[index];

    record->found = true;
    record->fingerprint = (uint64_t)sql_i64(row, 0);
    record->status = sql_i64(row, 1);
    record->location = arena_copy(finding->arena, sql_text(row, 2));
    record->body = arena_copy(finding->arena, sql_text(row, 3));
    return record->location.p && record->body.p ? 0 : E_MEMORY;
}

int outbox_sql_find_keys(struct sql *sql, struct cell cell, struct idempotency_record *records, size_t n,
                         struct arena *arena)
{
    struct finding finding = {records, arena};

    if (n == 0)
        return 0;
    struct sql_value *keys = heap_alloc(2 * n * sizeof(*keys));
    if (!keys)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        records[i].found = false;
        keys[2 * i] = SQL_N(cell.number);
        keys[2 * i + 1] = SQL_S(records[i].key);
    }
    int error = sql->query_many(sql, &select_key, keys, n, take_key, &finding);
    heap_free(keys);
    return error;
}

int outbox_sql_has_dead_letters(struct sql *sql, struct cell cell, bool *yes)
{
    const struct sql_value number = SQL_N(cell.number);
    int64_t n = 0;

    int error = sql_number(sql, &count_dead, &number, &n);
    *yes = n > 0;
    return error;
}

struct letters {
    outbox_on_dead_letter *on_letter;
    void *context;
};

static int take_letter(void *context, size_t index, const struct sql_row *row)
{
    const struct letters *letters = context;
    struct dead_letter letter = {.source = sql_text(row, 0),
                                 .position = (uint64_t)sql_i64(row, 1),
                                 .reason = sql_text(row, 3),
                                 .frame = sql_text(row, 4)};

    UNUSED(index);
    return letters->on_letter(letters->context, &letter, sql_i64(row, 2));
}

int outbox_sql_dead_letters(struct sql *sql, struct cell cell, struct str after_source, uint64_t after, size_t limit,
                            outbox_on_dead_letter *on_letter, void *context)
{
    struct letters letters = {on_letter, context};
    const struct sql_value params[] = {SQL_N(cell.number), SQL_S(after_source), SQL_N((int64_t)after),
                                       SQL_N((int64_t)limit)};

    return sql_query(sql, &select_dead, params, take_letter, &letters);
}

int outbox_sql_dead_letter(struct sql *sql, struct cell cell, struct str source, uint64_t position,
                           outbox_on_dead_letter *on_letter, void *context)
{
    struct letters letters = {on_letter, context};
    const struct sql_value params[] = {SQL_N(cell.number), SQL_S(source), SQL_N((int64_t)position)};

    return sql_query(sql, &select_one_dead, params, take_letter, &letters);
}
