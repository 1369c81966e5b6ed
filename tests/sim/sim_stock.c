/* sim_stock.c: stock in the simulation. */
#include "alloc.h"
#include "errors.h"
#include "outbox_kv.h"
#include "sim_call.h"
#include "sim_memory.h"
#include "sim_shop.h"
#include "stock_events.h"
#include "stock_repo_kv.h"

struct sim_stock {
    struct sim_service service;
    struct stock_app app;
    struct fake_kv *kv;
    struct stock_repo *store; /* over the kv; as long as the process */
    struct stock_repo repo;   /* around the store */
    int64_t *loaded;          /* BATCH_NOT_SEEN: by row, what there was before the batch */
    struct str asked[512];    /* REDUCE_REPEATED: the reservations there were */
    size_t n_asked;
};

static struct sim_stock *of(const struct sim *sim)
{
    return CONTAINER_OF(sim->services[SIM_STOCK], struct sim_stock, service);
}

struct fake_kv *sim_stock_store(const struct sim *sim)
{
    return of(sim)->kv;
}

/* ---- the repository ---- */

static struct sim_stock *of_repo(struct stock_repo *repo)
{
    return CONTAINER_OF(repo, struct sim_stock, repo);
}

static int may_read(struct sim_stock *self)
{
    if (!sim_port_call(&self->service))
        return E_UNAVAILABLE;
    return sim_port_failure(&self->service, self->service.sim->shape.read_fails);
}

static void forget(const struct sim *sim, struct reservation *reservation)
{
    bool refused = reservation->state == RESERVATION_REFUSED && sim_has_plant(sim, PLANT_REFUSAL_NOT_KEPT);
    bool tombstone = reservation->state == RESERVATION_RELEASED && !reservation->deducted &&
                     sim_has_plant(sim, PLANT_LATE_REDUCE_TAKEN);

    if (refused || tombstone)
        *reservation = (struct reservation){.id = reservation->id};
    if (reservation->state == RESERVATION_RELEASED && reservation->deducted &&
        sim_has_plant(sim, PLANT_RELEASE_REPEATED))
        reservation->state = RESERVATION_REDUCED;
}

/* RESERVATION_MIXED_UP: whatever comes under the id is taken for what came under it first. */
static void mix_up(const struct sim_stock *self, const struct stock_batch *batch)
{
    for (size_t i = 0; i < self->service.n_batch; i++) {
        struct stock_command *command = CONTAINER_OF(self->service.batch[i], struct stock_command, base);
        for (size_t j = 0; j < command->n; j++) {
            struct stock_intent *intent = &command->steps[j].intent;
            const struct reservation *first = &batch->reservation_entries[command->steps[j].reservation].reservation;
            if (intent->kind == STOCK_REDUCE && intent->reservation_id.n && first->qty)
                intent->qty = first->qty;
        }
    }
}

static int find(struct stock_repo *repo, struct stock_batch *batch)
{
    struct sim_stock *self = of_repo(repo);

    int rc = may_read(self);
    if (!rc)
        rc = self->store->find(self->store, batch);
    for (size_t i = 0; !rc && i < batch->reservations.n; i++)
        forget(self->service.sim, &batch->reservation_entries[i].reservation);
    if (!rc && sim_has_plant(self->service.sim, PLANT_RESERVATION_MIXED_UP))
        mix_up(self, batch);
    return rc;
}

static int load(struct stock_repo *repo, struct stock_batch *batch)
{
    struct sim_stock *self = of_repo(repo);

    int rc = may_read(self);
    if (!rc)
        rc = self->store->load(self->store, batch);
    self->loaded = ARENA_ARRAY(batch->base.arena, int64_t, batch->n_loaded + 1);
    if (!rc && !self->loaded)
        rc = E_MEMORY;
    for (size_t i = 0; !rc && i < batch->n_loaded; i++)
        self->loaded[i] = batch->entries[i].stock.on_hand;
    return rc;
}

/* The last reduction of each row wins, as if it had not seen those before it. */
static void lose_updates(struct sim_stock *self, struct stock_batch *batch)
{
    for (size_t i = 0; i < self->service.n_batch; i++) {
        const struct stock_command *command = CONTAINER_OF(self->service.batch[i], struct stock_command, base);
        for (size_t j = 0; j < command->n; j++) {
            const struct stock_step *step = &command->steps[j];
            if (step->intent.kind != STOCK_REDUCE || step->verdict != STOCK_DECIDED || !step->yes)
                continue;
            for (size_t k = 0; k < batch->n_loaded; k++) {
                if (batch->entries[k].stock.id == step->stock.id)
                    batch->entries[k].stock.on_hand = self->loaded[k] - step->intent.qty;
            }
        }
    }
}

static int commit(struct stock_repo *repo, struct stock_batch *batch)
{
    struct sim_stock *self = of_repo(repo);
    const struct outbox *outbox = batch->base.outbox;
    bool happens;

    if (sim_has_plant(self->service.sim, PLANT_BATCH_NOT_SEEN))
        lose_updates(self, batch);
    if (sim_has_plant(self->service.sim, PLANT_KEYS_NOT_KEPT))
        memset(batch->base.record_is_new, 0, batch->base.keys.n);
    int rc = sim_port_commit(&self->service, &happens);
    int done = happens ? self->store->commit(self->store, batch) : OK;
    if (happens && !done && outbox->count)
        self->service.committed = outbox->first + outbox->count - 1;
    return sim_port_committed(&self->service, rc, done);
}

/* The oldest key's moment: "keyat/", 8 bytes, the key. */
static int take_moment(void *context, struct str key, struct str value)
{
    int64_t *moment = context;

    UNUSED(value);
    *moment = 0;
    for (size_t i = 6; i < 14 && i < key.n; i++)
        *moment = *moment * 256 + (unsigned char)key.p[i];
    return OK;
}

/* Nothing is broken any more: what is too old is gone now. */
static void check_tidied(struct sim_stock *self, int64_t now)
{
    struct kv *kv = fake_kv_port(self->kv);
    int64_t keep = self->service.settings.keep_keys, oldest = now;

    int rc = kv->scan(kv, STR("keyat/"), STR(""), 1, take_moment, &oldest);
    ASSERT(!rc);
    if (keep && oldest < now - keep)
        sim_break(self->service.sim, "time: what is too old is removed", "a key of stock's is kept after %lld us",
                  (long long)(now - oldest));
}

static bool tidy(struct stock_repo *repo, int64_t now)
{
    struct sim_stock *self = of_repo(repo);
    bool happens;

    if (!sim_port_call(&self->service) || (sim_port_unknown(&self->service, &happens) && !happens))
        return false;
    if (sim_has_plant(self->service.sim, PLANT_RETENTION_BY_WALL_CLOCK))
        now = self->service.sim->now + self->service.clock.off;
    bool more = self->store->tidy(self->store, now);
    if (self->service.sim->calm && !more)
        check_tidied(self, now);
    return more && !self->service.lost;
}

static int restore(struct stock_repo *repo, int64_t *last_id, uint64_t *last_position, int64_t *last_moment,
                   struct cursors *cursors)
{
    struct sim_stock *self = of_repo(repo);

    int rc = sim_port_failure(&self->service, self->service.sim->shape.read_fails);
    if (!rc)
        rc = self->store->restore(self->store, last_id, last_position, last_moment, cursors);
    if (sim_has_plant(self->service.sim, PLANT_RETENTION_BEGINS_ANEW))
        *last_moment = 0;
    return rc;
}

static void read_outbox(struct sim_service *service, uint64_t after, size_t enough, struct buf *frames,
                        uint64_t *oldest)
{
    int rc = outbox_kv_read(fake_kv_port(of(service->sim)->kv), after, enough, frames, oldest);
    ASSERT(!rc);
}

/* ---- the process ---- */

static void open_store(struct sim_stock *self)
{
    const struct sim_settings *set = &self->service.settings;
    struct stock_retention retention = {set->keep_reservations, set->keep_keys, set->keep_events, NULL};
    uint64_t left = sim_memory_pause(self->service.sim);

    stock_repo_kv_free(self->store);
    self->store = stock_repo_kv_new(fake_kv_port(self->kv), &retention);
    sim_memory_resume(left);
    ASSERT(self->store);
}

static int open_app(struct sim_service *service)
{
    struct sim_stock *self = CONTAINER_OF(service, struct sim_stock, service);
    struct stock_ports ports = {&self->repo, &service->sink, stock_event_write};
    struct stock_options options = {sim_items, SIM_ITEMS, SIM_OPENING};

    open_store(self);
    int rc = stock_app_init(&self->app, &ports, CELL_ONLY, &options, &(struct cursors){.n = 0});
    service->core = &self->app.core;
    return rc;
}

static void close_app(struct sim_service *service)
{
    stock_app_free(&CONTAINER_OF(service, struct sim_stock, service)->app);
}

static int begin_epoch(struct sim_service *service, uint64_t number, struct feed_history *history)
{
    feed_history_free(history);
    return outbox_kv_begin_epoch(fake_kv_port(CONTAINER_OF(service, struct sim_stock, service)->kv), number, history);
}

static void *copy_store(struct sim_service *service)
{
    return fake_kv_copy(CONTAINER_OF(service, struct sim_stock, service)->kv);
}

static void put_store_back(struct sim_service *service, const void *copy)
{
    fake_kv_put_back(CONTAINER_OF(service, struct sim_stock, service)->kv, copy);
}

static void drop_copy(void *copy)
{
    fake_kv_free(copy);
}

void sim_stock_open(struct sim *sim)
{
    static const struct sim_service_type type = {.who = SIM_STOCK,
                                                 .open = open_app,
                                                 .begin_epoch = begin_epoch,
                                                 .copy = copy_store,
                                                 .put_back = put_store_back,
                                                 .drop_copy = drop_copy,
                                                 .close = close_app,
                                                 .read_outbox = read_outbox};
    struct sim_stock *self = SIM_NEW(sim, struct sim_stock);

    sim_service_init(&self->service, sim, &type);
    self->kv = fake_kv_new();
    self->repo = (struct stock_repo){.find = find, .load = load, .commit = commit, .tidy = tidy, .restore = restore};
}

void sim_stock_close(struct sim *sim)
{
    struct sim_stock *self = of(sim);

    sim_service_free(&self->service);
    stock_repo_kv_free(self->store);
    fake_kv_free(self->kv);
}

/* ---- clients, product among them ---- */

struct client_command {
    struct stock_command command;
    struct sim_stock *shop;
    struct sim_stock_request *request; /* or: */
    struct sim_stock_call *call;
    struct stock_step steps[SIM_MOST_QUESTIONS];
    char text[3]; /* a client's answer: the verdict, its refusal, and whether it is yes */
};

/* A reservation's id is one attempt of one ticket. */
static int read_answers(struct client_command *client)
{
    size_t n;
    bool release;
    struct sim_question *questions = sim_stock_call_questions(client->call, &n, &release);

    for (size_t i = 0; i < n; i++) {
        questions[i].yes = client->steps[i].yes;
        if (client->steps[i].verdict == STOCK_REFUSED || client->steps[i].verdict == STOCK_BROKEN) {
            sim_break(client->shop->service.sim, "2: one reservation is one reduction", "stock can't make sense of %s",
                      questions[i].reservation);
            return E_TIMEOUT;
        }
    }
    return OK;
}

static void render(struct stock_command *command)
{
    struct client_command *client = CONTAINER_OF(command, struct client_command, command);

    client->text[0] = (char)('0' + client->steps[0].verdict);
    client->text[1] = (char)('0' + client->steps[0].refusal);
    client->text[2] = client->steps[0].yes ? 'y' : 'n';
    command->client.answer = (struct answer){.status = 200, .body = {client->text, sizeof(client->text)}};
}

static void read_kept_answer(struct client_command *client)
{
    const struct str kept = client->command.client.answer.body;

    sim_meet(client->shop->service.sim, MET_STOCK_KEY_REPLAYED);
    client->steps[0].verdict = (enum stock_verdict)(kept.p[0] - '0');
    client->steps[0].refusal = (enum stock_refusal)(kept.p[1] - '0');
    client->steps[0].yes = kept.p[2] == 'y';
}

static void finish(struct command *base, int rc)
{
    struct client_command *client = CONTAINER_OF(base, struct client_command, command.base);
    struct sim *sim = client->shop->service.sim;

    if (client->shop->service.dying)
        rc = SIM_BROKEN;
    if (!rc && client->command.client.replayed)
        read_kept_answer(client);
    if (client->call) {
        struct sim_call *call = sim_stock_call_base(client->call);
        if (!call->answered)
            sim_call_answer(call, rc ? E_UNAVAILABLE : read_answers(client));
    } else {
        sim_request_answered(sim, &client->request->base);
        client->request->done(client->request, rc, client->steps);
    }
    heap_free(client);
}

static struct client_command *new_command(struct sim *sim, size_t n)
{
    struct client_command *client = heap_alloc(sizeof(*client));

    ASSERT(client);
    client->shop = of(sim);
    client->command = (struct stock_command){.base = {.finish = finish}, .steps = client->steps, .n = n};
    return client;
}

/* REDUCE_REPEATED: a reservation that was asked for before is none. */
static struct str known_as(struct sim_stock *self, struct str reservation)
{
    if (!sim_has_plant(self->service.sim, PLANT_REDUCE_REPEATED))
        return reservation;
    for (size_t i = 0; i < self->n_asked; i++) {
        if (str_eq(self->asked[i], reservation))
            return (struct str){NULL, 0};
    }
    if (self->n_asked < COUNT_OF(self->asked))
        self->asked[self->n_asked++] = reservation;
    return reservation;
}

void sim_stock_answer_questions(struct sim_stock_call *call)
{
    struct sim *sim = sim_stock_call_base(call)->to->sim;
    size_t n;
    bool release;
    const struct sim_question *questions = sim_stock_call_questions(call, &n, &release);
    struct client_command *client = new_command(sim, n);

    client->call = call;
    for (size_t i = 0; i < n; i++) {
        struct stock_intent *intent = &client->steps[i].intent;
        intent->kind = release ? STOCK_GIVE_BACK : STOCK_REDUCE;
        intent->reservation_id = str_of(questions[i].reservation);
        if (release)
            continue;
        intent->product_name = questions[i].product_name;
        intent->qty = questions[i].qty;
        intent->reservation_id = known_as(client->shop, intent->reservation_id);
    }
    sim_service_submit(&client->shop->service, &client->command.base);
}

void sim_stock_ask(struct sim_stock_request *request)
{
    struct client_command *client = new_command(request->base.sim, 1);

    client->request = request;
    client->command.client.key = request->key;
    client->command.render = render;
    client->steps[0].intent = request->intent;
    if (sim_has_plant(request->base.sim, PLANT_EXPECTATION_IGNORED))
        client->steps[0].intent.expected.given = false;
    if (sim_service_submit(&client->shop->service, &client->command.base))
        return;
    sim_request_answered(request->base.sim, &request->base);
    heap_free(client);
    request->done(request, SIM_REFUSED_CONNECTION, NULL);
}
