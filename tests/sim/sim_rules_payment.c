#include "sim_rules_payment.h"

#include "sim_customers.h"
#include "sim_letters.h"
#include "sim_loss.h"
#include "sim_payment.h"
#include "sim_provider.h"
#include "sim_rules.h"

static const char rule[] = "7: paid exactly once per order";
static const char books[] = "7: all books agree";

static bool is_returning(const struct payment *payment)
{
    return payment->state == PAYMENT_RETURNING || payment->state == PAYMENT_RETURNED;
}

static void accuse(struct sim *sim, const struct payment *payment, const char *which, const char *what)
{
    sim_break(sim, which, "payment %lld of order %lld is %s, of %lld, %lld taken, %lld given back: %s",
              (long long)payment->id, (long long)payment->order_id, payment_state_name(payment->state),
              (long long)payment->amount, (long long)payment->captured, (long long)payment->returned, what);
}

/* ---- each by itself ---- */

static bool may_become(enum payment_state from, enum payment_state to)
{
    if (from == PAYMENT_DECLINED || to == PAYMENT_DECLINED)
        return from == to || from <= PAYMENT_PENDING;
    return from <= to;
}

static void check_payment(struct sim *sim, struct payment *was, const struct payment *payment)
{
    if (payment->returned < 0 || payment->captured < payment->returned || payment->amount < payment->captured)
        accuse(sim, payment, rule, "authorised >= captured >= returned");
    if (!may_become(was->state, payment->state))
        accuse(sim, payment, rule, payment_state_name(was->state));
    if (payment->captured < was->captured || payment->returned < was->returned || payment->version < was->version)
        accuse(sim, payment, rule, "what has happened has happened");
    if (was->state && (payment->amount != was->amount || (was->order_id && payment->order_id != was->order_id)))
        accuse(sim, payment, rule, "it was another one before");
    if (payment->state == PAYMENT_RETURNED && was->state != PAYMENT_RETURNED && !payment->order_id)
        sim_meet(sim, MET_AUTHORIZATION_VOIDED);
    if (payment->state == PAYMENT_RETURNING && was->state == PAYMENT_CAPTURING)
        sim_meet(sim, MET_CAPTURE_OVERTAKEN);
    if (payment->returned && !was->returned)
        sim_meet(sim, MET_REFUNDED);
    *was = *payment;
}

/* What the ledger has of it is what it says itself. */
static void check_bookings(struct sim *sim, const struct fake_payment_repo *store, const struct payment *payment)
{
    int64_t taken = 0, given_back = 0;

    for (size_t i = 0; i < store->n_bookings; i++) {
        const struct payment_booking *booking = &store->bookings[i];
        if (booking->payment_id != payment->id)
            continue;
        taken += booking->amount > 0 ? booking->amount : 0;
        given_back -= booking->amount < 0 ? booking->amount : 0;
    }
    if (taken != payment->captured || given_back != payment->returned)
        accuse(sim, payment, books, "the ledger has something else");
}

static void look_at_payments(struct sim *sim)
{
    struct sim_rules *rules = sim->rules;
    const struct fake_payment_repo *store = sim_payments(sim);

    for (size_t i = 0; i < store->n; i++) {
        if (i >= rules->n_payments) {
            rules->payments =
                fake_grow(rules->payments, rules->n_payments, 1, &rules->payments_room, sizeof(*rules->payments));
            rules->payments[rules->n_payments++] = (struct payment){0};
        }
        check_payment(sim, &rules->payments[i], &store->payments[i]);
        check_bookings(sim, store, &store->payments[i]);
    }
    sim_letters_check(sim->services[SIM_PAYMENT]);
}

/* What was taken, given back, and is left, by the state that it is in: as GET /payments/summary adds it up. */
static void check_summary(struct sim *sim)
{
    const struct fake_payment_repo *store = sim_payments(sim);
    int64_t taken[PAYMENT_STATE_COUNT] = {0}, left = 0, booked = 0;

    for (size_t i = 0; i < store->n; i++)
        taken[store->payments[i].state] += store->payments[i].captured - store->payments[i].returned;
    for (size_t i = 0; i < PAYMENT_STATE_COUNT; i++)
        left += taken[i];
    for (size_t i = 0; i < store->n_bookings; i++)
        booked += store->bookings[i].amount;
    if (left != booked)
        sim_break(sim, "7: the summary is the sum of the rows", "%lld is left, and the ledger has %lld",
                  (long long)left, (long long)booked);
}

/* ---- payments and orders ---- */

static bool was_refund_asked(const struct sim *sim, int64_t payment_id)
{
    return payment_id >= SIM_MOST_ASKED || sim->rules->asked_refunds[payment_id];
}

static bool may_go_back(const struct sim *sim, const struct order *order)
{
    return order->state == ORDER_CANCELED || was_refund_asked(sim, order->payment_id);
}

static void check_order(struct sim *sim, const struct order *order)
{
    const struct payment *payment = fake_payment_repo_find(sim_payments(sim), order->payment_id);

    if (!sim_is_menus_amount(order->amount))
        sim_break(sim, "7: an order costs what the menu says", "order %lld costs %lld", (long long)order->id,
                  (long long)order->amount);
    if (!payment || payment->state < PAYMENT_AUTHORIZED || payment->state == PAYMENT_DECLINED) {
        sim_break(sim, "7: an unpaid order does not exist", "order %lld's payment %lld is %s", (long long)order->id,
                  (long long)order->payment_id, payment_state_name(payment ? payment->state : PAYMENT_NONE));
        return;
    }
    if (payment->amount != order->amount || (payment->order_id && payment->order_id != order->id))
        accuse(sim, payment, rule, "its order is another one");
    if (is_returning(payment) && !may_go_back(sim, order) && !sim_loss_is_of_order(sim, SIM_PAYMENT, order->id))
        accuse(sim, payment, rule, "its order isn't cancelled");
    if (order->payment == ORDER_PAYMENT_GONE_BACK && payment->state != PAYMENT_RETURNED)
        accuse(sim, payment, "what somebody is told is so", "its order says that it has gone back");
}

/* None for one that doesn't exist, and one for one that does. */
static void check_charge(struct sim *sim, const struct payment *payment)
{
    const struct order *order = payment->order_id ? fake_order_repo_find(sim_orders(sim), payment->order_id) : NULL;

    if ((payment->captured || payment->order_id) && !order)
        accuse(sim, payment, rule, "there is no such order");
    else if (order && order->payment_id != payment->id)
        accuse(sim, payment, rule, "its order is paid by another one");
}

static void check_two_orders(struct sim *sim, size_t at)
{
    const struct fake_order_repo *orders = sim_orders(sim);

    for (size_t i = 0; i < at; i++) {
        if (orders->orders[i].payment_id == orders->orders[at].payment_id)
            sim_break(sim, rule, "orders %lld and %lld are paid by one payment", (long long)orders->orders[i].id,
                      (long long)orders->orders[at].id);
    }
}

/* Whoever has heard all of it knows it. */
static void check_told(struct sim *sim)
{
    const struct fake_order_repo *orders = sim_orders(sim);
    const struct cursors *heard = &orders->outbox.cursors;

    if (heard->n <= ORDER_SOURCE_PAYMENT || orders->outbox.n_dead ||
        heard->position[ORDER_SOURCE_PAYMENT] != sim->services[SIM_PAYMENT]->committed)
        return;
    for (size_t i = 0; i < orders->n; i++) {
        const struct order *order = &orders->orders[i];
        const struct payment *payment = fake_payment_repo_find(sim_payments(sim), order->payment_id);
        if (payment && payment->state == PAYMENT_RETURNED && order->payment != ORDER_PAYMENT_GONE_BACK &&
            !sim_loss_is_of_order(sim, SIM_WORLD, order->id))
            accuse(sim, payment, "whoever has heard all of it knows it", "its order doesn't say so");
    }
}

/* ---- the provider ---- */

static bool agree(const struct payment *payment, const struct sim_charge *charge)
{
    bool let_go = charge->work[PROVIDER_RETURN].done;

    switch (payment->state) {
    case PAYMENT_AUTHORIZED:
    case PAYMENT_CAPTURING:
        return charge->approved && !let_go;
    case PAYMENT_CAPTURED:
        return charge->captured == payment->amount && !charge->returned;
    case PAYMENT_RETURNED:
        return let_go && charge->captured == payment->captured && charge->returned == payment->returned;
    case PAYMENT_DECLINED:
        return charge->work[PROVIDER_AUTHORIZE].done && !charge->approved;
    default:
        return true;
    }
}

/* Nothing is asked of it that isn't committed before, and what it has done is what it is known to have done. */
static void check_charges(struct sim *sim, const struct sim_provider *provider)
{
    const struct fake_payment_repo *store = sim_payments(sim);

    for (size_t i = 0; i < provider->n; i++) {
        const struct sim_charge *charge = &provider->charges[i];
        const struct payment *payment = fake_payment_repo_find(store, charge->payment_id);
        if (!payment || charge->amount != payment->amount)
            sim_break(sim, books, "the provider has a payment %lld of %lld", (long long)charge->payment_id,
                      (long long)charge->amount);
        else if (charge->captured > charge->amount || charge->returned > charge->captured)
            accuse(sim, payment, rule, "the provider has moved more");
        else if (!agree(payment, charge))
            accuse(sim, payment, books, "the provider's say otherwise");
    }
    for (size_t i = 0; i < store->n; i++) {
        if (store->payments[i].state > PAYMENT_PENDING && store->payments[i].state != PAYMENT_RETURNING &&
            !sim_provider_find(provider, store->payments[i].id))
            accuse(sim, &store->payments[i], books, "the provider has never heard of it");
    }
}

/* ---- who waits ---- */

/* What is decided a moment later may go with it (payment_waiting.c). */
static void check_waiting(struct sim *sim, const struct payment_command *command)
{
    static const int64_t a_moment = 10 * US_PER_MS;
    int64_t left = command->wait_until - sim_clock_now(sim->services[SIM_PAYMENT]);

    for (size_t i = 0; i < command->n; i++) {
        const struct payment *payment = fake_payment_repo_find(sim_payments(sim), command->steps[i].payment_id);
        if (payment && payment->state != PAYMENT_PENDING && left > a_moment)
            accuse(sim, payment, "nobody waits for another's card", "its customer does");
    }
}

/* ---- all together ---- */

void sim_rules_check_payments(struct sim *sim)
{
    const struct fake_payment_repo *store = sim_payments(sim);
    const struct sim_provider *provider = sim_provider(sim);
    const struct fake_order_repo *orders = sim_orders(sim);

    if (!store)
        return;
    look_at_payments(sim);
    check_summary(sim);
    const struct payment_waiting *waiting = sim_payment_waiting(sim);
    for (const struct payment_command *command = waiting ? waiting->first : NULL; command;
         command = command->next_waiting)
        check_waiting(sim, command);
    for (size_t i = 0; i < orders->n; i++) {
        check_order(sim, &orders->orders[i]);
        check_two_orders(sim, i);
    }
    for (size_t i = 0; i < store->n; i++)
        check_charge(sim, &store->payments[i]);
    check_told(sim);
    if (provider)
        check_charges(sim, provider);
}

/* ---- the end ---- */

static void check_payment_end(struct sim *sim, const struct payment *payment)
{
    const struct order *order = payment->order_id ? fake_order_repo_find(sim_orders(sim), payment->order_id) : NULL;

    if (payment_is_owed(payment) || payment->state == PAYMENT_AUTHORIZED || payment->due_at)
        accuse(sim, payment, "7: in the end nothing is left open", "it is");
    if (!order)
        return;
    if (payment->state == PAYMENT_CAPTURED && order->state == ORDER_CANCELED)
        accuse(sim, payment, "7: a cancelled order is refunded", "it isn't");
    if ((payment->state == PAYMENT_RETURNED) != (order->payment == ORDER_PAYMENT_GONE_BACK))
        accuse(sim, payment, "7: in the end everybody knows where the money is", "its order doesn't");
}

static void check_charge_end(struct sim *sim, const struct sim_charge *charge)
{
    const struct payment *payment = fake_payment_repo_find(sim_payments(sim), charge->payment_id);

    if (payment && (charge->captured != payment->captured || charge->returned != payment->returned ||
                    (charge->approved && !charge->captured && !charge->work[PROVIDER_RETURN].done)))
        accuse(sim, payment, books, "the provider's say otherwise in the end");
}

void sim_rules_check_payments_end(struct sim *sim)
{
    const struct fake_payment_repo *store = sim_payments(sim);
    const struct sim_provider *provider = sim_provider(sim);
    const struct fake_order_repo *orders = sim_orders(sim);

    if (!store)
        return;
    sim_rules_check_payments(sim);
    for (size_t i = 0; i < store->n; i++) {
        if (!sim_loss_is_of_order(sim, SIM_WORLD, store->payments[i].order_id))
            check_payment_end(sim, &store->payments[i]);
    }
    for (size_t i = 0; i < orders->n; i++) {
        const struct payment *payment = fake_payment_repo_find(store, orders->orders[i].payment_id);
        if (payment && payment->order_id != orders->orders[i].id &&
            !sim_loss_is_of_order(sim, SIM_PAYMENT, orders->orders[i].id))
            accuse(sim, payment, rule, "its order is not charged");
    }
    for (size_t i = 0; provider && i < provider->n; i++)
        check_charge_end(sim, &provider->charges[i]);
}

void sim_rules_check_declined(struct sim *sim, int64_t customer, struct str key)
{
    const struct fake_payment_repo *store = sim_payments(sim);
    bool declined = !key.n; /* otherwise it isn't known which one it was */

    for (size_t i = 0; i < store->n && key.n; i++) {
        const struct payment *payment = &store->payments[i];
        declined |= payment->state == PAYMENT_DECLINED && str_eq(payment->key, key);
    }
    if (!declined)
        sim_break(sim, "what somebody is told is so", "customer %lld hears that their payment was declined",
                  (long long)customer);
}
