/* sim_payment.c: payment in the simulation: the real app, over a fake store that breaks, with the till or with a
 * provider outside. */
#include "sim_payment.h"

#include "errors.h"
#include "ledger_provider.h"
#include "payment_events.h"
#include "sim_provider.h"
#include "sim_rules.h"

struct sim_payment {
    struct sim_service service;
    struct payment_app app;
    struct fake_payment_repo *store;
    struct payment_repo repo; /* around the store's */
    struct ledger_provider till;
    struct sim_provider provider;
    struct order_feed orders;
    /* how far order has been heard, as adapters/payment_order_feed.c knows it */
    bool asking;
    int64_t asks_again_at, asked_at; /* own time */
    uint64_t epoch, position;
};

static struct sim_payment *of(const struct sim *sim)
{
    return CONTAINER_OF(sim->services[SIM_PAYMENT], struct sim_payment, service);
}

const struct fake_payment_repo *sim_payments(const struct sim *sim)
{
    return sim->services[SIM_PAYMENT] ? of(sim)->store : NULL;
}

const struct payment_waiting *sim_payment_waiting(const struct sim *sim)
{
    return sim->services[SIM_PAYMENT] && sim->services[SIM_PAYMENT]->up ? &of(sim)->app.waiting : NULL;
}

struct sim_provider *sim_provider(const struct sim *sim)
{
    return sim->shape.pays == SIM_BY_A_PROVIDER ? &of(sim)->provider : NULL;
}

/* ---- the repository ---- */

static struct sim_payment *of_repo(struct payment_repo *repo)
{
    return CONTAINER_OF(repo, struct sim_payment, repo);
}

static int may_read(struct sim_payment *self)
{
    if (!sim_port_call(&self->service))
        return E_UNAVAILABLE;
    return sim_port_failure(&self->service, self->service.sim->shape.read_fails);
}

static int find_by_keys(struct payment_repo *repo, const struct str *keys, size_t n, struct payment *out,
                        struct arena *arena)
{
    struct sim_payment *self = of_repo(repo);

    int rc = may_read(self);
    return rc ? rc : self->store->port.find_by_keys(&self->store->port, keys, n, out, arena);
}

static int find_by_ids(struct payment_repo *repo, const int64_t *ids, size_t n, struct payment *out,
                       struct arena *arena)
{
    struct sim_payment *self = of_repo(repo);

    int rc = may_read(self);
    if (!rc)
        rc = self->store->port.find_by_ids(&self->store->port, ids, n, out, arena);
    for (size_t i = 0; !rc && i < n && sim_has_plant(self->service.sim, PLANT_CAPTURE_AFTER_VOID); i++) {
        if (out[i].state == PAYMENT_RETURNING && out[i].order_id && !out[i].captured)
            out[i].state = PAYMENT_CAPTURING;
    }
    return rc;
}

static int find_due(struct payment_repo *repo, struct due_payment after, int64_t now, size_t limit,
                    struct due_payment *out, size_t *n)
{
    struct sim_payment *self = of_repo(repo);

    *n = 0;
    int rc = may_read(self);
    return rc ? rc : self->store->port.find_due(&self->store->port, after, now, limit, out, n);
}

static int next_due(struct payment_repo *repo, struct due_payment after, int64_t *due_at)
{
    struct sim_payment *self = of_repo(repo);

    int rc = may_read(self);
    return rc ? rc : self->store->port.next_due(&self->store->port, after, due_at);
}

static int has_letters(struct payment_repo *repo, bool *yes)
{
    struct sim_payment *self = of_repo(repo);

    int rc = may_read(self);
    if (!rc)
        rc = self->store->port.has_letters(&self->store->port, yes);
    if (sim_has_plant(self->service.sim, PLANT_VOIDED_BESIDE_LETTERS))
        *yes = false;
    return rc;
}

/* Bugs that lie in a commit. */
static void plant(struct sim_payment *self, struct payment_batch *batch)
{
    struct payment_provider *provider = &self->provider.port;
    size_t kept = 0;

    for (size_t i = 0; i < batch->ids.n && sim_has_plant(self->service.sim, PLANT_CHARGE_BEFORE_KEY); i++) {
        const struct payment *payment = &batch->entries[i].payment;
        if (batch->entries[i].is_new && payment->state == PAYMENT_PENDING)
            provider->ask(provider, &(struct provider_question){.operation = PROVIDER_AUTHORIZE,
                                                                .payment_id = payment->id,
                                                                .amount = payment->amount});
    }
    for (struct payment_command *command = self->app.waiting.first;
         command && sim_has_plant(self->service.sim, PLANT_DECIDED_HELD_BACK); command = command->next_waiting)
        command->wait_until += US_PER_S;
    for (size_t i = 0; i < batch->n_bookings && sim_has_plant(self->service.sim, PLANT_SUMMARY_WITHOUT_REFUND); i++) {
        if (batch->bookings[i].amount > 0)
            batch->bookings[kept++] = batch->bookings[i];
        if (i + 1 == batch->n_bookings)
            batch->n_bookings = kept;
    }
}

static int commit(struct payment_repo *repo, struct payment_batch *batch)
{
    struct sim_payment *self = of_repo(repo);
    struct payment_repo *store = &self->store->port;
    uint64_t count = batch->base.outbox->count;
    size_t commits = self->store->n_commits;
    bool happens;

    sim_plant_before_commit(&self->service, &batch->base);
    plant(self, batch);
    int rc = sim_port_commit(&self->service, &happens);
    int done = happens ? store->commit(store, batch) : OK;
    batch->base.outbox->count = count;
    self->service.committed = self->store->outbox.last;
    if (self->store->n_commits != commits)
        sim_retention_tidy(&self->service, batch->base.now);
    return sim_port_committed(&self->service, rc, done);
}

static int bring_back(struct payment_repo *repo, int64_t latest)
{
    struct sim_payment *self = of_repo(repo);
    bool happens;

    int rc = may_read(self);
    if (rc)
        return rc;
    rc = sim_port_unknown(&self->service, &happens);
    int done = !rc || happens ? self->store->port.bring_back(&self->store->port, latest) : OK;
    return sim_port_committed(&self->service, rc, done);
}

static int restore(struct payment_repo *repo, int64_t *last_id, uint64_t *last_position, struct cursors *cursors)
{
    struct sim_payment *self = of_repo(repo);
    struct payment_repo *store = &self->store->port;

    int rc = sim_port_failure(&self->service, self->service.sim->shape.read_fails);
    return rc ? rc : store->restore(store, last_id, last_position, cursors);
}

/* ---- how far order has been heard ---- */

struct newest_call {
    struct sim_call base;
    int64_t began; /* payment's own time */
    uint64_t epoch, position;
};

static void newest_arrives(struct sim_call *base)
{
    struct newest_call *call = CONTAINER_OF(base, struct newest_call, base);

    if (base->answered)
        return;
    call->epoch = feed_history_epoch(&base->to->epochs.history);
    call->position = base->to->committed;
    sim_call_answer(base, OK);
}

static void newest_settles(struct sim_call *base, int error)
{
    struct newest_call *call = CONTAINER_OF(base, struct newest_call, base);
    struct sim_payment *self = CONTAINER_OF(base->from, struct sim_payment, service);

    self->asking = false;
    if (error)
        return;
    self->asked_at = call->began;
    self->epoch = call->epoch;
    self->position = call->position;
}

static void newest_is_dropped(struct sim_call *base)
{
    UNUSED(base);
}

static void ask_newest(struct sim_payment *self, int64_t now)
{
    static const struct sim_call_type type = {"hears how far order is", newest_arrives, newest_settles,
                                              newest_is_dropped};
    struct newest_call *call = SIM_NEW(self->service.sim, struct newest_call);

    *call = (struct newest_call){
        .base = {.type = &type, .from = &self->service, .to = self->service.sim->services[SIM_ORDER]}, .began = now};
    self->asking = true;
    self->asks_again_at = now + US_PER_S;
    sim_call_start(&call->base);
}

static int64_t complete_at(struct order_feed *port, int32_t cell, uint64_t epoch, uint64_t position)
{
    struct sim_payment *self = CONTAINER_OF(port, struct sim_payment, orders);
    int64_t now = sim_clock_now(&self->service);
    int64_t complete = self->epoch == epoch && self->position <= position ? self->asked_at : INT64_MIN;

    UNUSED(cell);
    if (!sim_port_call(&self->service) || sim_has_plant(self->service.sim, PLANT_NEVER_VOIDED))
        return INT64_MIN;
    if (sim_has_plant(self->service.sim, PLANT_VOIDED_UNHEARD))
        return INT64_MAX;
    if (!self->asking && now >= self->asks_again_at)
        ask_newest(self, now);
    return complete;
}

/* ---- the process ---- */

/* REFUND_FORGOTTEN */
static void forget_refunds(struct sim_payment *self)
{
    for (size_t i = 0; i < self->store->n; i++) {
        if (self->store->payments[i].state == PAYMENT_RETURNING)
            self->store->payments[i].due_at = 0;
    }
}

static int open_app(struct sim_service *service)
{
    static const struct cursors sources = {.source = {"order"}, .n = 1};
    struct sim_payment *self = CONTAINER_OF(service, struct sim_payment, service);
    const struct sim_settings *set = &service->settings;
    bool by_till = service->sim->shape.pays == SIM_BY_THE_TILL;
    struct payment_ports ports = {&self->repo, by_till ? &self->till.port : &self->provider.port, &self->orders,
                                  &service->sink, payment_event_write};
    struct payment_policy policy = {.authorization_us = set->authorization,
                                    .retry_us = set->provider_retry,
                                    .retry_most_us = 4 * set->provider_retry};

    self->asking = false;
    self->asks_again_at = self->asked_at = INT64_MIN;
    if (sim_has_plant(service->sim, PLANT_REFUND_FORGOTTEN))
        forget_refunds(self);
    self->provider.port.patience_us = set->provider_patience;
    int rc = payment_app_init(&self->app, &ports, CELL_ONLY, &policy, &sources);
    service->core = &self->app.core;
    service->cursors = &self->app.cursors;
    return rc;
}

static void close_app(struct sim_service *service)
{
    struct sim_payment *self = CONTAINER_OF(service, struct sim_payment, service);

    payment_app_let_go(&self->app);
    payment_app_free(&self->app);
}

static void *copy_store(struct sim_service *service)
{
    return fake_payment_repo_copy(CONTAINER_OF(service, struct sim_payment, service)->store);
}

static void put_store_back(struct sim_service *service, const void *copy)
{
    fake_payment_repo_put_back(CONTAINER_OF(service, struct sim_payment, service)->store, copy);
}

static void drop_copy(void *copy)
{
    fake_payment_repo_free(copy);
}

void sim_payment_open(struct sim *sim)
{
    static const struct sim_service_type type = {.who = SIM_PAYMENT,
                                                 .open = open_app,
                                                 .copy = copy_store,
                                                 .put_back = put_store_back,
                                                 .drop_copy = drop_copy,
                                                 .close = close_app,
                                                 .decode = payment_event_decode};
    struct sim_payment *self = SIM_NEW(sim, struct sim_payment);

    sim_service_init(&self->service, sim, &type);
    self->store = fake_payment_repo_new();
    self->service.store = &self->store->outbox;
    self->repo = (struct payment_repo){.find_by_keys = find_by_keys,
                                       .find_by_ids = find_by_ids,
                                       .find_due = find_due,
                                       .next_due = next_due,
                                       .has_letters = has_letters,
                                       .commit = commit,
                                       .bring_back = bring_back,
                                       .restore = restore};
    self->orders.complete_at = complete_at;
    ledger_provider_init(&self->till, STR("KRW"), 0);
    sim_provider_open(&self->provider, &self->service);
}

void sim_payment_close(struct sim *sim)
{
    struct sim_payment *self = of(sim);

    sim_service_free(&self->service);
    sim_provider_close(&self->provider);
    fake_payment_repo_free(self->store);
}
