#include "sim_rules.h"

#include "sim_customers.h"
#include "sim_letters.h"
#include "sim_loss.h"
#include "sim_payment.h"
#include "sim_provider.h"
#include "sim_rules_payment.h"
#include "sim_rules_story.h"
#include "sim_rules_time.h"

#include <stdlib.h>

/* ---- each by itself ---- */

static bool may_become(int from, int to, int started, int done)
{
    if (from == to)
        return true;
    return from == started ? to == done : from != done;
}

static void check_order(struct sim *sim, struct sim_known *known, const struct order *order)
{
    if (known->amount && (known->amount != order->amount || known->qty != order->qty))
        sim_break(sim, "1: no acknowledged order is lost", "order %lld has become another", (long long)order->id);
    if (known->amount && (!may_become(known->state, (int)order->state, ORDER_PRODUCING, ORDER_COMPLETED) ||
                          (known->state == ORDER_CANCELED && order->state != ORDER_CANCELED)))
        sim_break(sim, "3: what is started is done, what is cancelled stays so", "order %lld was %s and is %s",
                  (long long)order->id, order_state_name((enum order_state)known->state),
                  order_state_name(order->state));
    if (known->version > order->version)
        sim_break(sim, "9: versions grow", "order %lld went back to %lld", (long long)order->id,
                  (long long)order->version);
    *known = (struct sim_known){(int)order->state, order->version, order->qty, order->amount};
}

static bool is_canceled(enum ticket_state state)
{
    return state == TICKET_CANCELED || state == TICKET_TOMBSTONE;
}

static void meet_ticket(struct sim *sim, const struct ticket *ticket)
{
    if (ticket->state == TICKET_TOMBSTONE)
        sim_meet(sim, MET_TOMBSTONE);
    if (ticket->state == TICKET_VOID)
        sim_meet(sim, MET_COUNTER_GIVEN_UP);
    if (ticket->state == TICKET_OUT_OF_STOCK)
        sim_meet(sim, MET_OUT_OF_STOCK);
    if (ticket->attempt > 1)
        sim_meet(sim, MET_NEXT_ATTEMPT);
}

static void check_ticket(struct sim *sim, struct sim_known *known, const struct ticket *ticket)
{
    bool final = known->state == TICKET_CANCELED || known->state == TICKET_VOID;

    if (known->state && (!may_become(known->state, (int)ticket->state, TICKET_PRODUCING, TICKET_COMPLETED) ||
                         (final && known->state != (int)ticket->state) ||
                         (known->state == TICKET_TOMBSTONE && !is_canceled(ticket->state))))
        sim_break(sim, "3: what is started is done, what is cancelled stays so", "ticket %lld was %s and is %s",
                  (long long)ticket->id, ticket_state_name((enum ticket_state)known->state),
                  ticket_state_name(ticket->state));
    if (known->state == TICKET_PENDING && ticket->state == TICKET_READY)
        sim_break(sim, "a counter's ticket waits for nobody else", "ticket %lld is Ready", (long long)ticket->id);
    if (known->version > ticket->version)
        sim_break(sim, "9: versions grow", "ticket %lld went back to %lld", (long long)ticket->id,
                  (long long)ticket->version);
    *known = (struct sim_known){(int)ticket->state, ticket->version, ticket->qty, 0};
}

/* A key is one order, however often it was sent. */
static void check_key(struct sim *sim, size_t at)
{
    const struct fake_order_repo *orders = sim_orders(sim);
    int64_t customer = sim_customer_of_amount(orders->orders[at].amount);

    if (!sim_customer_is_keyed(customer))
        return;
    for (size_t i = 0; i < at; i++) {
        if (sim_customer_of_amount(orders->orders[i].amount) == customer)
            sim_break(sim, "a key has one answer", "customer %lld has orders %lld and %lld", (long long)customer,
                      (long long)orders->orders[i].id, (long long)orders->orders[at].id);
    }
}

static void look_at_orders(struct sim *sim)
{
    struct sim_rules *rules = sim->rules;
    const struct fake_order_repo *orders = sim_orders(sim);

    if (orders->n < rules->n_orders)
        sim_break(sim, "1: no acknowledged order is lost", "there were %zu orders, and there are %zu", rules->n_orders,
                  orders->n);
    for (size_t i = 0; i < orders->n; i++) {
        if (i >= rules->n_orders) {
            rules->orders = fake_grow(rules->orders, rules->n_orders, 1, &rules->orders_room, sizeof(*rules->orders));
            rules->orders[rules->n_orders++] = (struct sim_known){0};
            check_key(sim, i);
        }
        check_order(sim, &rules->orders[i], &orders->orders[i]);
        if (orders->orders[i].state == ORDER_CANCELED)
            sim_meet(sim, MET_ORDER_CANCELED);
    }
    sim_letters_check(sim->services[SIM_ORDER]);
}

static void look_at_tickets(struct sim *sim)
{
    struct sim_rules *rules = sim->rules;
    const struct fake_product_repo *tickets = sim_tickets(sim);

    for (size_t i = 0; i < tickets->n; i++) {
        if (i >= rules->n_tickets) {
            rules->tickets =
                fake_grow(rules->tickets, rules->n_tickets, 1, &rules->tickets_room, sizeof(*rules->tickets));
            rules->tickets[rules->n_tickets++] = (struct sim_known){0};
            const struct ticket *ticket = &tickets->tickets[i];
            if (ticket->order_id && fake_product_repo_find_order(tickets, ticket->order_id)->id != ticket->id)
                sim_break(sim, "2: an order is one ticket", "order %lld has two", (long long)ticket->order_id);
        }
        check_ticket(sim, &rules->tickets[i], &tickets->tickets[i]);
        meet_ticket(sim, &tickets->tickets[i]);
    }
    sim_letters_check(sim->services[SIM_PRODUCT]);
}

/* ---- all together ---- */

static bool is_of(const struct sim_reservation *reservation, const struct ticket *ticket)
{
    return reservation->of_order ? reservation->number == ticket->order_id
                                 : !ticket->order_id && reservation->number == ticket->id;
}

static bool is_made(const struct ticket *ticket)
{
    return ticket->state == TICKET_PRODUCING || ticket->state == TICKET_COMPLETED;
}

/* Rules 2 and 4: what is made was deducted, once. */
static void check_made(struct sim *sim, const struct ticket *ticket)
{
    const struct sim_stock_picture *stock = &sim->rules->stock;
    size_t reduced = 0;

    for (size_t i = 0; i < stock->n; i++) {
        const struct sim_reservation *reservation = &stock->reservations[i];
        if (reservation->reduced && is_of(reservation, ticket))
            reduced += reservation->qty == ticket->qty ? 1 : 100;
    }
    if (reduced == 0)
        sim_break(sim, "4: stock that was not deducted starts no production", "ticket %lld is %s",
                  (long long)ticket->id, ticket_state_name(ticket->state));
    if (reduced > 1)
        sim_break(sim, "2: stock is deducted exactly once", "ticket %lld has been deducted otherwise",
                  (long long)ticket->id);
}

/* The other way round: what is deducted is made, or its answer or its release is still to come. */
static void check_reserved(struct sim *sim, const struct sim_reservation *reservation)
{
    const struct fake_product_repo *tickets = sim_tickets(sim);
    const struct ticket *ticket = reservation->of_order ? fake_product_repo_find_order(tickets, reservation->number)
                                                        : fake_product_repo_find(tickets, reservation->number);

    if (!ticket || ticket->attempt != reservation->attempt || ticket->state == TICKET_OUT_OF_STOCK ||
        (!is_made(ticket) && ticket->due_at == 0))
        sim_break(sim, "2: a cancelled order gives its stock back", "%c%lld.%lld is reduced, and its ticket is %s",
                  reservation->of_order ? 'o' : 't', (long long)reservation->number, (long long)reservation->attempt,
                  ticket ? ticket_state_name(ticket->state) : "nowhere");
}

static void check_agreement(struct sim *sim, const struct order *order)
{
    const struct ticket *ticket = fake_product_repo_find_order(sim_tickets(sim), order->id);
    enum ticket_state state = ticket ? ticket->state : TICKET_NONE;

    if ((order->state == ORDER_CANCELED && !is_canceled(state)) ||
        (order->state == ORDER_COMPLETED && state != TICKET_COMPLETED) ||
        (order->state == ORDER_PRODUCING && state != TICKET_PRODUCING && state != TICKET_COMPLETED))
        sim_break(sim, "3: an order is Canceled only if its production is", "order %lld is %s and its ticket %s",
                  (long long)order->id, order_state_name(order->state), ticket_state_name(state));
    if (order->state == ORDER_CANCELED && state == TICKET_CANCELED && order->given_up != ticket->given_up)
        sim_break(sim, "3: who has cancelled is known", "order %lld is %s, and its ticket %s", (long long)order->id,
                  order->given_up ? "given up" : "cancelled", ticket->given_up ? "given up" : "cancelled");
}

static void check_all(struct sim *sim)
{
    const struct fake_order_repo *orders = sim_orders(sim);
    const struct fake_product_repo *tickets = sim_tickets(sim);
    const struct sim_stock_picture *stock = &sim->rules->stock;

    for (size_t i = 0; i < tickets->n; i++) {
        if (is_made(&tickets->tickets[i]))
            check_made(sim, &tickets->tickets[i]);
    }
    for (size_t i = 0; i < stock->n; i++) {
        if (stock->reservations[i].reduced)
            check_reserved(sim, &stock->reservations[i]);
    }
    for (size_t i = 0; i < orders->n; i++)
        check_agreement(sim, &orders->orders[i]);
    sim_rules_check_kitchen(sim);
    sim_rules_check_told(sim);
}

/* Of payment's and of its provider's books. */
static size_t payment_changes(const struct sim *sim)
{
    const struct fake_payment_repo *payments = sim_payments(sim);
    const struct sim_provider *provider = sim_provider(sim);

    return (payments ? payments->n_commits : 0) + (provider ? provider->n_changes : 0);
}

void sim_rules_check(struct sim *sim)
{
    struct sim_rules *rules = sim->rules;

    if (sim->split)
        return;
    size_t orders = sim_orders(sim)->n_commits;
    size_t tickets = sim_tickets(sim)->n_commits;
    size_t stock = fake_kv_commits(sim_stock_store(sim));
    size_t payments = payment_changes(sim);
    bool changed = orders != rules->order_commits || tickets != rules->ticket_commits || stock != rules->stock_commits;
    bool paid = payments != rules->payment_changes;

    if (orders != rules->order_commits)
        look_at_orders(sim);
    if (tickets != rules->ticket_commits) {
        look_at_tickets(sim);
        sim_rules_check_times(sim);
    }
    if (stock != rules->stock_commits)
        sim_rules_look_at_stock(sim);
    if (paid || orders != rules->order_commits)
        sim_rules_check_payments(sim);
    rules->payment_changes = payments;
    rules->order_commits = orders;
    rules->ticket_commits = tickets;
    rules->stock_commits = stock;
    if (changed)
        check_all(sim);
    if (changed || paid)
        sim_rules_check_retention(sim);
    sim_view_check_told(sim);
}

/* ---- the end ---- */

static void check_answers(struct sim *sim)
{
    for (const struct sim_request *request = sim->customers->requests; request; request = request->next) {
        if (request->answers != 1)
            sim_break(sim, "everybody gets one answer", "a request has %d", request->answers);
    }
}

static void check_followers(struct sim *sim)
{
    for (size_t who = 0; who < sim->n_services; who++) {
        const struct sim_service *service = sim->services[who];
        for (size_t i = 0; service && i < service->n_followers; i++) {
            const struct sim_follower *follower = &service->followers[i];
            if (service->cursors->position[i] != follower->producer->committed)
                sim_break(sim, "6: everybody catches up", "%s is at %llu of %s's %llu events",
                          sim_who_name(service->who), (unsigned long long)service->cursors->position[i],
                          sim_who_name(follower->producer->who), (unsigned long long)follower->producer->committed);
        }
    }
}

void sim_rules_check_calm(struct sim *sim)
{
    const struct fake_product_repo *tickets = sim_tickets(sim);
    int64_t now = sim_clock_now(sim->services[SIM_PRODUCT]);

    for (size_t i = 0; i < tickets->n; i++) {
        const struct ticket *ticket = &tickets->tickets[i];
        if (ticket->state == TICKET_OUT_OF_STOCK && ticket->due_at && ticket->due_at < now - US_PER_S)
            sim_break(sim, "6: nobody waits for goods for longer than is set", "ticket %lld waits for %lld us",
                      (long long)ticket->id, (long long)(now - ticket->waits_since));
        for (size_t item = 0; item < SIM_ITEMS; item++) {
            if (ticket->state == TICKET_OUT_OF_STOCK && str_eq(ticket->product_name, sim_items[item]) &&
                ticket->qty <= sim->rules->stock.on_hand[item])
                sim_break(sim, "6: nobody waits for what is there", "ticket %lld waits for %lld, and there are %lld",
                          (long long)ticket->id, (long long)ticket->qty, (long long)sim->rules->stock.on_hand[item]);
        }
    }
}

void sim_rules_check_end(struct sim *sim)
{
    const struct fake_order_repo *orders = sim_orders(sim);
    const struct fake_product_repo *tickets = sim_tickets(sim);

    check_answers(sim);
    check_followers(sim);
    sim_letters_check_end(sim);
    sim_rules_check_removed(sim);
    sim_rules_check_payments_end(sim);
    for (size_t i = 0; i < tickets->n; i++) {
        const struct ticket *ticket = &tickets->tickets[i];
        bool ended =
            ticket->state == TICKET_COMPLETED || ticket->state == TICKET_CANCELED || ticket->state == TICKET_VOID;
        if ((!ended && !sim_loss_is_of_order(sim, SIM_PRODUCT, ticket->order_id)) || ticket->due_at)
            sim_break(sim, "6: in the end everything is done",
                      "ticket %lld (order %lld, attempt %lld) is %s, due at %lld", (long long)ticket->id,
                      (long long)ticket->order_id, (long long)ticket->attempt, ticket_state_name(ticket->state),
                      (long long)ticket->due_at);
    }
    for (size_t i = 0; i < orders->n; i++) {
        const struct order *order = &orders->orders[i];
        if (order->state != ORDER_COMPLETED && order->state != ORDER_CANCELED &&
            !sim_loss_is_of_order(sim, SIM_WORLD, order->id))
            sim_break(sim, "6: in the end everything is done", "order %lld is %s", (long long)order->id,
                      order_state_name(order->state));
    }
}

void sim_rules_begin(struct sim *sim)
{
    sim->rules = SIM_NEW(sim, struct sim_rules);
}

void sim_rules_free(struct sim *sim)
{
    free(sim->rules->orders);
    free(sim->rules->tickets);
    free(sim->rules->payments);
}
