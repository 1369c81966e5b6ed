/* writer_batch.c: one batch: cut off what is pending, run, and ended, or given back when nothing of it was committed.
 *
 * While commits fail every try begins with the store's probe, because a batch may have nothing to commit: only a commit
 * shows that commits succeed. The first try that succeeds ends the failing state. */
#include "writer_internal.h"

#include "clock.h"
#include "errors.h"
#include "log.h"
#include "metrics.h"
#include "store.h"

static struct metric batch_size =
    METRIC_SIZE_INIT("coffeeshop_writer_batch_size", "Commands in a batch of the writer.");
static struct metric commit_seconds =
    METRIC_DURATION_INIT("coffeeshop_writer_commit_seconds", "Time to load, decide and commit a batch.");
static struct metric queue_length =
    METRIC_GAUGE_INIT("coffeeshop_writer_queue_length", "Commands waiting for the writer.");
static struct metric failures =
    METRIC_COUNTER_INIT("coffeeshop_writer_failures_total", "Batches that could not be committed.");

void writer_register_metrics(void)
{
    metric_register(&batch_size);
    metric_register(&commit_seconds);
    metric_register(&queue_length);
    metric_register(&failures);
}

static void let_go(const struct command *command)
{
    if (command->waiting)
        atomic_fetch_sub_explicit(command->waiting, 1, memory_order_release);
}

static void end(struct command *command, int rc)
{
    let_go(command);
    command->finish(command, rc);
}

void writer_end_all(struct command_list *list, int rc)
{
    while (list->first)
        end(command_list_shift(list), rc);
}

/* A turn ends the batch in front of it; it is over when there is none. What is of a cell that isn't here any more ends,
 * and has done nothing. Whether the command is over. */
static bool is_over(struct writer *writer, struct command *command)
{
    bool turn = command->fate == COMMAND_TURN;

    if (!turn && core_has(writer->core, command->cell))
        return false;
    end(command, turn ? OK : E_CLOSING);
    return true;
}

/* The first commands of `pending`; of the clients' only, when `clients_only`; of the first one's cell only, where a
 * batch is of one. */
static size_t cut_batch(struct writer *writer, bool clients_only)
{
    struct command_list all = writer->pending;
    struct command_list rest = {0};
    size_t n = 0;
    int64_t clients = 0, prompt = 0;

    while (all.first && n < (size_t)writer->settings.batch && !(n && all.first->fate == COMMAND_TURN)) {
        struct command *command = command_list_shift(&all);
        if ((clients_only && command->origin != FROM_CLIENT) ||
            (writer->settings.by_cell && n && command->cell != writer->batch[0]->cell)) {
            command_list_append(&rest, command, command, 1);
            continue;
        }
        clients += command->origin == FROM_CLIENT;
        prompt += command->origin != FROM_FEED;
        command->kept =
            false; /* a kept one may be back before the batch that kept it was ended: only now is that over */
        if (!is_over(writer, command))
            writer->batch[n++] = command;
    }
    command_list_append(&rest, all.first, all.last, all.n);
    writer->pending = rest;
    atomic_fetch_sub_explicit(&writer->clients, clients, memory_order_relaxed);
    if (prompt)
        atomic_fetch_sub_explicit(&writer->prompt, prompt, memory_order_relaxed);
    return n;
}

static void end_batch(struct writer *writer, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (writer->batch[i]->kept)
            let_go(writer->batch[i]); /* the core ends it, later */
        else
            end(writer->batch[i], OK);
    }
}

/* Clients learn it; the others go back to where they were. */
static void give_back(struct writer *writer, size_t n, int rc)
{
    struct command_list kept = {0};
    int64_t prompt = 0;

    for (size_t i = 0; i < n; i++) {
        writer->batch[i]->kept = false; /* nothing of the batch has happened, neither has that */
        if (writer->batch[i]->origin == FROM_CLIENT) {
            end(writer->batch[i], rc);
        } else {
            prompt += writer->batch[i]->origin != FROM_FEED;
            command_list_append(&kept, writer->batch[i], writer->batch[i], 1);
        }
    }
    if (prompt)
        atomic_fetch_add_explicit(&writer->prompt, prompt, memory_order_relaxed);
    command_list_append(&kept, writer->pending.first, writer->pending.last, writer->pending.n);
    writer->pending = kept;
}

/* On a disk that is nearly full a small batch succeeds between large ones that fail. */
void writer_settle(struct writer *writer, int64_t now)
{
    int64_t at = atomic_load_explicit(&writer->partial_at, memory_order_relaxed);

    if (writer->failing || writer->n_failed == 0 || (at && now < at + writer->settings.unwell_ms * US_PER_MS))
        return;
    if (writer->said)
        log_info("commits succeed again", LOG_I("failed", writer->n_failed), LOG_I("kept", writer->pending.n));
    writer->said = false;
    writer->n_failed = 0;
}

static void note_success(struct writer *writer, int64_t now)
{
    writer->failing = false;
    writer_settle(writer, now);
    atomic_store_explicit(&writer->well_at, now, memory_order_relaxed);
    atomic_store_explicit(&writer->trouble, OK, memory_order_relaxed);
}

static void say_that_commits_fail(struct writer *writer, int rc)
{
    if (writer->said || !log_is_news(&writer->reason, rc))
        return;
    writer->said = true;
    log_error("commits fail", LOG_T("error", error_name(rc)), LOG_T("text", error_text(rc)));
}

static void note_failure(struct writer *writer, int64_t now, bool clients_only, int rc)
{
    metric_add(&failures, 1);
    writer->n_failed++;
    if (rc == E_OUTCOME_UNKNOWN)
        log_error("it is not known whether a batch was committed: nothing is done any more");
    else
        say_that_commits_fail(writer, rc);
    if (!writer->failing || !clients_only)
        writer->retry_at = now + writer->settings.retry_ms * US_PER_MS;
    writer->failing = true;
    writer->lost = rc == E_OUTCOME_UNKNOWN;
    writer->tried_at = now;
    if (rc == E_FULL || rc == E_REFUSED) {
        atomic_store_explicit(&writer->partial, rc, memory_order_relaxed);
        atomic_store_explicit(&writer->partial_at, now, memory_order_relaxed);
    }
    atomic_store_explicit(&writer->trouble, rc, memory_order_relaxed);
}

static int run_core(struct writer *writer, size_t n, int64_t now)
{
    struct store *store = writer->settings.store;
    int rc = writer->failing && store ? store->probe(store) : OK;

    return rc ? rc : core_run(writer->core, writer->batch, n, now);
}

/* Nothing grows without a commit. */
static void tidy(struct writer *writer, int64_t now)
{
    struct store *store = writer->settings.store;

    if (store && store->tidy)
        store->tidy(store, now);
}

int writer_run_batch(struct writer *writer, bool clients_only)
{
    size_t n = cut_batch(writer, clients_only);
    int64_t began = clock_monotonic();
    int64_t now = steady_clock_at(&writer->clock, began);

    metric_set(&queue_length, (int64_t)writer->pending.n);
    writer->core->wall_ahead = clock_wall() - now;
    int rc = run_core(writer, n, now);
    int64_t ended = clock_monotonic();
    if (n > 0) {
        metric_observe(&batch_size, (int64_t)n);
        metric_observe(&commit_seconds, ended - began);
    }
    if (rc == OK) {
        end_batch(writer, n);
        note_success(writer, ended);
        tidy(writer, now);
    } else {
        give_back(writer, n, rc);
        note_failure(writer, ended, clients_only, rc);
    }
    return rc;
}

int writer_look(struct writer *writer)
{
    int rc = writer->settings.store->look(writer->settings.store);
    int64_t now = clock_monotonic();

    if (rc == OK)
        note_success(writer, now);
    else
        note_failure(writer, now, false, rc);
    return rc;
}

void writer_refuse_waiting(struct writer *writer, int rc)
{
    give_back(writer, cut_batch(writer, true), rc);
}
