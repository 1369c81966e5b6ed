/* sim_product.c: the kitchen in the simulation. */
#include "alloc.h"
#include "errors.h"
#include "product_events.h"
#include "sim_call.h"
#include "sim_rules.h"
#include "sim_shop.h"

#include <stdio.h>

struct sim_stock_call {
    struct sim_call base;
    bool release;
    size_t n;
    struct sim_question questions[SIM_MOST_QUESTIONS];
};

struct sim_product {
    struct sim_service service;
    struct product_app app;
    struct fake_product_repo *store;
    struct product_repo repo; /* around the store's */
    struct stock_caller caller;
    struct sim_stock_call *reduce, *release; /* being filled */
};

static struct sim_product *of(const struct sim *sim)
{
    return CONTAINER_OF(sim->services[SIM_PRODUCT], struct sim_product, service);
}

const struct fake_product_repo *sim_tickets(const struct sim *sim)
{
    return of(sim)->store;
}

/* ---- the repository ---- */

static struct sim_product *of_repo(struct product_repo *repo)
{
    return CONTAINER_OF(repo, struct sim_product, repo);
}

static int may_read(struct sim_product *self)
{
    if (!sim_port_call(&self->service))
        return E_UNAVAILABLE;
    return sim_port_failure(&self->service, self->service.sim->shape.read_fails);
}

static int find_by_orders(struct product_repo *repo, const int64_t *order_ids, size_t n, struct ticket *out,
                          struct arena *arena)
{
    struct sim_product *self = of_repo(repo);

    int rc = may_read(self);
    if (rc || sim_has_plant(self->service.sim, PLANT_ORDERED_TWICE))
        return rc;
    return self->store->port.find_by_orders(&self->store->port, order_ids, n, out, arena);
}

static int find_by_ids(struct product_repo *repo, const int64_t *ids, size_t n, struct ticket *out, struct arena *arena)
{
    struct sim_product *self = of_repo(repo);

    int rc = may_read(self);
    return rc ? rc : self->store->port.find_by_ids(&self->store->port, ids, n, out, arena);
}

static int find_waiting(struct product_repo *repo, struct str name, int64_t on_hand, size_t most, struct ticket **out,
                        size_t *n, struct arena *arena)
{
    struct sim_product *self = of_repo(repo);

    int rc = may_read(self);
    if (rc || sim_has_plant(self->service.sim, PLANT_GOODS_IGNORED))
        return rc;
    return self->store->port.find_waiting(&self->store->port, name, on_hand, most, out, n, arena);
}

static int find_waited_for(struct product_repo *repo, size_t most, struct str **items, size_t *n, struct arena *arena)
{
    struct sim_product *self = of_repo(repo);

    int rc = may_read(self);
    if (rc || sim_has_plant(self->service.sim, PLANT_GOODS_FORGOTTEN))
        return rc;
    return self->store->port.find_waited_for(&self->store->port, most, items, n, arena);
}

static int bring_back(struct product_repo *repo, const struct due_limits *limits)
{
    struct sim_product *self = of_repo(repo);

    int rc = may_read(self);
    bool happens;

    if (rc || sim_has_plant(self->service.sim, PLANT_DUE_NOT_BROUGHT_BACK))
        return rc;
    rc = sim_port_unknown(&self->service, &happens);
    int done = !rc || happens ? self->store->port.bring_back(&self->store->port, limits) : OK;
    return sim_port_committed(&self->service, rc, done);
}

/* From before the start. */
static bool is_forgotten(const struct sim_product *self, const struct ticket *ticket)
{
    const struct sim *sim = self->service.sim;
    bool forgets = (sim_has_plant(sim, PLANT_READY_FORGOTTEN) && ticket->state == TICKET_READY) ||
                   (sim_has_plant(sim, PLANT_GIVEN_UP_NEVER) && ticket->state == TICKET_OUT_OF_STOCK);

    return forgets && ticket->id <= self->app.last_old_id;
}

static int find_due(struct product_repo *repo, struct due_ticket after, int64_t now, size_t limit,
                    struct due_ticket *out, size_t *n)
{
    struct sim_product *self = of_repo(repo);
    size_t kept = 0;

    *n = 0;
    int rc = may_read(self);
    if (!rc)
        rc = self->store->port.find_due(&self->store->port, after, now, limit, out, n);
    for (size_t i = 0; !rc && i < *n; i++) {
        if (!is_forgotten(self, fake_product_repo_find(self->store, out[i].id)))
            out[kept++] = out[i];
    }
    *n = kept;
    return rc;
}

static int next_due(struct product_repo *repo, struct due_ticket after, int64_t *due_at)
{
    struct sim_product *self = of_repo(repo);

    int rc = may_read(self);
    if (!rc)
        rc = self->store->port.next_due(&self->store->port, after, due_at);
    for (size_t i = 0; !rc && i < self->store->n; i++) {
        if (is_forgotten(self, &self->store->tickets[i]) && *due_at <= sim_clock_now(&self->service))
            *due_at = INT64_MAX;
    }
    return rc;
}

static int find_keys(struct product_repo *repo, struct idempotency_record *records, size_t n, struct arena *arena)
{
    struct sim_product *self = of_repo(repo);

    int rc = may_read(self);
    return rc ? rc : self->store->port.find_keys(&self->store->port, records, n, arena);
}

/* GIVEN_UP_EARLY */
static void make_due(struct product_batch *batch)
{
    for (size_t i = 0; i < batch->tickets.n; i++) {
        struct ticket *ticket = &batch->entries[i].ticket;
        if (ticket->state == TICKET_OUT_OF_STOCK && ticket->due_at)
            ticket->due_at = batch->base.now + 1;
    }
}

static int commit(struct product_repo *repo, struct product_batch *batch)
{
    struct sim_product *self = of_repo(repo);
    struct product_repo *store = &self->store->port;
    uint64_t count = batch->base.outbox->count;
    size_t commits = self->store->n_commits;
    bool happens;

    sim_plant_before_commit(&self->service, &batch->base);
    sim_plant_others_time(&self->service, batch);
    if (sim_has_plant(self->service.sim, PLANT_GIVEN_UP_EARLY))
        make_due(batch);
    int rc = sim_port_commit(&self->service, &happens);
    int done = happens ? store->commit(store, batch) : OK;
    batch->base.outbox->count = count;
    self->service.committed = self->store->outbox.last;
    if (self->store->n_commits != commits)
        sim_retention_tidy(&self->service, batch->base.now);
    return sim_port_committed(&self->service, rc, done);
}

static int restore(struct product_repo *repo, int64_t *last_id, int64_t *last_order_id, uint64_t *last_position,
                   struct cursors *cursors)
{
    struct sim_product *self = of_repo(repo);
    struct product_repo *store = &self->store->port;

    int rc = sim_port_failure(&self->service, self->service.sim->shape.read_fails);
    return rc ? rc : store->restore(store, last_id, last_order_id, last_position, cursors);
}

/* ---- asking stock ---- */

struct answer_command {
    struct product_command command;
};

static void finish_answer(struct command *base, int rc)
{
    UNUSED(rc);
    heap_free(CONTAINER_OF(base, struct answer_command, command.base));
}

struct sim_call *sim_stock_call_base(struct sim_stock_call *call)
{
    return &call->base;
}

struct sim_question *sim_stock_call_questions(struct sim_stock_call *call, size_t *n, bool *release)
{
    *n = call->n;
    *release = call->release;
    return call->questions;
}

static void arrive(struct sim_call *base)
{
    sim_stock_answer_questions(CONTAINER_OF(base, struct sim_stock_call, base));
}

static enum ticket_command_kind kind_of_answer(const struct sim_stock_call *call, size_t i, int error)
{
    const struct sim *sim = call->base.from->sim;

    if (error && !call->release && sim_has_plant(sim, PLANT_REDUCE_TIMEOUT_IS_YES))
        return TICKET_REDUCED;
    if (error && !call->release && sim_has_plant(sim, PLANT_REDUCE_TIMEOUT_IS_NO))
        return TICKET_REFUSED;
    if (error)
        return TICKET_UNANSWERED;
    if (call->release)
        return TICKET_RELEASED;
    if (sim_has_plant(sim, PLANT_ANSWERS_SHIFTED))
        i = (i + 1) % call->n;
    return call->questions[i].yes ? TICKET_REDUCED : TICKET_REFUSED;
}

static void settle(struct sim_call *base, int error)
{
    struct sim_stock_call *call = CONTAINER_OF(base, struct sim_stock_call, base);

    for (size_t i = 0; i < call->n; i++) {
        struct answer_command *answer = heap_alloc(sizeof(*answer));
        ASSERT(answer);
        answer->command = (struct product_command){
            .base = {.origin = FROM_EFFECT, .finish = finish_answer},
            .intent = {.kind = kind_of_answer(call, i, error), .attempt = call->questions[i].attempt},
            .ticket_id = call->questions[i].ticket_id,
        };
        sim_service_post(base->from, &answer->command.base);
    }
}

static void drop(struct sim_call *base)
{
    UNUSED(base);
}

static void flush_one(struct sim_product *self, struct sim_stock_call **pending)
{
    struct sim_stock_call *call = *pending;

    *pending = NULL;
    if (!call || !sim_port_call(&self->service))
        return;
    if (call->release && sim_has_plant(self->service.sim, PLANT_RELEASE_FORGOTTEN))
        settle(&call->base, OK);
    else
        sim_call_start(&call->base);
}

static void ask(struct stock_caller *caller, const struct stock_question *question)
{
    static const struct sim_call_type reducing = {"hears of its reductions", arrive, settle, drop};
    static const struct sim_call_type releasing = {"hears of its releases", arrive, settle, drop};
    struct sim_product *self = CONTAINER_OF(caller, struct sim_product, caller);
    struct sim *sim = self->service.sim;
    struct sim_stock_call **pending = question->release ? &self->release : &self->reduce;

    if (!*pending) {
        *pending = SIM_NEW(sim, struct sim_stock_call);
        (*pending)->base.type = question->release ? &releasing : &reducing;
        (*pending)->base.from = &self->service;
        (*pending)->base.to = sim->services[SIM_STOCK];
        (*pending)->release = question->release;
    }
    struct sim_question *one = &(*pending)->questions[(*pending)->n++];
    int64_t attempt = sim_has_plant(sim, PLANT_ATTEMPT_IGNORED) ? 1 : question->attempt;
    struct str id = question->order_id
                        ? sim_text(sim, "o%lld.%lld", (long long)question->order_id, (long long)attempt)
                        : sim_text(sim, "t%lld.%lld", (long long)question->ticket_id, (long long)attempt);
    memcpy(one->reservation, id.p, id.n);
    one->ticket_id = question->ticket_id;
    one->attempt = question->attempt;
    one->qty = question->qty;
    one->product_name = sim_copy(sim, question->product_name);
    if ((*pending)->n == SIM_MOST_QUESTIONS)
        flush_one(self, pending);
}

static void flush(struct stock_caller *caller)
{
    struct sim_product *self = CONTAINER_OF(caller, struct sim_product, caller);

    flush_one(self, &self->release);
    flush_one(self, &self->reduce);
}

/* ---- the process ---- */

static int open_app(struct sim_service *service)
{
    static const struct cursors sources = {
        .source = {[PRODUCT_SOURCE_ORDER] = "order", [PRODUCT_SOURCE_STOCK] = "stock"}, .n = 2};
    struct sim_product *self = CONTAINER_OF(service, struct sim_product, service);
    const struct sim_settings *set =
        sim_has_plant(service->sim, PLANT_SETTINGS_IGNORED) ? &service->sim->shape.settings : &service->settings;
    struct product_ports ports = {&self->repo, &self->caller, &service->sink, product_event_write};
    struct product_settings_app settings = {.policy = {set->start_after, set->brew, set->give_up_after},
                                            .manual = set->manual,
                                            .most_asks = (size_t)set->most_asks,
                                            .most_taken_up = 2};

    self->reduce = self->release = NULL;
    int rc = product_app_init(&self->app, &ports, CELL_ONLY, &settings, &sources);
    service->core = &self->app.core;
    service->cursors = &self->app.cursors;
    return rc;
}

static void close_app(struct sim_service *service)
{
    product_app_free(&CONTAINER_OF(service, struct sim_product, service)->app);
}

static void *copy_store(struct sim_service *service)
{
    return fake_product_repo_copy(CONTAINER_OF(service, struct sim_product, service)->store);
}

static void put_store_back(struct sim_service *service, const void *copy)
{
    fake_product_repo_put_back(CONTAINER_OF(service, struct sim_product, service)->store, copy);
}

static void drop_copy(void *copy)
{
    fake_product_repo_free(copy);
}

void sim_product_open(struct sim *sim)
{
    static const struct sim_service_type type = {.who = SIM_PRODUCT,
                                                 .open = open_app,
                                                 .copy = copy_store,
                                                 .put_back = put_store_back,
                                                 .drop_copy = drop_copy,
                                                 .close = close_app,
                                                 .decode = product_event_decode};
    struct sim_product *self = SIM_NEW(sim, struct sim_product);

    sim_service_init(&self->service, sim, &type);
    self->store = fake_product_repo_new();
    self->store->lets_orders_have_twins = sim_has_plant(sim, PLANT_ORDERED_TWICE);
    self->service.store = &self->store->outbox;
    self->repo = (struct product_repo){.find_by_orders = find_by_orders,
                                       .find_by_ids = find_by_ids,
                                       .find_waiting = find_waiting,
                                       .find_waited_for = find_waited_for,
                                       .find_due = find_due,
                                       .next_due = next_due,
                                       .find_keys = find_keys,
                                       .commit = commit,
                                       .bring_back = bring_back,
                                       .restore = restore};
    self->caller = (struct stock_caller){.ask = ask, .flush = flush};
}

void sim_product_close(struct sim *sim)
{
    struct sim_product *self = of(sim);

    sim_service_free(&self->service);
    fake_product_repo_free(self->store);
}

/* ---- clients, order among them ---- */

struct client_command {
    struct product_command command;
    struct sim_product *shop;
    struct sim_product_request *request; /* or: */
    struct sim_cancel_call *call;
    bool rendered;
    char text[24];
};

static bool is_settled_without_render(const struct product_command *command)
{
    return command->unanswered || command->client.key_reused || command->client.key_in_progress ||
           command->client.replayed;
}

static void answer_call(struct client_command *client, int rc)
{
    struct sim_call *base = sim_cancel_call_base(client->call);

    bool done = client->command.verdict != TICKET_REFUSAL && client->command.verdict != TICKET_BROKEN;
    int failure = rc == SIM_BROKEN || rc == E_OUTCOME_UNKNOWN ? E_TIMEOUT : E_UNAVAILABLE;

    if (base->answered)
        return;
    base->done_there = done && !base->repeat.number && (rc == OK || client->shop->service.happened);
    if (rc == OK && client->command.verdict != TICKET_BROKEN)
        sim_cancel_call_is(client->call, client->command.verdict != TICKET_REFUSAL, &client->command.ticket);
    sim_call_answer(base, rc ? failure : client->command.verdict == TICKET_BROKEN ? E_TIMEOUT : OK);
}

static void finish(struct command *base, int rc)
{
    struct client_command *client = CONTAINER_OF(base, struct client_command, command.base);
    struct sim *sim = client->shop->service.sim;

    if (client->shop->service.dying)
        rc = SIM_BROKEN;
    if (rc == OK && !client->rendered && !is_settled_without_render(&client->command))
        sim_break(sim, "everybody gets one answer", "a client of product's is answered with nothing");
    if (client->call) {
        answer_call(client, rc);
    } else {
        sim_request_answered(sim, &client->request->base);
        client->request->done(client->request, rc, rc ? NULL : &client->command);
    }
    heap_free(client);
}

static void render(struct product_command *command)
{
    struct client_command *client = CONTAINER_OF(command, struct client_command, command);

    client->rendered = true;
    if (command->unanswered)
        return;
    int n = snprintf(client->text, sizeof(client->text), "%lld", (long long)command->ticket.id);
    command->client.answer = (struct answer){.status = 201, .body = {client->text, (size_t)n}};
}

static struct client_command *new_command(struct sim *sim)
{
    struct client_command *client = heap_alloc(sizeof(*client));

    ASSERT(client);
    client->shop = of(sim);
    client->command.base.finish = finish;
    client->command.render = render;
    return client;
}

void sim_product_cancel_order(struct sim_cancel_call *call)
{
    struct client_command *client = new_command(sim_cancel_call_base(call)->to->sim);

    client->call = call;
    client->command.intent =
        (struct ticket_intent){.kind = TICKET_CANCEL_ORDER, .order_id = sim_cancel_call_order(call)};
    sim_service_submit(&client->shop->service, &client->command.base);
}

void sim_product_ask(struct sim_product_request *request)
{
    struct client_command *client = new_command(request->base.sim);

    const struct ticket *ticket = fake_product_repo_find(of(request->base.sim)->store, request->ticket_id);
    request->was = ticket ? ticket->state : TICKET_NONE;
    if (request->intent.kind == TICKET_CANCEL)
        sim_rules_cancel_is_asked(request->base.sim->rules->asked_tickets, request->ticket_id, 1);
    client->request = request;
    client->command.intent = request->intent;
    client->command.ticket_id = request->ticket_id;
    client->command.client.key = request->key;
    client->command.client.fingerprint.members = request->fingerprint;
    if (sim_service_submit(&client->shop->service, &client->command.base))
        return;
    sim_request_answered(request->base.sim, &request->base);
    heap_free(client);
    request->done(request, SIM_REFUSED_CONNECTION, NULL);
}
