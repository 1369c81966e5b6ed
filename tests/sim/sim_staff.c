/* sim_staff.c: the counter, the stock keeper and the barista. */
#include "sim_customers.h"

#include "errors.h"
#include "sim_rules.h"
#include "sim_rules_story.h"
#include "sim_rules_time.h"
#include "sim_shelf.h"

/* ---- the counter ---- */

struct counter {
    struct sim_timer timer;
    struct sim *sim;
    struct str item, key;
    int64_t qty;
    int tries;
    int64_t ticket_id; /* acknowledged */
};

struct product_request {
    struct sim_product_request request;
    struct counter *counter; /* NULL: the barista's, or a cancel */
};

static void check_opened(struct counter *counter, int64_t id)
{
    struct sim *sim = counter->sim;
    const struct ticket *ticket = fake_product_repo_find(sim_tickets(sim), id);

    if (!ticket || ticket_is_hidden(ticket))
        sim_break(sim, "a ticket is durable before its 201", "ticket %lld is not stored", (long long)id);
    if (counter->ticket_id && counter->key.n && counter->ticket_id != id)
        sim_break(sim, "a key has one answer", "the counter got ticket %lld, and %lld", (long long)counter->ticket_id,
                  (long long)id);
    counter->ticket_id = id;
}

/* Who hears that there is no ticket has none. */
static void check_given_up(struct sim *sim, int64_t id)
{
    const struct ticket *ticket = fake_product_repo_find(sim_tickets(sim), id);

    if (ticket && !ticket_is_hidden(ticket))
        sim_break(sim, "what somebody is told is so", "ticket %lld was given up, and is %s", (long long)id,
                  ticket_state_name(ticket->state));
}

static void opened(struct sim_product_request *request, int rc, const struct product_command *command)
{
    struct counter *counter = CONTAINER_OF(request, struct product_request, request)->counter;
    struct sim *sim = counter->sim;
    int64_t id = 0;

    sim_note(sim, SIM_WORLD, "hears of the ticket", rc, command ? command->ticket.id : 0,
             command ? command->unanswered : 0);
    if (command && command->client.key_in_progress)
        sim_meet(sim, MET_KEY_IN_PROGRESS);
    if (command && command->unanswered == E_BUSY)
        sim_meet(sim, MET_NO_ROOM_TO_ASK);
    if (command && command->unanswered && command->ticket.id)
        check_given_up(sim, command->ticket.id);
    if (!command || command->unanswered || command->client.key_in_progress) {
        if (counter->key.n && ++counter->tries < 4)
            sim_set_timer_within(sim, &counter->timer, 0, 2 * US_PER_S);
        return;
    }
    if (command->client.key_reused)
        return;
    if (!command->client.replayed)
        id = command->ticket.id;
    else if (!str_to_i64(command->client.answer.body, &id))
        sim_break(sim, "a key has one answer", "the counter gets a strange one");
    check_opened(counter, id);
}

static void open_ticket(struct counter *counter)
{
    struct product_request *request = sim_request_new(counter->sim, sizeof(*request));

    request->counter = counter;
    request->request.intent =
        (struct ticket_intent){.kind = TICKET_OPEN, .product_name = counter->item, .qty = counter->qty, .reference = 1};
    request->request.key = counter->key;
    request->request.fingerprint = 1;
    request->request.done = opened;
    sim_note(counter->sim, SIM_WORLD, "asks at the counter", counter->qty, (int64_t)counter->key.n, 0);
    sim_product_ask(&request->request);
}

static void comes_to_counter(struct sim_timer *timer)
{
    struct counter *counter = CONTAINER_OF(timer, struct counter, timer);

    open_ticket(counter);
    if (counter->key.n && sim_chance(&counter->sim->random, 400))
        open_ticket(counter); /* an impatient client */
}

void sim_counter_comes(struct sim *sim)
{
    for (int64_t i = 0; i < sim->shape.n_counter; i++) {
        struct counter *counter = SIM_NEW(sim, struct counter);
        counter->sim = sim;
        counter->item = sim_items[sim_between(&sim->random, 0, SIM_ITEMS - 1)];
        counter->qty = sim_between(&sim->random, 1, sim->shape.drains ? 40 : 3);
        if (sim_chance(&sim->random, 500))
            counter->key = sim_text(sim, "POST /products %lld", (long long)i);
        counter->timer.fire = comes_to_counter;
        sim_set_timer_within(sim, &counter->timer, 0, sim->shape.busy_for);
    }
}

/* ---- the stock keeper ---- */

struct keeper {
    struct sim_timer timer;
    struct sim *sim;
    struct stock_intent intent;
    bool insists; /* until it is done */
};

struct keeper_request {
    struct sim_stock_request request;
    struct keeper *keeper;
};

static void kept(struct sim_stock_request *request, int rc, const struct stock_step *step)
{
    struct keeper *keeper = CONTAINER_OF(request, struct keeper_request, request)->keeper;

    bool refused = !rc && step->verdict == STOCK_REFUSED;

    sim_note(keeper->sim, SIM_WORLD, "hears of the goods", rc, refused, 0);
    if (!rc)
        sim_shelf_check_answer(keeper->sim, &request->intent, step);
    if ((rc || refused) && keeper->insists)
        sim_set_timer_within(keeper->sim, &keeper->timer, 0, US_PER_S);
}

static void keeps(struct sim_timer *timer)
{
    struct keeper *keeper = CONTAINER_OF(timer, struct keeper, timer);
    struct keeper_request *request = sim_request_new(keeper->sim, sizeof(*request));

    request->keeper = keeper;
    if (keeper->insists)
        keeper->intent.kind =
            keeper->sim->rules->stock.kept[sim_item_of(keeper->intent.product_name)] ? STOCK_RECEIVE : STOCK_ADD;
    request->request.intent = keeper->intent;
    request->request.done = kept;
    sim_note(keeper->sim, SIM_WORLD, "keeps stock", (int64_t)keeper->intent.kind, keeper->intent.qty, 0);
    sim_stock_ask(&request->request);
}

static struct keeper *new_keeper(struct sim *sim)
{
    struct keeper *keeper = SIM_NEW(sim, struct keeper);

    keeper->sim = sim;
    keeper->timer.fire = keeps;
    return keeper;
}

void sim_keeper_comes(struct sim *sim)
{
    for (int64_t i = 0; i < sim->shape.n_keeper; i++) {
        struct keeper *keeper = new_keeper(sim);
        int64_t item = sim_between(&sim->random, 0, SIM_ITEMS - 1);
        if (sim_chance(&sim->random, 700))
            keeper->intent = (struct stock_intent){
                .kind = STOCK_RECEIVE, .product_name = sim_items[item], .qty = sim_between(&sim->random, 1, 80)};
        else
            keeper->intent =
                (struct stock_intent){.kind = STOCK_CORRECT, .id = item + 1, .qty = sim_between(&sim->random, 0, 60)};
        sim_set_timer_within(sim, &keeper->timer, US_PER_S, sim->shape.busy_for);
    }
}

/* What is still to be made of the item, and isn't there. */
static int64_t missing(const struct sim *sim, size_t item)
{
    const struct fake_product_repo *tickets = sim_tickets(sim);
    int64_t qty = -sim->rules->stock.on_hand[item];

    for (size_t i = 0; i < tickets->n; i++) {
        const struct ticket *ticket = &tickets->tickets[i];
        bool needs = ticket->state == TICKET_READY || ticket->state == TICKET_OUT_OF_STOCK;
        if (needs && str_eq(ticket->product_name, sim_items[item]))
            qty += ticket->qty;
    }
    return qty;
}

/* Just as much as is needed: more would hide what was lost. */
void sim_keeper_fills_up(struct sim *sim)
{
    for (size_t i = 0; i < SIM_ITEMS; i++) {
        int64_t qty = missing(sim, i);
        if (qty <= 0)
            continue;
        struct keeper *keeper = new_keeper(sim);
        keeper->insists = true;
        keeper->intent = (struct stock_intent){.kind = STOCK_RECEIVE, .product_name = sim_items[i], .qty = qty};
        sim_set_timer_within(sim, &keeper->timer, 0, US_PER_S);
    }
}

/* ---- the barista, and whoever cancels tickets ---- */

struct barista {
    struct sim_timer timer;
    struct sim *sim;
    size_t next; /* ticket */
};

static void handled(struct sim_product_request *request, int rc, const struct product_command *command)
{
    struct sim *sim = request->base.sim;

    sim_note(sim, SIM_WORLD, "hears of the ticket", request->ticket_id, rc, command ? (int64_t)command->verdict : -1);
    if (command)
        sim_rules_check_ticket_answer(request, command);
}

static void handle(struct sim *sim, int64_t ticket_id, enum ticket_command_kind kind)
{
    struct product_request *request = sim_request_new(sim, sizeof(*request));

    request->request.intent.kind = kind;
    request->request.ticket_id = ticket_id;
    request->request.done = handled;
    sim_note(sim, SIM_WORLD, ticket_command_name(kind), ticket_id, 0, 0);
    sim_product_ask(&request->request);
}

static void works(struct sim_timer *timer)
{
    struct barista *barista = CONTAINER_OF(timer, struct barista, timer);
    struct sim *sim = barista->sim;
    const struct fake_product_repo *tickets = sim_tickets(sim);
    int64_t pause = sim->shape.busy_for / (2 * sim->shape.n_customers + 4);
    size_t n = sim_kitchen(sim)->manual ? tickets->n : 0; /* otherwise the kitchen needs nobody */

    for (size_t i = 0; i < n; i++) {
        const struct ticket *ticket = &tickets->tickets[barista->next++ % tickets->n];
        if (ticket->state != TICKET_READY && ticket->state != TICKET_PRODUCING)
            continue;
        if (ticket->state == TICKET_READY)
            sim_rules_note_hand(sim, ticket->id);
        handle(sim, ticket->id, ticket->state == TICKET_READY ? TICKET_START : TICKET_FINISH);
        if (sim_fault(sim, 200))
            handle(sim, ticket->id, sim_chance(&sim->random, 700) ? TICKET_START : TICKET_CANCEL);
        break;
    }
    sim_set_timer_within(sim, &barista->timer, US_PER_MS, sim->calm ? 300 * US_PER_MS : pause);
}

void sim_barista_comes(struct sim *sim)
{
    struct barista *barista = SIM_NEW(sim, struct barista);

    barista->sim = sim;
    barista->timer.fire = works;
    sim_set_timer_within(sim, &barista->timer, 0, US_PER_S);
}

/* ---- goods that come for one who then goes, while the kitchen dies ---- */

enum { MOST_POLLS = 500 };

struct rush {
    struct sim_timer timer;
    struct sim *sim;
    int64_t ticket_id; /* that goods were brought for; 0: not yet */
    int polls;
};

static const struct ticket *first_out_of_stock(const struct sim *sim)
{
    const struct fake_product_repo *tickets = sim_tickets(sim);

    for (size_t i = 0; i < tickets->n; i++) {
        if (tickets->tickets[i].state == TICKET_OUT_OF_STOCK)
            return &tickets->tickets[i];
    }
    return NULL;
}

static void bring_goods_for(struct rush *rush, const struct ticket *ticket)
{
    struct keeper *keeper = new_keeper(rush->sim);

    rush->ticket_id = ticket->id;
    keeper->intent =
        (struct stock_intent){.kind = STOCK_RECEIVE, .product_name = ticket->product_name, .qty = ticket->qty};
    for (size_t item = 0; item < SIM_ITEMS; item++) {
        if (str_eq(sim_items[item], ticket->product_name))
            keeper->intent.product_name = sim_items[item];
    }
    sim_set_timer_within(rush->sim, &keeper->timer, 0, US_PER_MS);
}

static void rushes(struct sim_timer *timer)
{
    struct rush *rush = CONTAINER_OF(timer, struct rush, timer);
    struct sim *sim = rush->sim;
    struct sim_service *product = sim->services[SIM_PRODUCT];
    const struct ticket *ticket =
        rush->ticket_id ? fake_product_repo_find(sim_tickets(sim), rush->ticket_id) : first_out_of_stock(sim);

    if (ticket && !rush->ticket_id) {
        bring_goods_for(rush, ticket);
    } else if (ticket && ticket->state == TICKET_READY) {
        handle(sim, ticket->id, TICKET_CANCEL);
        if (product->up && sim->shape.crash_every && !sim->calm)
            product->fuse = sim_between(&sim->random, 1, 12);
        sim_meet(sim, MET_GONE_WHEN_GOODS_CAME);
        return;
    }
    if (++rush->polls < MOST_POLLS && !sim->calm)
        sim_set_timer_within(sim, &rush->timer, 0, (rush->ticket_id ? 4 : 200) * US_PER_MS);
}

void sim_rushes_come(struct sim *sim)
{
    for (int64_t i = sim->shape.drains ? sim_between(&sim->random, 0, 4) : 0; i > 0; i--) {
        struct rush *rush = SIM_NEW(sim, struct rush);
        rush->sim = sim;
        rush->timer.fire = rushes;
        sim_set_timer_within(sim, &rush->timer, sim->shape.busy_for / 2, sim->shape.busy_for);
    }
}
