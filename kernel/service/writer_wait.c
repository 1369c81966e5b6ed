/* writer_wait.c: what the writer can do now, or what it waits for.
 *
 * While commits fail (`failing`), what must not be lost stays in `pending` and is tried again at `retry_at`. Clients
 * don't wait for that moment: they are picked out of `pending` and tried by themselves, at most every FAILING_GAP_US,
 * so that each gets its failure at once. */
#include "writer_internal.h"

#include "clock.h"
#include "store.h"

#include <time.h>

enum { FAILING_GAP_US = 2000 }; /* a broken store isn't hammered by impatient clients */
enum { LOOK_US = 1000000 }; /* so long nothing is asked of a store's server before it is looked whether it is there */

static void sleep_until(struct writer *writer, int64_t deadline)
{
    struct timespec until = {.tv_sec = (time_t)(deadline / US_PER_S), .tv_nsec = (long)(deadline % US_PER_S) * 1000};

    pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
}

void writer_await(struct writer *writer, int64_t deadline, size_t wake_at, bool wake_for_client)
{
    writer->asleep = true;
    writer->wake_at = wake_at;
    writer->wake_for_client = wake_for_client;
    while (writer->asleep && !writer->stopping && clock_monotonic() < deadline)
        sleep_until(writer, deadline);
    writer->asleep = false;
}

void writer_swap_queue(struct writer *writer)
{
    command_list_append(&writer->pending, writer->queue.first, writer->queue.last, writer->queue.n);
    writer->queue = (struct command_list){0};
}

/* The moment (monotonic) at which the core wants to run without commands. */
static int64_t due_at(struct writer *writer, int64_t now)
{
    int64_t due = writer->core->next_due(writer->core);

    if (due == TIME_NEVER)
        return TIME_NEVER;
    int64_t own = steady_clock_at(&writer->clock, now);
    return now + (due > own ? due - own : 0);
}

static bool should_look(const struct writer *writer, int64_t now)
{
    return writer->settings.store && writer->settings.store->look &&
           now >= atomic_load_explicit(&writer->well_at, memory_order_relaxed) + LOOK_US;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Feed events alone may wait for company; a client never does, nor an effect's outcome, which one may wait for. */
static bool may_linger(const struct writer *writer, int64_t now, int64_t *until)
{
    if (writer->settings.linger_us <= 0 || writer->pending.n == 0 || writer->stopping)
        return false;
    if (atomic_load_explicit(&writer->prompt, memory_order_relaxed) > 0 ||
        writer->pending.n >= (size_t)writer->settings.batch)
        return false;
    *until = writer->pending.first->posted_us + writer->settings.linger_us;
    return now < *until;
}

static enum writer_work next_work_failing(struct writer *writer, int64_t now)
{
    int64_t turn = earlier(writer->retry_at, now + WRITER_TURN_US);

    if (writer->stopping || now >= writer->retry_at)
        return WRITER_WORK_FRONT;
    if (atomic_load_explicit(&writer->clients, memory_order_relaxed) == 0) {
        writer_await(writer, turn, SIZE_MAX, true);
        return WRITER_WORK_NONE;
    }
    if (now < writer->tried_at + FAILING_GAP_US) {
        writer_await(writer, earlier(turn, writer->tried_at + FAILING_GAP_US), SIZE_MAX, false);
        return WRITER_WORK_NONE;
    }
    return WRITER_WORK_CLIENTS;
}

enum writer_work writer_next_work(struct writer *writer)
{
    int64_t now = clock_monotonic();
    int64_t until;

    atomic_store_explicit(&writer->turned_at, now, memory_order_relaxed);
    writer_swap_queue(writer);
    if (writer->failing)
        return next_work_failing(writer, now);
    if (writer->asked)
        return WRITER_WORK_LOOK;
    if (may_linger(writer, now, &until)) {
        writer_await(writer, until, (size_t)writer->settings.batch - writer->pending.n, true);
        return WRITER_WORK_NONE;
    }
    if (writer->pending.n > 0)
        return WRITER_WORK_FRONT;
    if (writer->stopping)
        return WRITER_WORK_NONE;
    int64_t due = due_at(writer, now);
    if (due <= now)
        return WRITER_WORK_FRONT; /* a batch of none */
    if (should_look(writer, now))
        return WRITER_WORK_LOOK;
    writer_await(writer, earlier(due, now + WRITER_TURN_US), 1, true);
    return WRITER_WORK_NONE;
}
