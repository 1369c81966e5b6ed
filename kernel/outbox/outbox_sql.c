#include "outbox_sql.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "metrics.h"

enum { STOP = -1 }; /* from a row callback: enough; never an errors.h code */

static const struct sql_statement insert_batch = {
    "INSERT INTO outbox (first, count, at, frames) VALUES ($1, $2, $3, $4)", 4};
static const struct sql_statement upsert_cursor = {
    "INSERT INTO cursor (source, position, epoch) VALUES ($1, $2, $3) ON CONFLICT "
    "(source) DO UPDATE SET position = excluded.position, epoch = excluded.epoch",
    3};
static const struct sql_statement insert_key = {
    "INSERT INTO idempotency (key, fingerprint, status, location, body, at) VALUES ($1, $2, $3, $4, $5, $6)", 6};
/* A feed read again from an older cursor brings the same letter again. */
static const struct sql_statement upsert_dead = {
    "INSERT INTO dead_letter (source, position, at, reason, frame) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (source, position) DO UPDATE SET at = excluded.at, reason = excluded.reason, frame = excluded.frame",
    5};
static const struct sql_statement select_last = {"SELECT first + count - 1 FROM outbox ORDER BY first DESC LIMIT 1", 0};
static const struct sql_statement select_newest = {
    "SELECT COALESCE(MAX(at), 0) FROM (SELECT MAX(at) AS at FROM idempotency UNION ALL "
    "SELECT at FROM outbox WHERE first = (SELECT MAX(first) FROM outbox)) AS newest",
    0};
static const struct sql_statement select_cursor = {"SELECT position, epoch FROM cursor WHERE source = $1", 1};
static const struct sql_statement insert_epoch = {
    "INSERT INTO epoch (n, number, after) VALUES (coalesce((SELECT max(n) FROM epoch), 0) + 1, $1, "
    "coalesce((SELECT max(first + count - 1) FROM outbox), 0))",
    1};
static const struct sql_statement select_epochs = {"SELECT number, after FROM epoch ORDER BY n", 0};
/* One statement, so one snapshot: nothing expires between finding the batch and reading it. Whoever has enough stops
 * earlier, but a server has sent the rest by then: hence the limit. */
static const struct sql_statement select_batches = {
    "SELECT first + count - 1, (SELECT min(first) FROM outbox), frames FROM outbox WHERE first >= "
    "coalesce((SELECT first FROM outbox WHERE first <= $1 ORDER BY first DESC LIMIT 1), $1) ORDER BY first LIMIT 64",
    1};
static const struct sql_statement select_key = {
    "SELECT fingerprint, status, location, body FROM idempotency WHERE key = $1", 1};
static const struct sql_statement count_dead = {"SELECT COUNT(*) FROM dead_letter", 0};
static const struct sql_statement delete_dead = {"DELETE FROM dead_letter WHERE source = $1 AND position = $2", 2};
static const struct sql_statement select_dead = {"SELECT source, position, at, reason, frame FROM dead_letter WHERE "
                                                 "(source, position) > ($1, $2) ORDER BY source, position LIMIT $3",
                                                 3};
static const struct sql_statement select_one_dead = {
    "SELECT source, position, at, reason, frame FROM dead_letter WHERE source = $1 AND position = $2", 2};

/* --- writing --- */

static int write_batch(struct sql *sql, const struct outbox *outbox, int64_t now)
{
    const struct sql_value params[] = {SQL_N((int64_t)outbox->first), SQL_N((int64_t)outbox->count), SQL_N(now),
                                       SQL_B(buf_str(&outbox->frames))};

    return outbox->frames.failed ? E_MEMORY : sql_exec(sql, &insert_batch, params);
}

static int write_cursors(struct sql *sql, const struct cursors *cursors)
{
    struct sql_value params[CURSOR_MAX_SOURCES * 3];

    ASSERT(cursors->n <= CURSOR_MAX_SOURCES);
    for (size_t i = 0; i < cursors->n; i++) {
        params[i * 3] = SQL_S(str_of(cursors->source[i]));
        params[i * 3 + 1] = SQL_N((int64_t)cursors->position[i]);
        params[i * 3 + 2] = SQL_N((int64_t)cursors->epoch[i]);
    }
    return sql->exec_many(sql, &upsert_cursor, params, cursors->n);
}

static int write_keys(struct sql *sql, const struct idempotency_record *records, size_t n, int64_t now)
{
    size_t width = (size_t)insert_key.n_params;
    struct sql_value *params = heap_alloc(n * width * sizeof(*params));

    if (!params)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        struct sql_value *row = params + i * width;
        row[0] = SQL_S(records[i].key);
        row[1] = SQL_N((int64_t)records[i].fingerprint);
        row[2] = SQL_N(records[i].status);
        row[3] = SQL_S(records[i].location);
        row[4] = SQL_S(records[i].body);
        row[5] = SQL_N(now);
    }
    int error = sql->exec_many(sql, &insert_key, params, n);
    heap_free(params);
    return error;
}

static int write_dead(struct sql *sql, const struct dead_letter *dead, size_t n, int64_t wall)
{
    size_t width = (size_t)upsert_dead.n_params;
    struct sql_value *params = heap_alloc(n * width * sizeof(*params));

    if (!params)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        struct sql_value *row = params + i * width;
        row[0] = SQL_S(dead[i].source);
        row[1] = SQL_N((int64_t)dead[i].position);
        row[2] = SQL_N(wall);
        row[3] = SQL_S(dead[i].reason);
        row[4] = SQL_B(dead[i].frame);
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

static int forget_dead(struct sql *sql, const struct dead_letter *letters, size_t n)
{
    int error = 0;

    for (size_t i = 0; i < n && !error; i++) {
        const struct sql_value key[] = {SQL_S(letters[i].source), SQL_N((int64_t)letters[i].position)};
        error = sql_exec(sql, &delete_dead, key);
    }
    return error;
}

int outbox_sql_write(struct sql *sql, const struct outbox_write *write)
{
    int error = 0;

    if (write->outbox && write->outbox->count)
        error = write_batch(sql, write->outbox, write->now);
    if (!error && write->cursors && write->cursors_moved)
        error = write_cursors(sql, write->cursors);
    if (!error && write->n_records)
        error = write_keys(sql, write->records, write->n_records, write->now);
    if (!error && write->n_replayed)
        error = forget_dead(sql, write->replayed, write->n_replayed);
    if (!error && write->n_dead)
        error = write_dead(sql, write->dead, write->n_dead, write->wall);
    if (!error && (write->n_dead || write->n_replayed))
        error = sql_query(sql, &count_dead, NULL, take_count, NULL);
    return error;
}

/* --- reading --- */

static int take_number(void *context, size_t index, const struct sql_row *row)
{
    uint64_t *numbers = context;

    numbers[index] = (uint64_t)sql_i64(row, 0);
    return 0;
}

static int take_cursor(void *context, size_t index, const struct sql_row *row)
{
    struct cursors *cursors = context;

    cursors->position[index] = (uint64_t)sql_i64(row, 0);
    cursors->epoch[index] = (uint64_t)sql_i64(row, 1);
    return 0;
}

int outbox_sql_restore(struct sql *sql, uint64_t *last, struct cursors *cursors)
{
    struct sql_value sources[CURSOR_MAX_SOURCES];

    *last = 0;
    int error = sql_query(sql, &select_last, NULL, take_number, last);
    metric_register(&dead_letters);
    if (!error)
        error = sql_query(sql, &count_dead, NULL, take_count, NULL);
    if (error || !cursors)
        return error;
    ASSERT(cursors->n <= CURSOR_MAX_SOURCES);
    for (size_t i = 0; i < cursors->n; i++) {
        cursors->position[i] = 0;
        cursors->epoch[i] = EPOCH_UNKNOWN;
        sources[i] = SQL_S(str_of(cursors->source[i]));
    }
    return sql->query_many(sql, &select_cursor, sources, cursors->n, take_cursor, cursors);
}

static int take_epoch(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    return feed_history_add(context, (struct feed_epoch){(uint64_t)sql_i64(row, 0), (uint64_t)sql_i64(row, 1)});
}

static int add_epoch(struct sql *sql, uint64_t number)
{
    const struct sql_value value = SQL_N((int64_t)number);

    int error = sql->begin(sql);

    return error ? error : sql_end(sql, sql_exec(sql, &insert_epoch, &value));
}

int outbox_sql_begin_epoch(struct sql *sql, uint64_t number, struct feed_history *history)
{
    int error = number == EPOCH_UNKNOWN ? 0 : add_epoch(sql, number);
    int unread = sql_query(sql, &select_epochs, NULL, take_epoch, history);

    return error ? error : unread;
}

static int take_moment(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    *(int64_t *)context = sql_i64(row, 0);
    return 0;
}

int outbox_sql_newest(struct sql *sql, int64_t *moment)
{
    *moment = 0;
    return sql_query(sql, &select_newest, NULL, take_moment, moment);
}

struct reading {
    uint64_t after;
    size_t enough;
    struct buf *frames;
    uint64_t *oldest;
};

static int take_batch(void *context, size_t index, const struct sql_row *row)
{
    struct reading *reading = context;

    UNUSED(index);
    *reading->oldest = (uint64_t)sql_i64(row, 1);
    if ((uint64_t)sql_i64(row, 0) <= reading->after)
        return 0; /* the newest batch, all of it known already */
    buf_add(reading->frames, sql_text(row, 2));
    if (reading->frames->failed)
        return E_MEMORY;
    return reading->frames->n >= reading->enough ? STOP : 0;
}

int outbox_sql_read(struct sql *sql, uint64_t after, size_t enough, struct buf *frames, uint64_t *oldest)
{
    struct reading reading = {after, enough, frames, oldest};
    const struct sql_value next = SQL_N(after < INT64_MAX ? (int64_t)after + 1 : INT64_MAX);

    *oldest = 0;
    int error = sql_query(sql, &select_batches, &next, take_batch, &reading);
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

int outbox_sql_find_keys(struct sql *sql, struct idempotency_record *records, size_t n, struct arena *arena)
{
    struct finding finding = {records, arena};

    if (n == 0)
        return 0;
    struct sql_value *keys = heap_alloc(n * sizeof(*keys));
    if (!keys)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        records[i].found = false;
        keys[i] = SQL_S(records[i].key);
    }
    int error = sql->query_many(sql, &select_key, keys, n, take_key, &finding);
    heap_free(keys);
    return error;
}

int outbox_sql_has_dead_letters(struct sql *sql, bool *yes)
{
    int64_t n = 0;

    int error = sql_number(sql, &count_dead, NULL, &n);
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

int outbox_sql_dead_letters(struct sql *sql, struct str after_source, uint64_t after, size_t limit,
                            outbox_on_dead_letter *on_letter, void *context)
{
    struct letters letters = {on_letter, context};
    const struct sql_value params[] = {SQL_S(after_source), SQL_N((int64_t)after), SQL_N((int64_t)limit)};

    return sql_query(sql, &select_dead, params, take_letter, &letters);
}

int outbox_sql_dead_letter(struct sql *sql, struct str source, uint64_t position, outbox_on_dead_letter *on_letter,
                           void *context)
{
    struct letters letters = {on_letter, context};
    const struct sql_value params[] = {SQL_S(source), SQL_N((int64_t)position)};

    return sql_query(sql, &select_one_dead, params, take_letter, &letters);
}
