/* The single writer, driven by a core that records, blocks and fails as it is told. */
#include "alloc.h"
#include "base.h"
#include "buf.h"
#include "clock.h"
#include "errors.h"
#include "store.h"
#include "writer.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST = 64, AN_HOUR_MS = 3600000 };

struct fake_core {
    struct core core;
    struct writer *writer;
    pthread_mutex_t lock;
    int runs;
    size_t batch_n[MOST]; /* of each run */
    int64_t now[MOST];
    int fail_runs; /* so many runs fail */
    int fail_with;
    bool keeps; /* marks its commands kept */
    _Atomic int64_t due;
    _Atomic bool gated; /* a run waits for `gate`, having said `entered` */
    sem_t entered, gate;
    struct store store; /* the settings' store */
    int fail_probes;    /* so many probes fail, with E_FULL */
    int probes;
    int hold_probe; /* this one, counted from 1, waits until it may go on */
    sem_t probing;  /* that one does */
    sem_t go_on;
    _Atomic int fail_looks; /* so many looks at the store's server fail, with E_UNAVAILABLE */
    sem_t asked;            /* once an answer to writer_ask_store() */
    sem_t looked;           /* once a look */
    sem_t lost;             /* once on_lost */
    sem_t ran;              /* once a run */
    sem_t ended;            /* once a command */
    int order[MOST];        /* ids in the order of their ends */
    int rc[MOST];
    int n_ended;
};

struct fake_command {
    struct command base;
    struct fake_core *core;
    int id;
};

static int fake_decide(struct core *self, struct command *const *commands, size_t n, int64_t now)
{
    struct fake_core *core = CONTAINER_OF(self, struct fake_core, core);
    int rc = OK;

    if (atomic_load(&core->gated)) {
        sem_post(&core->entered);
        sem_wait(&core->gate);
    }
    pthread_mutex_lock(&core->lock);
    if (core->runs < MOST) {
        core->batch_n[core->runs] = n;
        core->now[core->runs] = now;
    }
    core->runs++;
    for (size_t i = 0; i < n; i++)
        commands[i]->kept = core->keeps;
    if (core->fail_runs > 0) {
        core->fail_runs--;
        rc = core->fail_with;
    }
    pthread_mutex_unlock(&core->lock);
    if (n == 0)
        atomic_store(&core->due, TIME_NEVER);
    sem_post(&core->ran);
    return rc;
}

static int64_t fake_due(struct core *self)
{
    return atomic_load(&CONTAINER_OF(self, struct fake_core, core)->due);
}

static void fake_finish(struct command *command, int rc)
{
    struct fake_command *self = CONTAINER_OF(command, struct fake_command, base);
    struct fake_core *core = self->core;

    pthread_mutex_lock(&core->lock);
    assert_true(core->n_ended < MOST);
    core->order[core->n_ended] = self->id;
    core->rc[core->n_ended++] = rc;
    pthread_mutex_unlock(&core->lock);
    heap_free(self);
    sem_post(&core->ended);
}

static struct command *command_of(struct fake_core *core, enum command_origin origin, int id)
{
    struct fake_command *command = heap_alloc(sizeof(*command));

    assert_non_null(command);
    command->base.origin = origin;
    command->base.finish = fake_finish;
    command->core = core;
    command->id = id;
    return &command->base;
}

static int fake_probe(struct store *self)
{
    struct fake_core *core = CONTAINER_OF(self, struct fake_core, store);

    if (++core->probes == core->hold_probe) {
        sem_post(&core->probing);
        sem_wait(&core->go_on);
    }
    return core->probes <= core->fail_probes ? E_FULL : OK;
}

static int fake_look(struct store *self)
{
    struct fake_core *core = CONTAINER_OF(self, struct fake_core, store);
    int rc = atomic_load(&core->fail_looks) > 0 ? E_UNAVAILABLE : OK;

    if (rc)
        atomic_fetch_sub(&core->fail_looks, 1);
    sem_post(&core->looked);
    return rc;
}

static void fake_asked(void *context)
{
    sem_post(&((struct fake_core *)context)->asked);
}

static void fake_lost(void *context)
{
    sem_post(&((struct fake_core *)context)->lost);
}

static const struct writer_settings usual = {.batch = 16, .queue = 16, .linger_us = 0, .retry_ms = 1};

static void open_core(struct fake_core *core, const struct writer_settings *given)
{
    struct writer_settings settings = *given;

    *core = (struct fake_core){.core = {.decide = fake_decide, .next_due = fake_due}, .store = {.probe = fake_probe}};
    settings.store = &core->store;
    settings.on_lost = fake_lost;
    settings.on_asked = fake_asked;
    settings.context = core;
    sem_init(&core->probing, 0, 0);
    sem_init(&core->go_on, 0, 0);
    sem_init(&core->lost, 0, 0);
    sem_init(&core->looked, 0, 0);
    sem_init(&core->asked, 0, 0);
    atomic_store(&core->due, TIME_NEVER);
    pthread_mutex_init(&core->lock, NULL);
    sem_init(&core->entered, 0, 0);
    sem_init(&core->gate, 0, 0);
    sem_init(&core->ran, 0, 0);
    sem_init(&core->ended, 0, 0);
    core->writer = writer_new(&settings, &core->core);
    assert_non_null(core->writer);
}

static void start(struct fake_core *core)
{
    assert_int_equal(writer_start(core->writer), OK);
}

static void close_core(struct fake_core *core)
{
    writer_free(core->writer);
    sem_destroy(&core->entered);
    sem_destroy(&core->gate);
    sem_destroy(&core->ran);
    sem_destroy(&core->ended);
    pthread_mutex_destroy(&core->lock);
}

static void post(struct fake_core *core, enum command_origin origin, int id)
{
    assert_int_equal(writer_post(core->writer, command_of(core, origin, id)), OK);
}

static void wait_for(sem_t *semaphore, int n)
{
    for (int i = 0; i < n; i++)
        while (sem_wait(semaphore) != 0)
            continue;
}

/* ids and results of all that has ended, as "1:0 2:0 ". */
static void expect_ends(struct fake_core *core, const char *expected)
{
    struct buf text = {0};

    pthread_mutex_lock(&core->lock);
    for (int i = 0; i < core->n_ended; i++)
        buf_printf(&text, "%d:%s ", core->order[i], error_name(core->rc[i]));
    pthread_mutex_unlock(&core->lock);
    buf_char(&text, '\0');
    assert_string_equal(text.p, expected);
    buf_free(&text);
}

/* The first run is held at the gate with the command `id` in it, so that what is posted now gathers behind it. */
static void hold(struct fake_core *core, int id)
{
    atomic_store(&core->gated, true);
    post(core, FROM_CLIENT, id);
    wait_for(&core->entered, 1);
    atomic_store(&core->gated, false);
}

static void let_go(struct fake_core *core)
{
    sem_post(&core->gate);
}

static void commands_end_in_the_order_in_which_they_came(void **state)
{
    UNUSED(state);
    struct fake_core core;

    open_core(&core, &usual);
    post(&core, FROM_CLIENT, 1);
    post(&core, FROM_FEED, 2);
    post(&core, FROM_EFFECT, 3);
    post(&core, FROM_CLIENT, 4);
    start(&core);
    wait_for(&core.ended, 4);
    expect_ends(&core, "1:OK 2:OK 3:OK 4:OK ");
    assert_int_equal(core.batch_n[0], 4);
    close_core(&core);
}

static void what_gathers_during_a_commit_is_the_next_batch(void **state)
{
    UNUSED(state);
    struct fake_core core;

    open_core(&core, &usual);
    start(&core);
    hold(&core, 1);
    for (int id = 2; id <= 8; id++)
        post(&core, id % 2 ? FROM_CLIENT : FROM_FEED, id);
    let_go(&core);
    wait_for(&core.ended, 8);
    writer_stop(core.writer);
    assert_int_equal(core.runs, 2);
    assert_int_equal(core.batch_n[1], 7);
    close_core(&core);
}

static void a_batch_is_never_larger_than_set(void **state)
{
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;

    settings.batch = 3;
    open_core(&core, &settings);
    for (int id = 1; id <= 7; id++)
        post(&core, FROM_FEED, id);
    start(&core);
    wait_for(&core.ended, 7);
    writer_stop(core.writer);
    assert_int_equal(core.runs, 3);
    assert_int_equal(core.batch_n[0], 3);
    assert_int_equal(core.batch_n[1], 3);
    assert_int_equal(core.batch_n[2], 1);
    expect_ends(&core, "1:OK 2:OK 3:OK 4:OK 5:OK 6:OK 7:OK ");
    close_core(&core);
}

static bool has_even_cells(struct core *core, int32_t cell)
{
    UNUSED(core);
    return cell % 2 == 0;
}

static void what_is_of_a_cell_that_is_not_here_ends_and_has_done_nothing(void **state)
{
    UNUSED(state);
    struct fake_core core;

    open_core(&core, &usual);
    core.core.has = has_even_cells;
    for (int id = 1; id <= 4; id++) {
        struct command *command = command_of(&core, id == 2 ? FROM_CLIENT : FROM_FEED, id);
        command->cell = id < 4 ? id : 0;
        assert_int_equal(writer_post(core.writer, command), OK);
    }
    start(&core);
    wait_for(&core.ended, 4);
    writer_stop(core.writer);
    assert_int_equal(core.runs, 1);
    assert_int_equal(core.batch_n[0], 2);
    expect_ends(&core, "1:E_CLOSING 3:E_CLOSING 2:OK 4:OK ");
    close_core(&core);
}

static void a_turn_comes_when_all_before_it_is_committed_and_nothing_behind_it_is(void **state)
{
    UNUSED(state);
    struct fake_core core;

    open_core(&core, &usual);
    core.fail_runs = 2;
    core.fail_with = E_FULL;
    for (int id = 1; id <= 5; id++) {
        struct command *command = command_of(&core, id % 3 ? FROM_FEED : FROM_EFFECT, id);
        command->fate = id == 3 ? COMMAND_TURN : COMMAND_NORMAL;
        assert_int_equal(writer_post(core.writer, command), OK);
    }
    start(&core);
    wait_for(&core.ended, 5);
    writer_stop(core.writer);
    assert_int_equal(core.runs, 4);
    assert_int_equal(core.batch_n[2], 2);
    assert_int_equal(core.batch_n[3], 2);
    expect_ends(&core, "1:OK 2:OK 3:OK 4:OK 5:OK ");
    close_core(&core);
}

static void a_batch_is_of_one_cell_where_cells_cant_commit_together(void **state)
{
    static const int32_t cell_of[] = {1, 2, 1, 2, 0, 1};
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;

    settings.by_cell = true;
    open_core(&core, &settings);
    for (int i = 0; i < (int)COUNT_OF(cell_of); i++) {
        struct command *command = command_of(&core, FROM_FEED, i + 1);
        command->cell = cell_of[i];
        assert_int_equal(writer_post(core.writer, command), OK);
    }
    start(&core);
    wait_for(&core.ended, COUNT_OF(cell_of));
    writer_stop(core.writer);
    assert_int_equal(core.runs, 3);
    expect_ends(&core, "1:OK 3:OK 6:OK 2:OK 4:OK 5:OK ");
    close_core(&core);
}

static void a_failed_commit_is_told_to_clients_and_events_are_tried_again_in_order(void **state)
{
    UNUSED(state);
    struct fake_core core;
    int64_t since;

    open_core(&core, &usual);
    core.fail_runs = 3;
    core.fail_with = E_FULL;
    post(&core, FROM_FEED, 1);
    post(&core, FROM_CLIENT, 2);
    post(&core, FROM_EFFECT, 3);
    post(&core, FROM_FEED, 4);
    start(&core);
    wait_for(&core.ended, 4);
    expect_ends(&core, "2:E_FULL 1:OK 3:OK 4:OK ");
    writer_stop(core.writer);
    assert_int_equal(core.runs, 4);
    assert_true(writer_is_well(core.writer, &since));
    close_core(&core);
}

static void clients_learn_at_once_while_events_wait_and_the_first_success_ends_the_waiting(void **state)
{
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;
    int64_t since;

    settings.retry_ms = AN_HOUR_MS; /* the events' own turn would never come in this test */
    open_core(&core, &settings);
    core.fail_runs = 2;
    core.fail_with = E_UNAVAILABLE;
    post(&core, FROM_FEED, 1);
    start(&core);
    wait_for(&core.ran, 1);
    post(&core, FROM_CLIENT, 2);
    post(&core, FROM_FEED, 3);
    wait_for(&core.ended, 1);
    expect_ends(&core, "2:E_UNAVAILABLE ");
    wait_for(&core.ran, 1);
    assert_false(writer_is_well(core.writer, &since));
    post(&core, FROM_CLIENT, 4);
    wait_for(&core.ended, 3);
    expect_ends(&core, "2:E_UNAVAILABLE 4:OK 1:OK 3:OK ");
    close_core(&core);
}

static void a_batch_with_nothing_to_commit_does_not_show_that_commits_succeed(void **state)
{
    UNUSED(state);
    struct fake_core core;
    int64_t since;

    open_core(&core, &usual);
    core.fail_runs = 1;
    core.fail_with = E_FULL;
    core.fail_probes = 3;
    core.hold_probe = 4;
    post(&core, FROM_CLIENT,
         1); /* after it nothing waits: each retry is a batch of none, which the core would carry out */
    start(&core);
    wait_for(&core.probing, 1);
    assert_false(writer_is_well(core.writer, &since));
    pthread_mutex_lock(&core.lock);
    assert_int_equal(core.runs, 1);
    pthread_mutex_unlock(&core.lock);
    sem_post(&core.go_on);
    wait_for(&core.ran, 2);
    writer_stop(core.writer);
    assert_true(writer_is_well(core.writer, &since));
    assert_int_equal(core.probes, 4);
    expect_ends(&core, "1:E_FULL ");
    close_core(&core);
}

static void a_small_commit_that_finds_room_between_larger_ones_does_not_make_the_service_ready(void **state)
{
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;

    settings.unwell_ms = AN_HOUR_MS;
    open_core(&core, &settings);
    core.fail_runs = 1;
    core.fail_with = E_FULL;
    post(&core, FROM_CLIENT, 1);
    start(&core);
    wait_for(&core.ran, 2); /* a batch of none is committed */
    post(&core, FROM_CLIENT, 2);
    wait_for(&core.ended, 2);
    writer_stop(core.writer);
    expect_ends(&core, "1:E_FULL 2:OK ");
    assert_int_equal(writer_trouble(core.writer), OK);
    assert_int_equal(writer_trouble_lately(core.writer), E_FULL);
    close_core(&core);
}

static void a_server_that_is_back_is_well_at_once(void **state)
{
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;

    settings.unwell_ms = AN_HOUR_MS;
    open_core(&core, &settings);
    core.fail_runs = 1;
    core.fail_with = E_UNAVAILABLE;
    post(&core, FROM_CLIENT, 1);
    start(&core);
    wait_for(&core.ran, 2);
    writer_stop(core.writer);
    assert_int_equal(writer_trouble_lately(core.writer), OK);
    close_core(&core);
}

static void when_it_is_not_known_what_was_committed_clients_hear_that_and_nothing_is_done_any_more(void **state)
{
    UNUSED(state);
    struct fake_core core;
    int64_t since;

    open_core(&core, &usual);
    core.fail_runs = 1;
    core.fail_with = E_OUTCOME_UNKNOWN;
    post(&core, FROM_FEED, 1);
    post(&core, FROM_CLIENT, 2);
    start(&core);
    wait_for(&core.lost, 1);
    expect_ends(&core, "2:E_OUTCOME_UNKNOWN 1:E_CLOSING ");
    assert_false(writer_is_well(core.writer, &since));
    struct command *late = command_of(&core, FROM_CLIENT, 3);
    assert_int_equal(writer_post(core.writer, late), E_CLOSING);
    heap_free(late);
    post(&core, FROM_FEED, 4);
    writer_stop(core.writer);
    assert_int_equal(core.runs, 1);
    assert_int_equal(core.probes, 0);
    expect_ends(&core, "2:E_OUTCOME_UNKNOWN 1:E_CLOSING 4:E_CLOSING ");
    close_core(&core);
}

static void an_idle_writer_notices_that_the_server_of_its_store_is_away_and_that_it_is_back(void **state)
{
    UNUSED(state);
    struct fake_core core;
    int64_t since;

    open_core(&core, &usual);
    core.store.look = fake_look;
    core.hold_probe = 1;
    atomic_store(&core.fail_looks, 1);
    start(&core);
    wait_for(&core.probing, 1); /* the first try after the look */
    assert_false(writer_is_well(core.writer, &since));
    assert_int_equal(writer_trouble(core.writer), E_UNAVAILABLE);
    sem_post(&core.go_on);
    wait_for(&core.ran, 1);
    wait_for(&core.looked, 2); /* and looks again, since nothing else is to be done */
    assert_int_equal(writer_trouble(core.writer), OK);
    close_core(&core);
}

static void who_asks_for_the_store_hears_when_its_server_has_answered_and_not_before(void **state)
{
    UNUSED(state);
    struct fake_core core;

    open_core(&core, &usual);
    core.store.look = fake_look;
    core.hold_probe = 1;
    atomic_store(&core.fail_looks, 1);
    post(&core, FROM_FEED, 1);
    writer_ask_store(core.writer);
    start(&core);
    wait_for(&core.probing, 1);
    assert_int_equal(sem_trywait(&core.asked), -1); /* it was away */
    assert_int_equal(core.runs, 0);                 /* and was looked at before anything else was begun */
    sem_post(&core.go_on);
    wait_for(&core.asked, 1);
    writer_ask_store(core.writer); /* also of one that sleeps */
    wait_for(&core.asked, 1);
    close_core(&core);
}

static void after_an_unknown_outcome_a_server_is_waited_for_while_clients_are_refused(void **state)
{
    UNUSED(state);
    struct fake_core core;

    open_core(&core, &usual);
    core.store.look = fake_look;
    core.fail_runs = 1;
    core.fail_with = E_OUTCOME_UNKNOWN;
    atomic_store(&core.fail_looks, INT_MAX);
    post(&core, FROM_CLIENT, 1);
    start(&core);
    wait_for(&core.looked, 2);
    expect_ends(&core, "1:E_OUTCOME_UNKNOWN ");
    assert_int_equal(writer_trouble(core.writer), E_OUTCOME_UNKNOWN);
    struct command *late = command_of(&core, FROM_CLIENT, 2);
    assert_int_equal(writer_post(core.writer, late), E_UNAVAILABLE);
    heap_free(late);
    assert_int_equal(sem_trywait(&core.lost), -1);
    atomic_store(&core.fail_looks, 0);
    wait_for(&core.lost, 1);
    assert_int_equal(core.runs, 1);
    assert_int_equal(core.probes, 0);
    close_core(&core);
}

static void who_is_told_to_stop_does_not_wait_for_a_server(void **state)
{
    UNUSED(state);
    struct fake_core core;

    open_core(&core, &usual);
    core.store.look = fake_look;
    core.fail_runs = 1;
    core.fail_with = E_OUTCOME_UNKNOWN;
    atomic_store(&core.fail_looks, INT_MAX);
    post(&core, FROM_CLIENT, 1);
    start(&core);
    wait_for(&core.looked, 1);
    writer_stop(core.writer);
    expect_ends(&core, "1:E_OUTCOME_UNKNOWN ");
    close_core(&core);
}

static void a_store_that_is_gone_gets_no_more_changes_and_clients_learn_it_at_once(void **state)
{
    UNUSED(state);
    struct fake_core core;
    int64_t since;

    open_core(&core, &usual);
    start(&core);
    hold(&core, 1);
    post(&core, FROM_CLIENT, 2);
    post(&core, FROM_FEED, 3);
    writer_bar(core.writer, E_UNAVAILABLE);
    struct command *late = command_of(&core, FROM_CLIENT, 4);
    assert_int_equal(writer_post(core.writer, late), E_UNAVAILABLE);
    heap_free(late);
    let_go(&core);
    wait_for(&core.ended, 2);
    expect_ends(&core, "1:OK 2:E_UNAVAILABLE ");
    writer_stop(core.writer);
    assert_false(writer_is_well(core.writer, &since));
    assert_int_equal(core.runs, 1);
    expect_ends(&core, "1:OK 2:E_UNAVAILABLE 3:E_CLOSING ");
    close_core(&core);
}

static void too_many_waiting_clients_are_refused_but_never_an_event(void **state)
{
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;

    settings.queue = 2;
    open_core(&core, &settings);
    start(&core);
    hold(&core, 1);
    for (int id = 2; id <= 9; id++)
        post(&core, FROM_FEED, id);
    post(&core, FROM_CLIENT, 10);
    post(&core, FROM_CLIENT, 11);
    struct command *refused = command_of(&core, FROM_CLIENT, 12);
    assert_int_equal(writer_post(core.writer, refused), E_BUSY);
    let_go(&core);
    wait_for(&core.ended, 11);
    assert_int_equal(writer_post(core.writer, refused), OK); /* it was still ours */
    wait_for(&core.ended, 1);
    close_core(&core);
}

/* What a client waits for was let in once; that others came meanwhile is not its fault. */
static void a_clients_command_that_was_kept_goes_on_however_many_wait(void **state)
{
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;

    settings.queue = 1;
    open_core(&core, &settings);
    struct command *first = command_of(&core, FROM_CLIENT, 1);
    struct command *second = command_of(&core, FROM_CLIENT, 2);
    post(&core, FROM_CLIENT, 3); /* the queue is full */
    first->next = second;
    writer_post_again(core.writer, first, second, 2);
    start(&core);
    wait_for(&core.ended, 3);
    expect_ends(&core, "3:OK 1:OK 2:OK ");
    close_core(&core);
}

static void one_that_goes_on_after_the_writers_end_ends_too(void **state)
{
    UNUSED(state);
    struct fake_core core;

    open_core(&core, &usual);
    start(&core);
    writer_stop(core.writer);
    struct command *late = command_of(&core, FROM_CLIENT, 1);
    writer_post_again(core.writer, late, late, 1);
    expect_ends(&core, "1:E_CLOSING ");
    close_core(&core);
}

static void stopping_runs_what_is_queued_and_takes_no_more(void **state)
{
    UNUSED(state);
    struct fake_core core;

    open_core(&core, &usual);
    post(&core, FROM_CLIENT, 1);
    post(&core, FROM_FEED, 2);
    start(&core);
    writer_stop(core.writer);
    expect_ends(&core, "1:OK 2:OK ");
    struct command *late = command_of(&core, FROM_CLIENT, 3);
    assert_int_equal(writer_post(core.writer, late), E_CLOSING);
    fake_finish(late, E_CLOSING);
    post(&core, FROM_EFFECT, 4);
    expect_ends(&core, "1:OK 2:OK 3:E_CLOSING 4:E_CLOSING ");
    close_core(&core);
}

static void stopping_with_a_broken_store_ends_everything(void **state)
{
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;

    settings.retry_ms = AN_HOUR_MS;
    open_core(&core, &settings);
    core.fail_runs = INT32_MAX;
    core.fail_with = E_FULL;
    start(&core);
    post(&core, FROM_FEED, 1);
    post(&core, FROM_FEED, 2);
    wait_for(&core.ran, 1);
    writer_stop(core.writer);
    expect_ends(&core, "1:E_CLOSING 2:E_CLOSING ");
    close_core(&core);
}

static void one_that_was_never_started_ends_its_commands(void **state)
{
    UNUSED(state);
    struct fake_core core;

    open_core(&core, &usual);
    post(&core, FROM_CLIENT, 1);
    post(&core, FROM_FEED, 2);
    writer_stop(core.writer);
    expect_ends(&core, "1:E_CLOSING 2:E_CLOSING ");
    close_core(&core);
}

static void what_is_due_is_done_without_commands(void **state)
{
    UNUSED(state);
    struct fake_core core;
    int64_t due = clock_wall() + 20 * US_PER_MS;

    open_core(&core, &usual);
    atomic_store(&core.due, due);
    start(&core);
    wait_for(&core.ran, 1);
    writer_stop(core.writer);
    assert_int_equal(core.runs, 1);
    assert_int_equal(core.batch_n[0], 0);
    assert_true(core.now[0] >= due);
    close_core(&core);
}

static void the_time_that_is_told_never_goes_back(void **state)
{
    UNUSED(state);
    struct fake_core core;
    int64_t before = clock_wall();

    open_core(&core, &usual);
    start(&core);
    for (int id = 1; id <= 40; id++) {
        post(&core, FROM_CLIENT, id);
        wait_for(&core.ended, 1);
    }
    writer_stop(core.writer);
    assert_int_equal(core.runs, 40);
    for (int i = 0; i < 40; i++)
        assert_true(core.now[i] >= (i ? core.now[i - 1] : before));
    close_core(&core);
}

/* As if the wall clock had been 8 days ahead when it started, and had been put right since. */
static void a_step_of_the_wall_clock_moves_neither_the_time_that_decides_nor_what_is_due(void **state)
{
    UNUSED(state);
    struct fake_core core;
    const int64_t days = INT64_C(8) * 86400 * US_PER_S;
    const struct steady_clock own = {.wall = clock_wall() + days, .monotonic = clock_monotonic()};
    struct writer_settings settings = usual;

    settings.clock = &own;
    open_core(&core, &settings);
    atomic_store(&core.due, own.wall + 20 * US_PER_MS);
    start(&core);
    wait_for(&core.ran, 1);
    writer_stop(core.writer);
    assert_true(core.now[0] >= own.wall + 20 * US_PER_MS);
    assert_true(core.now[0] <= steady_clock_now(&own));
    assert_true(core.core.wall_ahead <= -days / 2);
    close_core(&core);
}

static void a_kept_command_is_the_cores_and_no_longer_counted(void **state)
{
    UNUSED(state);
    struct fake_core core;
    _Atomic int64_t waiting = 1;

    open_core(&core, &usual);
    core.keeps = true;
    struct command *kept = command_of(&core, FROM_FEED, 1);
    kept->waiting = &waiting;
    writer_post(core.writer, kept);
    start(&core);
    writer_stop(core.writer);
    expect_ends(&core, "");
    assert_int_equal(atomic_load(&waiting), 0);
    fake_finish(kept, OK);
    close_core(&core);
}

static void when_the_commit_fails_nothing_is_kept(void **state)
{
    UNUSED(state);
    struct fake_core core;

    open_core(&core, &usual);
    core.keeps = true;
    core.fail_runs = 1;
    core.fail_with = E_CONFLICT;
    post(&core, FROM_CLIENT, 1);
    start(&core);
    wait_for(&core.ended, 1);
    expect_ends(&core, "1:E_CONFLICT ");
    close_core(&core);
}

static void the_count_of_waiting_events_falls_when_they_are_over_and_not_when_they_fail(void **state)
{
    UNUSED(state);
    struct fake_core core;
    _Atomic int64_t waiting = 2;
    struct writer_settings settings = usual;

    settings.retry_ms = AN_HOUR_MS;
    open_core(&core, &settings);
    core.fail_runs = 1;
    core.fail_with = E_FULL;
    struct command *first = command_of(&core, FROM_FEED, 1);
    struct command *second = command_of(&core, FROM_FEED, 2);
    first->waiting = &waiting;
    second->waiting = &waiting;
    first->next = second;
    writer_post_list(core.writer, first, second, 2);
    start(&core);
    wait_for(&core.ran, 1);
    assert_int_equal(atomic_load(&waiting), 2);
    post(&core, FROM_CLIENT, 3);
    wait_for(&core.ended, 3);
    assert_int_equal(atomic_load(&waiting), 0);
    close_core(&core);
}

static void events_wait_for_company_until_the_batch_is_full(void **state)
{
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;

    settings.linger_us = 3600 * US_PER_S;
    settings.batch = 3;
    open_core(&core, &settings);
    start(&core);
    for (int id = 1; id <= 3; id++)
        post(&core, FROM_FEED, id);
    wait_for(&core.ended, 3);
    assert_int_equal(core.runs, 1);
    assert_int_equal(core.batch_n[0], 3);
    close_core(&core);
}

static void a_client_never_waits_for_company(void **state)
{
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;

    settings.linger_us = 3600 * US_PER_S;
    open_core(&core, &settings);
    start(&core);
    post(&core, FROM_FEED, 1);
    post(&core, FROM_CLIENT, 2);
    wait_for(&core.ended, 2);
    expect_ends(&core, "1:OK 2:OK ");
    close_core(&core);
}

static void an_effects_outcome_never_waits_for_company(void **state)
{
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;

    settings.linger_us = 3600 * US_PER_S;
    open_core(&core, &settings);
    start(&core);
    post(&core, FROM_FEED, 1);
    post(&core, FROM_EFFECT, 2);
    wait_for(&core.ended, 2);
    expect_ends(&core, "1:OK 2:OK ");
    post(&core, FROM_EFFECT, 3);
    wait_for(&core.ended, 1);
    close_core(&core);
}

static void an_event_that_has_waited_long_enough_is_run_alone(void **state)
{
    UNUSED(state);
    struct fake_core core;
    struct writer_settings settings = usual;

    settings.linger_us = 10 * US_PER_MS;
    open_core(&core, &settings);
    start(&core);
    post(&core, FROM_FEED, 1);
    wait_for(&core.ended, 1);
    assert_int_equal(core.batch_n[0], 1);
    close_core(&core);
}

/* Many threads post; each one's commands have to end in its order, none twice, none never. */
enum { POSTERS = 4, EACH = 5000 };

struct tally {
    struct core core;
    struct writer *writer;
    int last[POSTERS];
    int64_t ended;
    int64_t lost_events;
    int runs;
    _Atomic bool stopping;
    bool disorder;
};

struct tallied {
    struct command base;
    struct tally *tally;
    int poster, id;
};

static int tally_decide(struct core *self, struct command *const *commands, size_t n, int64_t now)
{
    UNUSED(commands);
    UNUSED(n);
    UNUSED(now);
    struct tally *tally = CONTAINER_OF(self, struct tally, core);

    /* Every seventh commit fails, but none while the writer is stopping (it would rightly give up). */
    return !atomic_load(&tally->stopping) && ++tally->runs % 7 == 0 ? E_BUSY : OK;
}

static int64_t tally_due(struct core *self)
{
    UNUSED(self);
    return TIME_NEVER;
}

static void tally_finish(struct command *command, int rc)
{
    struct tallied *self = CONTAINER_OF(command, struct tallied, base);

    self->tally->ended++;
    self->tally->lost_events += rc != OK && command->origin == FROM_FEED;
    self->tally->disorder |= self->id != self->tally->last[self->poster] + 1;
    self->tally->last[self->poster] = self->id;
    heap_free(self);
}

struct poster {
    struct tally *tally;
    int number;
};

static void *post_many(void *argument)
{
    const struct poster *poster = argument;

    for (int id = 1; id <= EACH; id++) {
        struct tallied *command = heap_alloc(sizeof(*command));
        *command = (struct tallied){
            .base = {.origin = poster->number % 2 ? FROM_CLIENT : FROM_FEED, .finish = tally_finish},
            .tally = poster->tally,
            .poster = poster->number,
            .id = id,
        };
        while (writer_post(poster->tally->writer, &command->base) == E_BUSY)
            sched_yield();
    }
    return NULL;
}

static void many_threads_may_post_and_each_keeps_its_order(void **state)
{
    UNUSED(state);
    static const struct writer_settings settings = {.batch = 256, .queue = 1000, .retry_ms = 0};
    struct tally tally = {.core = {.decide = tally_decide, .next_due = tally_due}};
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];

    tally.writer = writer_new(&settings, &tally.core);
    assert_int_equal(writer_start(tally.writer), OK);
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){&tally, i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&tally.stopping, true);
    writer_free(tally.writer);
    assert_int_equal(tally.ended, POSTERS * EACH);
    assert_false(tally.disorder);
    assert_int_equal(tally.lost_events, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_end_in_the_order_in_which_they_came),
        cmocka_unit_test(what_gathers_during_a_commit_is_the_next_batch),
        cmocka_unit_test(a_batch_is_never_larger_than_set),
        cmocka_unit_test(what_is_of_a_cell_that_is_not_here_ends_and_has_done_nothing),
        cmocka_unit_test(a_turn_comes_when_all_before_it_is_committed_and_nothing_behind_it_is),
        cmocka_unit_test(a_batch_is_of_one_cell_where_cells_cant_commit_together),
        cmocka_unit_test(a_failed_commit_is_told_to_clients_and_events_are_tried_again_in_order),
        cmocka_unit_test(clients_learn_at_once_while_events_wait_and_the_first_success_ends_the_waiting),
        cmocka_unit_test(too_many_waiting_clients_are_refused_but_never_an_event),
        cmocka_unit_test(a_clients_command_that_was_kept_goes_on_however_many_wait),
        cmocka_unit_test(one_that_goes_on_after_the_writers_end_ends_too),
        cmocka_unit_test(stopping_runs_what_is_queued_and_takes_no_more),
        cmocka_unit_test(stopping_with_a_broken_store_ends_everything),
        cmocka_unit_test(one_that_was_never_started_ends_its_commands),
        cmocka_unit_test(what_is_due_is_done_without_commands),
        cmocka_unit_test(the_time_that_is_told_never_goes_back),
        cmocka_unit_test(a_step_of_the_wall_clock_moves_neither_the_time_that_decides_nor_what_is_due),
        cmocka_unit_test(a_kept_command_is_the_cores_and_no_longer_counted),
        cmocka_unit_test(when_the_commit_fails_nothing_is_kept),
        cmocka_unit_test(a_batch_with_nothing_to_commit_does_not_show_that_commits_succeed),
        cmocka_unit_test(a_small_commit_that_finds_room_between_larger_ones_does_not_make_the_service_ready),
        cmocka_unit_test(a_server_that_is_back_is_well_at_once),
        cmocka_unit_test(when_it_is_not_known_what_was_committed_clients_hear_that_and_nothing_is_done_any_more),
        cmocka_unit_test(an_idle_writer_notices_that_the_server_of_its_store_is_away_and_that_it_is_back),
        cmocka_unit_test(who_asks_for_the_store_hears_when_its_server_has_answered_and_not_before),
        cmocka_unit_test(after_an_unknown_outcome_a_server_is_waited_for_while_clients_are_refused),
        cmocka_unit_test(who_is_told_to_stop_does_not_wait_for_a_server),
        cmocka_unit_test(a_store_that_is_gone_gets_no_more_changes_and_clients_learn_it_at_once),
        cmocka_unit_test(the_count_of_waiting_events_falls_when_they_are_over_and_not_when_they_fail),
        cmocka_unit_test(events_wait_for_company_until_the_batch_is_full),
        cmocka_unit_test(a_client_never_waits_for_company),
        cmocka_unit_test(an_effects_outcome_never_waits_for_company),
        cmocka_unit_test(an_event_that_has_waited_long_enough_is_run_alone),
        cmocka_unit_test(many_threads_may_post_and_each_keeps_its_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
