/* sim_strangers.c: those who know the gateway's paths: they reserve and release under ids of their own, which look like
 * the kitchen's or like nothing at all, and cancel whatever they can name. */
#include "sim_customers.h"

#include "errors.h"
#include "sim_rules.h"
#include "sim_rules_story.h"
#include "stock_events.h"

enum { MOST_ACTS = 6, FAR = 6 /* beyond the orders that there will be */ };

struct stranger {
    struct sim_timer timer;
    struct sim *sim;
    struct str given; /* the id */
    struct str item;
    int64_t qty;
    int64_t acts; /* to go */
};

struct stock_request {
    struct sim_stock_request request;
    struct stranger *stranger;
};

/* ---- reservations ---- */

static struct str long_text(struct sim *sim, size_t n)
{
    char *text = sim_alloc(sim, n);

    memset(text, 'x', n);
    return (struct str){text, n};
}

static struct str some_id(struct sim *sim, int64_t number)
{
    struct sim_random *random = &sim->random;
    const struct str hostile[] = {STR("o1.1\n"), STR("\xec\xbb\xa4\xed\x94\xbc.1"), STR("o 1.1"), STR("o1.1\x7f")};
    const int64_t whose = sim_between(random, 1, sim->shape.n_customers + FAR), attempt = sim_between(random, 1, 2);

    switch (sim_between(random, 0, 6)) {
    case 0:
    case 1:
        return sim_text(sim, "o%lld.%lld", (long long)whose, (long long)attempt);
    case 2:
        return sim_text(sim, "t%lld.%lld", (long long)whose, (long long)attempt);
    case 3:
        return sim_text(sim, "client:o%lld.%lld", (long long)whose, (long long)attempt);
    case 4:
        return hostile[sim_between(random, 0, COUNT_OF(hostile) - 1)];
    case 5:
        return long_text(sim, (size_t)sim_between(random, RESERVATION_ID_MAX - 1, INT64_C(2) * RESERVATION_ID_MAX));
    default:
        return sim_text(sim, "mine-%lld", (long long)number / 2); /* two share it */
    }
}

/* What a client hears is so. */
static void check_answer(struct sim *sim, const struct stock_intent *intent, const struct stock_step *step)
{
    const struct sim_client_reservation *kept = sim_rules_client(sim, intent->reservation_id);
    bool reduces = intent->kind == STOCK_REDUCE;
    const struct reservation none = {0}, *is = kept ? &kept->last : &none;
    bool same = is->qty == intent->qty && str_eq(is->product_name, intent->product_name);
    bool fine;

    if (step->verdict == STOCK_REFUSED || step->verdict == STOCK_BROKEN)
        fine = reduces && step->verdict == STOCK_REFUSED && is->qty && !same;
    else if (reduces && step->yes)
        fine = is->deducted && same;
    else if (reduces)
        fine = is->state == RESERVATION_REFUSED ? same : is->state == RESERVATION_RELEASED;
    else
        fine = is->state == RESERVATION_RELEASED && is->deducted == step->yes;
    if (!fine)
        sim_break(sim, "2: one reservation is one reduction", "a client hears %d, %d of %.*s, which is %s of %lld",
                  (int)step->verdict, step->yes, STR_ARG(intent->reservation_id), reservation_state_name(is->state),
                  (long long)is->qty);
}

static void meet_answer(struct sim *sim, const struct stock_intent *intent, const struct stock_step *step)
{
    const struct str given = stock_reservation_given(intent->reservation_id);
    const struct sim_client_reservation *kept = sim_rules_client(sim, intent->reservation_id);

    if (step->yes)
        sim_meet(sim, intent->kind == STOCK_REDUCE ? MET_CLIENT_GETS_GOODS : MET_CLIENT_GIVES_BACK);
    else if (step->verdict == STOCK_REFUSED)
        sim_meet(sim, MET_CLIENT_OF_ANOTHER);
    else if (intent->kind == STOCK_REDUCE && kept && kept->last.state == RESERVATION_RELEASED)
        sim_meet(sim, MET_CLIENT_TOO_LATE);
    const struct ticket *ticket = fake_product_repo_find_order(sim_tickets(sim), stock_reservation_order(given));
    if (ticket && (ticket->state == TICKET_PRODUCING || ticket->state == TICKET_COMPLETED))
        sim_meet(sim, MET_NAMED_LIKE_THE_KITCHENS);
}

static void heard(struct sim_stock_request *request, int rc, const struct stock_step *step)
{
    struct sim *sim = request->base.sim;

    sim_note(sim, SIM_WORLD, "a stranger hears of goods", rc, rc ? -1 : (int64_t)step->verdict, rc ? 0 : step->yes);
    if (rc || request->intent.reservation_id.n == 0)
        return;
    sim_rules_look_at_stock(sim);
    check_answer(sim, &request->intent, step);
    meet_answer(sim, &request->intent, step);
}

/* As the door names it (ADR 37); false: it is sent away. */
static bool name(struct sim *sim, struct str given, struct str *id)
{
    *id = given;
    if (!stock_reservation_is_id(given)) {
        sim_meet(sim, MET_NO_ID);
        if (!sim_has_plant(sim, PLANT_ANY_ID_TAKEN))
            return false;
    }
    bool looks_like_the_kitchens = stock_reservation_order(given) || stock_reservation_ticket(given);
    if (!looks_like_the_kitchens || !sim_has_plant(sim, PLANT_CLIENT_IS_THE_KITCHEN))
        *id = stock_reservation_of_client(&sim->arena, given);
    return true;
}

static void reserves_or_releases(struct stranger *stranger)
{
    struct sim *sim = stranger->sim;
    struct stock_intent intent = {.kind = STOCK_GIVE_BACK};

    if (sim_chance(&sim->random, 600))
        intent = (struct stock_intent){.kind = STOCK_REDUCE, .product_name = stranger->item, .qty = stranger->qty};
    if (intent.kind == STOCK_REDUCE && sim_chance(&sim->random, 200))
        intent.qty++;
    bool for_nobody = intent.kind == STOCK_REDUCE && sim_chance(&sim->random, 100);
    if (!for_nobody && !name(sim, stranger->given, &intent.reservation_id))
        return;
    struct stock_request *request = sim_request_new(sim, sizeof(*request));
    request->stranger = stranger;
    request->request.intent = intent;
    request->request.done = heard;
    sim_note(sim, SIM_WORLD, "a stranger asks for goods", (int64_t)intent.kind, intent.qty,
             (int64_t)str_hash(intent.reservation_id));
    sim_stock_ask(&request->request);
}

/* ---- cancels ---- */

static void order_canceled(struct sim_order_request *request, int rc, const struct order_command *command)
{
    struct sim *sim = request->base.sim;

    sim_note(sim, SIM_WORLD, "a stranger hears", request->order_id, rc, command ? (int64_t)command->verdict : -1);
    if (command)
        sim_rules_check_order_answer(request, command);
    if (!command || command->verdict != ORDER_REFUSED || command->refusal != ORDER_REFUSAL_NO_SUCH_ORDER)
        return;
    sim_meet(sim, MET_CANCEL_OF_NOTHING);
    sim_rules_cancel_is_asked(sim->rules->asked_orders, request->order_id, -1);
}

static void ticket_canceled(struct sim_product_request *request, int rc, const struct product_command *command)
{
    struct sim *sim = request->base.sim;

    sim_note(sim, SIM_WORLD, "a stranger hears", request->ticket_id, rc, command ? (int64_t)command->verdict : -1);
    if (command && request->intent.kind == TICKET_CANCEL)
        sim_rules_check_ticket_answer(request, command);
    if (command && command->verdict == TICKET_REFUSAL && command->refusal == TICKET_REFUSAL_NO_SUCH_TICKET)
        sim_rules_cancel_is_asked(sim->rules->asked_tickets, request->ticket_id, -1);
}

static void cancels_order(struct sim *sim, int64_t id)
{
    struct sim_order_request *request = sim_request_new(sim, sizeof(*request));

    request->kind = ORDER_CANCEL;
    request->order_id = id;
    request->done = order_canceled;
    sim_note(sim, SIM_WORLD, "a stranger cancels", id, 0, 0);
    sim_order_ask(request);
}

static void cancels_ticket(struct sim *sim, int64_t id)
{
    struct sim_product_request *request = sim_request_new(sim, sizeof(*request));

    request->intent.kind = TICKET_CANCEL;
    request->ticket_id = id;
    if (sim_has_plant(sim, PLANT_CANCEL_BY_ORDER_OPEN))
        request->intent = (struct ticket_intent){.kind = TICKET_CANCEL_ORDER, .order_id = id};
    request->done = ticket_canceled;
    sim_note(sim, SIM_WORLD, "a stranger cancels", 0, id, 0);
    sim_product_ask(request);
}

static void acts(struct sim_timer *timer)
{
    struct stranger *stranger = CONTAINER_OF(timer, struct stranger, timer);
    struct sim *sim = stranger->sim;
    int64_t id = sim_between(&sim->random, 1, sim->shape.n_customers + FAR);

    if (sim->calm)
        return;
    if (sim_chance(&sim->random, 850))
        reserves_or_releases(stranger);
    else if (sim_chance(&sim->random, 700))
        cancels_order(sim, id);
    else
        cancels_ticket(sim, id);
    if (--stranger->acts > 0)
        sim_set_timer_within(sim, timer, 0, sim->shape.busy_for / 3);
}

void sim_strangers_come(struct sim *sim)
{
    for (int64_t i = 0; i < sim->shape.n_strangers; i++) {
        struct stranger *stranger = SIM_NEW(sim, struct stranger);
        *stranger = (struct stranger){.timer = {.fire = acts},
                                      .sim = sim,
                                      .given = some_id(sim, i),
                                      .item = sim_items[sim_between(&sim->random, 0, SIM_ITEMS - 1)],
                                      .qty = sim_between(&sim->random, 1, sim->shape.drains ? 40 : 3),
                                      .acts = sim_between(&sim->random, 1, MOST_ACTS)};
        sim_set_timer_within(sim, &stranger->timer, 0, sim->shape.busy_for);
    }
}
