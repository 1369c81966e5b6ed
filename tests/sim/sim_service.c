#include "sim_service.h"

#include "alloc.h"
#include "errors.h"
#include "sim_call.h"
#include "sim_memory.h"
#include "sim_shop.h"

enum { RETRY_US = 250000 };

/* A moment at which the process wants to run; superseded by an earlier one or a crash. */
struct wake {
    struct sim_timer timer;
    struct sim_service *service;
    uint64_t life;
};

static void run_batch(struct sim_service *self);

static void wakes(struct sim_timer *timer)
{
    struct wake *wake = CONTAINER_OF(timer, struct wake, timer);
    struct sim_service *self = wake->service;

    if (!self->up || self->epochs.barred || wake->life != self->life || timer->at != self->wake_at)
        return;
    self->wake_at = INT64_MAX;
    run_batch(self);
}

static void wake_at(struct sim_service *self, int64_t at)
{
    if (at < self->sim->now)
        at = self->sim->now;
    if (!self->up || self->epochs.barred || at >= self->wake_at)
        return;
    struct wake *wake = SIM_NEW(self->sim, struct wake);
    *wake = (struct wake){.timer = {.fire = wakes}, .service = self, .life = self->life};
    self->wake_at = at;
    sim_set_timer(self->sim, &wake->timer, at);
}

static void wake_soon(struct sim_service *self)
{
    wake_at(self, self->sim->now + sim_between(&self->sim->random, 0, 3 * US_PER_MS));
}

/* ---- the queue ---- */

static void append(struct sim_service *self, struct command *command)
{
    command->next = NULL;
    if (self->first)
        self->last->next = command;
    else
        self->first = command;
    self->last = command;
    self->n_pending++;
}

static struct command *shift(struct sim_service *self)
{
    struct command *command = self->first;

    self->first = command->next;
    self->n_pending--;
    command->next = NULL;
    return command;
}

bool sim_service_submit(struct sim_service *self, struct command *command)
{
    if (!self->up || self->epochs.barred)
        return false;
    command->origin = FROM_CLIENT;
    append(self, command);
    wake_soon(self);
    return true;
}

void sim_service_post(struct sim_service *self, struct command *command)
{
    ASSERT(self->up && command->origin != FROM_CLIENT);
    if (self->epochs.barred) {
        self->dying = true;
        command->finish(command, E_CLOSING);
        self->dying = false;
        return;
    }
    append(self, command);
    wake_soon(self);
}

/* While commits fail, feeds and effects wait for the next try, and clients are tried by themselves. */
static void cut_batch(struct sim_service *self, bool clients_only)
{
    size_t n = self->n_pending;
    size_t most = (size_t)sim_between(&self->sim->random, 1, self->settings.most_batch);

    self->n_batch = 0;
    for (size_t i = 0; i < n; i++) {
        struct command *command = shift(self);
        if (self->n_batch < most && (!clients_only || command->origin == FROM_CLIENT)) {
            command->kept = false;
            self->batch[self->n_batch++] = command;
        } else {
            append(self, command);
        }
    }
}

static bool has_client(const struct sim_service *self)
{
    for (const struct command *command = self->first; command; command = command->next) {
        if (command->origin == FROM_CLIENT)
            return true;
    }
    return false;
}

/* ---- a batch ---- */

static void end_batch(struct sim_service *self)
{
    for (size_t i = 0; i < self->n_batch; i++) {
        struct command *command = self->batch[i];
        if (command->kept)
            continue;
        (void)sim_port_call(self);
        command->finish(command, self->dying ? E_CLOSING : OK);
    }
}

static void give_back(struct sim_service *self, int rc)
{
    struct command *others = self->first;
    bool lie = sim_has_plant(self->sim, PLANT_FAILURE_IS_SUCCESS);
    int told = sim_has_plant(self->sim, PLANT_UNKNOWN_IS_NO) && rc == E_OUTCOME_UNKNOWN ? E_UNAVAILABLE : rc;

    if (self->happened && told != E_OUTCOME_UNKNOWN && !self->dying)
        sim_break(self->sim, "what isn't known is said to be unknown", "%s says %s of a batch that is committed",
                  sim_who_name(self->who), error_name(told));

    self->first = NULL;
    self->n_pending = 0;
    for (size_t i = 0; i < self->n_batch; i++) {
        struct command *command = self->batch[i];
        command->kept = false;
        if (command->origin == FROM_CLIENT || self->dying)
            command->finish(command, lie ? OK : told);
        else
            append(self, command);
    }
    while (others) {
        struct command *next = others->next;
        append(self, others);
        others = next;
    }
}

static void go_on(struct sim_service *self)
{
    if (self->failing) {
        wake_at(self, has_client(self) ? self->sim->now + 2 * US_PER_MS : self->retry_at);
        wake_at(self, self->retry_at);
        return;
    }
    if (self->n_pending)
        wake_soon(self);
    wake_at(self, sim_clock_when(self, self->core->next_due(self->core)));
}

static void note_memory(struct sim_service *self, int rc)
{
    if (!sim_memory_is_back(self->sim))
        return;
    self->injected = true;
    sim_note(self->sim, self->who, "has no memory", rc, 0, 0);
    sim_meet(self->sim, rc ? MET_MEMORY_ENDED : MET_MEMORY_NOT_NEEDED);
}

static void run_batch(struct sim_service *self)
{
    struct sim *sim = self->sim;
    bool clients_only = self->failing && sim->now < self->retry_at;

    cut_batch(self, clients_only);
    self->injected = false;
    self->happened = false;
    self->published_early = false;
    sim_note(sim, self->who, "runs", (int64_t)self->n_batch, (int64_t)self->n_pending, self->fuse);
    sim_memory_may_fail(sim);
    self->core->wall_ahead = sim_clock_wall_ahead(self);
    int rc = core_run(self->core, self->batch, self->n_batch, sim_clock_now(self));
    note_memory(self, rc);
    if (rc) {
        sim_note(sim, self->who, "fails", rc, 0, 0);
        if (!self->dying && !self->injected && !self->lost)
            sim_break(sim, "6: orders are taken", "%s fails with %s though nothing was broken", sim_who_name(self->who),
                      error_name(rc));
        if (!self->failing || !clients_only)
            self->retry_at = sim->now + RETRY_US;
        self->failing = true;
        give_back(self, rc);
    } else {
        self->failing = false;
        self->runs_well = true;
        end_batch(self);
    }
    self->n_batch = 0;
    if (self->dying || rc == E_OUTCOME_UNKNOWN)
        sim_service_crash(self);
    else
        go_on(self);
}

/* ---- ports ---- */

bool sim_port_call(struct sim_service *self)
{
    if (!self->dying && self->fuse && --self->fuse == 0) {
        self->dying = true;
        sim_meet(self->sim, MET_DIED_IN_A_BATCH);
        sim_note(self->sim, self->who, "dies", 0, 0, 0);
    }
    return !self->dying;
}

int sim_port_failure(struct sim_service *self, int64_t per_mille)
{
    static const int errors[] = {E_UNAVAILABLE, E_FULL, E_CONFLICT, E_MEMORY};

    if (self->lost)
        return E_OUTCOME_UNKNOWN;
    if (!sim_fault(self->sim, per_mille))
        return OK;
    self->injected = true;
    sim_meet(self->sim, MET_STORE_FAILED);
    return errors[sim_between(&self->sim->random, 0, COUNT_OF(errors) - 1)];
}

int sim_port_unknown(struct sim_service *self, bool *happens)
{
    *happens = false;
    if (!self->lost && !sim_fault(self->sim, self->sim->shape.commit_unknown))
        return OK;
    *happens = !self->lost && sim_chance(&self->sim->random, 500);
    if (!self->lost)
        sim_meet(self->sim, *happens ? MET_UNKNOWN_IS_MADE : MET_UNKNOWN_IS_NOT_MADE);
    self->lost = true;
    self->injected = true;
    sim_note(self->sim, self->who, "commits, or not", *happens, 0, 0);
    return sim_plant_unknown(self, E_OUTCOME_UNKNOWN);
}

static int commit_outcome(struct sim_service *self, bool *happens)
{
    *happens = false;
    if (self->dying)
        return E_UNAVAILABLE;
    if (!sim_port_call(self)) {
        *happens = sim_chance(&self->sim->random, 500);
        if (*happens)
            sim_meet(self->sim, MET_DIED_BEHIND_A_COMMIT);
        return E_UNAVAILABLE;
    }
    int rc = sim_port_unknown(self, happens);
    if (rc || self->injected)
        return rc;
    rc = sim_port_failure(self, self->sim->shape.commit_fails);
    *happens = rc == OK;
    return rc;
}

int sim_port_commit(struct sim_service *self, bool *happens)
{
    int rc = commit_outcome(self, happens);

    self->happened = *happens;
    return rc;
}

int sim_port_committed(struct sim_service *self, int rc, int done)
{
    if (done)
        self->happened = false;
    return rc ? rc : done;
}

static void publish(struct event_sink *sink, struct outbox *outbox)
{
    struct sim_service *self = CONTAINER_OF(sink, struct sim_service, sink);

    if (!sim_port_call(self) || self->published_early)
        return;
    uint64_t left = sim_memory_pause(self->sim);
    sim_feed_publish(self, buf_str(&outbox->frames));
    sim_memory_resume(left);
}

/* ---- life ---- */

void sim_service_init(struct sim_service *self, struct sim *sim, const struct sim_service_type *type)
{
    *self = (struct sim_service){.sim = sim, .type = type, .who = type->who, .wake_at = INT64_MAX};
    self->sink.publish = publish;
    sim->services[type->who] = self;
}

struct restart {
    struct sim_timer timer;
    struct sim_service *service;
};

static void restarts(struct sim_timer *timer)
{
    const struct restart *restart = CONTAINER_OF(timer, struct restart, timer);

    if (!restart->service->up)
        sim_service_start(restart->service);
}

/* An operator may put a consumer back to where it has been: what it hears again it knows. */
static void move_cursors(struct sim_service *self)
{
    struct sim *sim = self->sim;

    for (size_t i = 0; self->store && i < self->store->cursors.n; i++) {
        uint64_t *position = &self->store->cursors.position[i];
        uint64_t gone = sim_feed_gone(self->followers[i].producer);
        if (sim_has_plant(sim, PLANT_CURSOR_TOO_NEW)) {
            uint64_t last = self->followers[i].producer->feed.n;
            *position = *position + 2 < last ? *position + 2 : *position > last ? *position : last;
        } else if (*position > gone && !sim->split && sim_fault(sim, sim->shape.cursor_back)) {
            *position -= (uint64_t)sim_between(&sim->random, 1, (int64_t)(*position - gone));
            sim_meet(sim, MET_CURSOR_PUT_BACK);
            sim_note(sim, self->who, "is put back", (int64_t)i, (int64_t)*position, 0);
        }
    }
}

static void come_back(struct sim_service *self)
{
    struct restart *restart = SIM_NEW(self->sim, struct restart);

    restart->timer.fire = restarts;
    restart->service = self;
    int64_t away =
        self->sim->calm || sim_chance(&self->sim->random, 700) ? 100 * US_PER_MS : self->sim->shape.away_most;
    sim_set_timer_within(self->sim, &restart->timer, US_PER_MS, away);
}

static void close_breakers(struct sim_service *self)
{
    static const struct breaker_settings hystrix = {
        .window_ms = 10000, .volume = 20, .error_percent = 50, .sleep_window_ms = 5000};

    for (size_t i = 0; i < COUNT_OF(self->breakers); i++)
        breaker_init(&self->breakers[i], &hystrix);
}

void sim_service_start(struct sim_service *self)
{
    ASSERT(!self->up);
    self->life++;
    self->fuse = 0;
    self->failing = false;
    self->lost = false;
    self->runs_well = false;
    self->wake_at = INT64_MAX;
    close_breakers(self);
    sim_clock_start(self);
    sim_settings_read(self);
    if (self->store)
        sim_retention_start(self);
    sim_memory_may_fail(self->sim);
    int rc = self->type->open(self);
    if (sim_memory_is_back(self->sim) && rc)
        sim_meet(self->sim, MET_MEMORY_ENDED_AT_START);
    sim_note(self->sim, self->who, "starts", (int64_t)self->life, rc, 0);
    if (rc) {
        self->dying = true;
        self->type->close(self);
        self->dying = false;
        come_back(self);
        return;
    }
    self->up = true;
    sim_epoch_begin(self);
    sim_feed_reload(self);
    sim_followers_restart(self);
    wake_at(self, sim_clock_when(self, self->core->next_due(self->core)));
}

static void drop_queue(struct sim_service *self)
{
    while (self->first) {
        struct command *command = shift(self);
        command->finish(command, E_CLOSING);
    }
}

void sim_service_bar(struct sim_service *self)
{
    self->epochs.barred = true;
    self->dying = true;
    drop_queue(self);
    self->dying = false;
}

static void drop_all(struct sim_service *self)
{
    self->dying = true;
    drop_queue(self);
    sim_calls_drop(self);
    self->type->close(self);
    self->dying = false;
    self->up = false;
}

void sim_service_crash(struct sim_service *self)
{
    sim_note(self->sim, self->who, "is dead", (int64_t)self->n_pending, 0, 0);
    drop_all(self);
    move_cursors(self);
    come_back(self);
}

void sim_service_end(struct sim_service *self)
{
    if (self->up)
        drop_all(self);
}

void sim_service_free(struct sim_service *self)
{
    sim_service_end(self);
    sim_feed_free(self);
}
