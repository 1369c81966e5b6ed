/* sim_order.c: the order service in the simulation. */
#include "alloc.h"
#include "errors.h"
#include "order_events.h"
#include "sim_call.h"
#include "sim_memory.h"
#include "sim_payment.h"
#include "sim_rules.h"
#include "sim_shop.h"

#include <stdio.h>

struct sim_order {
    struct sim_service service;
    struct order_app app;
    struct fake_order_repo *store;
    struct order_repo repo; /* around the store's */
    struct order_product_caller caller;
    struct order_payment_caller *payment; /* NULL: paid at the counter */
    struct order *undo;                   /* COMMIT_NOT_DURABLE: the store as it was before the last commit */
    struct fake_order_repo undo_rest;
};

/* A client's command. */
struct client_command {
    struct order_command command;
    struct sim_order *shop;
    struct sim_order_request *request;
    bool told; /* REPLY_BEFORE_COMMIT */
    char text[24];
};

static struct sim_order *of(const struct sim *sim)
{
    return CONTAINER_OF(sim->services[SIM_ORDER], struct sim_order, service);
}

const struct fake_order_repo *sim_orders(const struct sim *sim)
{
    return of(sim)->store;
}

/* ---- the repository ---- */

static struct sim_order *of_repo(struct order_repo *repo)
{
    return CONTAINER_OF(repo, struct sim_order, repo);
}

static int load(struct order_repo *repo, struct order_batch *batch)
{
    struct sim_order *self = of_repo(repo);

    if (!sim_port_call(&self->service))
        return E_UNAVAILABLE;
    int rc = sim_port_failure(&self->service, self->service.sim->shape.read_fails);
    return rc ? rc : self->store->port.load(&self->store->port, batch);
}

static void tell(struct client_command *client, int rc)
{
    struct sim_order_request *request = client->request;

    if (client->told)
        return;
    client->told = true;
    sim_request_answered(request->base.sim, &request->base);
    request->done(request, rc, rc ? NULL : &client->command);
}

static void finish(struct command *base, int rc)
{
    struct client_command *client = CONTAINER_OF(base, struct client_command, command.base);

    tell(client, client->shop->service.dying ? SIM_BROKEN : rc);
    heap_free(client);
}

static void reply_before_commit(struct sim_order *self)
{
    struct sim_service *service = &self->service;

    for (size_t i = 0; i < service->n_batch; i++) {
        struct order_command *command = CONTAINER_OF(service->batch[i], struct order_command, base);
        if (service->batch[i]->finish == finish && command->intent.kind == ORDER_PLACE)
            tell(CONTAINER_OF(command, struct client_command, command), OK);
    }
}

static void remember(struct sim_order *self)
{
    size_t size = self->store->n * sizeof(struct order);
    uint64_t left = sim_memory_pause(self->service.sim);

    heap_free(self->undo);
    self->undo = heap_alloc(size + 1);
    sim_memory_resume(left);
    ASSERT(self->undo);
    if (size)
        memcpy(self->undo, self->store->orders, size);
    self->undo_rest = *self->store;
}

static void forget_last_commit(struct sim_order *self)
{
    struct fake_outbox *outbox = &self->store->outbox;
    const struct fake_outbox *before = &self->undo_rest.outbox;

    if (!self->undo || !sim_chance(&self->service.sim->random, 500))
        return;
    self->store->n = self->undo_rest.n;
    if (self->store->n)
        memcpy(self->store->orders, self->undo, self->store->n * sizeof(struct order));
    outbox->n_frames = before->n_frames;
    outbox->n_batches = before->n_batches;
    outbox->last = before->last;
    outbox->cursors = before->cursors;
    outbox->n_records = before->n_records;
    self->service.committed = outbox->last;
}

static int commit(struct order_repo *repo, struct order_batch *batch)
{
    struct sim_order *self = of_repo(repo);
    struct sim *sim = self->service.sim;
    struct order_repo *store = &self->store->port;
    uint64_t count = batch->base.outbox->count;
    size_t commits = self->store->n_commits;
    bool happens;

    sim_plant_before_commit(&self->service, &batch->base);
    if (sim_has_plant(sim, PLANT_REPLY_BEFORE_COMMIT) && !self->service.dying)
        reply_before_commit(self);
    if (sim_has_plant(sim, PLANT_COMMIT_NOT_DURABLE))
        remember(self);
    int rc = sim_port_commit(&self->service, &happens);
    int done = happens ? store->commit(store, batch) : OK;
    batch->base.outbox->count = count;
    self->service.committed = self->store->outbox.last;
    if (self->store->n_commits != commits)
        sim_retention_tidy(&self->service, batch->base.now);
    return sim_port_committed(&self->service, rc, done);
}

static int restore(struct order_repo *repo, int64_t *last_id, uint64_t *last_position, struct cursors *cursors)
{
    struct sim_order *self = of_repo(repo);
    struct order_repo *store = &self->store->port;

    if (sim_has_plant(self->service.sim, PLANT_COMMIT_NOT_DURABLE))
        forget_last_commit(self);
    int rc = sim_port_failure(&self->service, self->service.sim->shape.read_fails);
    if (!rc)
        rc = store->restore(store, last_id, last_position, cursors);
    if (!rc && *last_id && sim_has_plant(self->service.sim, PLANT_IDS_REUSED))
        --*last_id;
    return rc;
}

/* ---- asking product ---- */

struct sim_cancel_call {
    struct sim_call base;
    struct order_command *command;
    int64_t order_id;
    bool confirmed, given_up;
    int64_t ticket_id;
};

struct sim_call *sim_cancel_call_base(struct sim_cancel_call *call)
{
    return &call->base;
}

int64_t sim_cancel_call_order(const struct sim_cancel_call *call)
{
    return call->order_id;
}

void sim_cancel_call_is(struct sim_cancel_call *call, bool confirmed, const struct ticket *ticket)
{
    call->confirmed = confirmed;
    call->ticket_id = ticket->id;
    call->given_up = ticket->given_up;
}

static void arrive(struct sim_call *base)
{
    sim_product_cancel_order(CONTAINER_OF(base, struct sim_cancel_call, base));
}

static void settle(struct sim_call *base, int error)
{
    struct sim_cancel_call *call = CONTAINER_OF(base, struct sim_cancel_call, base);
    struct order_command *command = call->command;

    if (error && sim_has_plant(base->from->sim, PLANT_CANCEL_TIMEOUT_IS_YES)) {
        call->confirmed = true;
        error = OK;
    }
    if (error && sim_has_plant(base->from->sim, PLANT_CANCEL_TIMEOUT_IS_NO)) {
        call->confirmed = false;
        error = OK;
    }
    command->unanswered = error && error != E_UNAVAILABLE ? E_OUTCOME_UNKNOWN : error;
    if (error && sim_has_plant(base->from->sim, PLANT_CANCEL_UNKNOWN_IS_UNCHANGED))
        command->unanswered = E_UNAVAILABLE;
    if (command->unanswered == E_UNAVAILABLE && base->done_there)
        sim_break(base->from->sim, "what isn't known is said to be unknown",
                  "order %lld is said to be unchanged, and its ticket is cancelled", (long long)call->order_id);
    if (!error)
        command->intent.kind = call->confirmed ? ORDER_CANCEL_CONFIRMED : ORDER_CANCEL_REFUSED;
    if (!error && call->confirmed) {
        command->intent.ticket_id = call->ticket_id;
        command->intent.given_up = call->given_up;
    }
    command->base.origin = FROM_EFFECT;
    sim_service_post(base->from, &command->base);
}

static void drop(struct sim_call *base)
{
    struct order_command *command = CONTAINER_OF(base, struct sim_cancel_call, base)->command;

    command->base.finish(&command->base, E_CLOSING);
}

static void cancel(struct order_product_caller *caller, struct order_command *command)
{
    static const struct sim_call_type type = {"hears of its cancel", arrive, settle, drop};
    struct sim_order *self = CONTAINER_OF(caller, struct sim_order, caller);
    struct sim *sim = self->service.sim;
    struct sim_cancel_call *call = SIM_NEW(sim, struct sim_cancel_call);

    call->base.type = &type;
    call->base.from = &self->service;
    call->base.to = sim->services[SIM_PRODUCT];
    call->command = command;
    call->order_id = command->order_id;
    if (!sim_port_call(&self->service)) {
        call->base.next = self->service.calls; /* to be dropped with the others */
        self->service.calls = &call->base;
    } else if (sim_has_plant(sim, PLANT_CANCEL_WITHOUT_ASKING)) {
        call->confirmed = true;
        settle(&call->base, OK);
    } else {
        sim_call_start(&call->base);
    }
}

/* ---- the process ---- */

static int open_app(struct sim_service *service)
{
    struct sim_order *self = CONTAINER_OF(service, struct sim_order, service);
    const struct cursors sources = {.source = {[ORDER_SOURCE_PRODUCT] = "product", [ORDER_SOURCE_PAYMENT] = "payment"},
                                    .n = self->payment ? 2 : 1};
    struct order_ports ports = {&self->repo, &self->caller, &service->sink, order_event_write, self->payment};

    if (sim_chance(&service->sim->random, 300))
        service->sim->price = sim_between(&service->sim->random, 0, 3);
    int rc = order_app_init(&self->app, &ports, CELL_ONLY, &sources);
    service->core = &self->app.core;
    service->cursors = &self->app.cursors;
    return rc;
}

static void close_app(struct sim_service *service)
{
    struct sim_order *self = CONTAINER_OF(service, struct sim_order, service);

    if (self->payment)
        sim_order_payment_end(self->payment);
    order_app_free(&self->app);
}

static void *copy_store(struct sim_service *service)
{
    return fake_order_repo_copy(CONTAINER_OF(service, struct sim_order, service)->store);
}

static void put_store_back(struct sim_service *service, const void *copy)
{
    fake_order_repo_put_back(CONTAINER_OF(service, struct sim_order, service)->store, copy);
}

static void drop_copy(void *copy)
{
    fake_order_repo_free(copy);
}

void sim_order_open(struct sim *sim)
{
    static const struct sim_service_type type = {.who = SIM_ORDER,
                                                 .open = open_app,
                                                 .copy = copy_store,
                                                 .put_back = put_store_back,
                                                 .drop_copy = drop_copy,
                                                 .close = close_app,
                                                 .decode = order_event_decode};
    struct sim_order *self = SIM_NEW(sim, struct sim_order);

    sim_service_init(&self->service, sim, &type);
    self->store = fake_order_repo_new();
    self->service.store = &self->store->outbox;
    self->repo = (struct order_repo){.load = load, .commit = commit, .restore = restore};
    self->caller.cancel = cancel;
    if (sim->shape.pays != SIM_AT_THE_COUNTER)
        self->payment = sim_order_payment_new(&self->service);
}

void sim_order_close(struct sim *sim)
{
    struct sim_order *self = of(sim);

    sim_service_free(&self->service);
    fake_order_repo_free(self->store);
    heap_free(self->undo);
}

/* ---- clients ---- */

static void render(struct order_command *command)
{
    struct client_command *client = CONTAINER_OF(command, struct client_command, command);

    int n = snprintf(client->text, sizeof(client->text), "%lld", (long long)command->order.id);
    command->client.answer = (struct answer){.status = command->verdict != ORDER_REFUSED            ? 201
                                                       : command->refusal == ORDER_REFUSAL_DECLINED ? 402
                                                                                                    : 409,
                                             .body = {client->text, (size_t)n}};
}

static struct order_intent intent_of(const struct sim *sim, const struct sim_order_request *request)
{
    struct order_intent intent = {.kind = request->kind,
                                  .product_name = request->item,
                                  .qty = request->qty,
                                  .amount = request->amount,
                                  .currency = STR("KRW"),
                                  .shown = request->shown};

    if (intent.kind == ORDER_PLACE && sim->shape.pays != SIM_AT_THE_COUNTER)
        intent.kind = ORDER_BUY;
    intent.may_be_known = request->key.n > 0 && !sim_has_plant(sim, PLANT_PURCHASE_NOT_LOOKED_FOR);
    if (intent.shown && sim_has_plant(sim, PLANT_AMOUNT_FROM_THE_CLIENT))
        intent.amount = intent.shown->amount;
    return intent;
}

/* As adapters/order_http.c does: while the store is well. */
static bool is_asked_for(struct sim_order *self, struct order_command *command)
{
    const struct sim_service *service = &self->service;

    return service->up && !service->epochs.barred && !service->failing && order_app_buy(&self->app, command);
}

void sim_order_ask(struct sim_order_request *request)
{
    struct sim *sim = request->base.sim;
    struct client_command *client = heap_alloc(sizeof(*client));

    ASSERT(client);
    request->was_there = fake_order_repo_find(sim_orders(sim), request->order_id) != NULL;
    if (request->kind == ORDER_CANCEL)
        sim_rules_cancel_is_asked(sim->rules->asked_orders, request->order_id, 1);
    client->shop = of(sim);
    client->request = request;
    client->command = (struct order_command){
        .base = {.finish = finish},
        .intent = intent_of(sim, request),
        .order_id = request->order_id,
        .correlation = STR("c"),
        .client.key = request->key,
        .client.fingerprint.members = request->fingerprint,
        .payment_method = request->method,
        .render = render,
    };
    if (is_asked_for(client->shop, &client->command) ||
        sim_service_submit(&client->shop->service, &client->command.base))
        return;
    tell(client, SIM_REFUSED_CONNECTION);
    heap_free(client);
}
