/* sim_customers.c: those who order over the web: they place, ask again when they got no answer, and change their mind.
 */
#include "sim_customers.h"

#include "errors.h"
#include "sim_letters.h"
#include "sim_payment.h"
#include "sim_rules_payment.h"
#include "sim_rules_story.h"
#include "sim_shelf.h"

enum { MOST_TRIES = 5 };

struct customer {
    struct sim_timer comes, leaves;
    struct sim *sim;
    int64_t number;
    struct str item;
    int64_t qty;
    struct str key, method;
    bool looks;      /* at what it costs, and says so; otherwise it may cost what it does */
    int64_t shown;   /* 0: they haven't looked yet; another amount than it costs may be among them */
    bool other_body; /* they have sent more than one under their key */
    int tries, cancels;
    int64_t order_id; /* acknowledged */
};

struct order_request {
    struct sim_order_request request;
    struct order_shown shown;
    struct customer *customer;
    bool is_known; /* payment knew of the purchase when it was asked for */
};

bool sim_customer_is_keyed(int64_t number)
{
    return number % 2 == 0;
}

void *sim_request_new(struct sim *sim, size_t size)
{
    struct sim_request *request = sim_alloc(sim, size);

    request->sim = sim;
    request->next = sim->customers->requests;
    sim->customers->requests = request;
    sim->customers->n_requests++;
    return request;
}

/* ---- cancelling ---- */

static void cancel_later(struct customer *customer, int64_t most)
{
    sim_set_timer_within(customer->sim, &customer->leaves, 0, most);
}

static void check_cancel(struct customer *customer, const struct sim_order_request *request,
                         const struct order_command *command)
{
    if (fake_order_repo_find(sim_orders(customer->sim), customer->order_id))
        sim_rules_check_order_answer(request, command);
    else
        sim_break(customer->sim, "1: no acknowledged order is lost", "order %lld is gone",
                  (long long)customer->order_id);
}

static void canceled(struct sim_order_request *request, int rc, const struct order_command *command)
{
    struct customer *customer = CONTAINER_OF(request, struct order_request, request)->customer;

    sim_note(customer->sim, SIM_WORLD, "hears of the cancel", customer->order_id, rc,
             command ? (int64_t)command->verdict : -1);
    if (command && command->unanswered)
        sim_meet(customer->sim, MET_CANCEL_UNANSWERED);
    if (command && command->verdict == ORDER_REFUSED)
        sim_meet(customer->sim, MET_CANCEL_REFUSED);
    if (command && !command->unanswered)
        check_cancel(customer, request, command);
    else if (++customer->cancels < MOST_TRIES)
        cancel_later(customer, 3 * US_PER_S);
}

static void cancels(struct sim_timer *timer)
{
    struct customer *customer = CONTAINER_OF(timer, struct customer, leaves);
    struct order_request *request = sim_request_new(customer->sim, sizeof(*request));

    request->request.kind = ORDER_CANCEL;
    request->request.order_id = customer->order_id;
    request->request.done = canceled;
    request->customer = customer;
    sim_note(customer->sim, SIM_WORLD, "cancels", customer->order_id, 0, 0);
    sim_order_ask(&request->request);
}

/* ---- placing ---- */

static void check_placed(const struct order_request *request, const struct order_command *command, int64_t id)
{
    struct customer *customer = request->customer;
    struct sim *sim = customer->sim;
    const struct order *order = fake_order_repo_find(sim_orders(sim), id);

    if (!order)
        sim_break(sim, "1: an order is durable before its 201", "order %lld is not stored", (long long)id);
    else if (sim_customer_of_amount(order->amount) != customer->number || !str_eq(order->product_name, customer->item))
        sim_break(sim, "1: an order is durable before its 201", "order %lld is somebody else's", (long long)id);
    else if (request->request.shown && !command->client.replayed && order->amount != request->shown.amount)
        sim_break(sim, "nobody is charged what they weren't shown", "order %lld costs %lld, and %lld was shown",
                  (long long)id, (long long)order->amount, (long long)request->shown.amount);
    if (customer->key.n && customer->order_id && customer->order_id != id)
        sim_break(sim, "a key has one answer", "customer %lld got order %lld, and %lld%s", (long long)customer->number,
                  (long long)customer->order_id, (long long)id, command->client.replayed ? " again" : "");
}

static void place(struct customer *customer, bool other_body);

static void again(struct sim_timer *timer)
{
    struct customer *customer = CONTAINER_OF(timer, struct customer, comes);

    place(customer, customer->key.n && sim_chance(&customer->sim->random, 100));
    if (customer->key.n && sim_chance(&customer->sim->random, 300))
        place(customer, sim_chance(&customer->sim->random, 200));
}

static void tries_again(struct customer *customer)
{
    if (!customer->order_id && ++customer->tries < MOST_TRIES)
        sim_set_timer_within(customer->sim, &customer->comes, 0, 3 * US_PER_S);
}

/* Whether payment may have promised what they ask for: then it isn't refused for its price. */
static bool is_known(const struct customer *customer, int64_t body)
{
    const struct fake_payment_repo *store = sim_payments(customer->sim);

    for (size_t i = 0; store && customer->key.n && i < store->n; i++) {
        const struct payment *payment = &store->payments[i];
        if (payment->body == body && str_eq(payment->key, customer->key) && !payment_is_over(payment))
            return true;
    }
    return false;
}

/* There is no order: it isn't paid, or costs something else than they agreed to. */
static void refused(const struct order_request *request, const struct order_command *command)
{
    struct customer *customer = request->customer;
    struct sim *sim = customer->sim;

    if (command->refusal == ORDER_REFUSAL_OTHER_AMOUNT) {
        sim_meet(sim, MET_OTHER_AMOUNT);
        if (request->is_known && is_known(customer, (int64_t)request->request.fingerprint))
            sim_break(sim, "a key's first outcome is found",
                      "customer %lld is told another price, and payment knows them", (long long)customer->number);
        customer->shown = sim_amount_of(sim, customer->number, false);
        customer->other_body = true;
    } else {
        sim_meet(sim, MET_PAYMENT_DECLINED);
        sim_rules_check_declined(sim, customer->number, customer->key);
        if (customer->key.n && customer->order_id)
            sim_break(sim, "a key has one answer", "customer %lld got order %lld, and none",
                      (long long)customer->number, (long long)customer->order_id);
    }
    tries_again(customer);
}

static void changes_their_mind(struct customer *customer)
{
    struct sim *sim = customer->sim;

    if (sim_chance(&sim->random, 450))
        cancel_later(customer,
                     sim_chance(&sim->random, 500) ? 300 * US_PER_MS : 2 * sim_kitchen(sim)->start_after + US_PER_S);
    else if (customer->key.n && sim_chance(&sim->random, 300))
        sim_set_timer_within(sim, &customer->comes, 0, 20 * US_PER_S);
}

static void placed(struct sim_order_request *request, int rc, const struct order_command *command)
{
    const struct order_request *asked = CONTAINER_OF(request, struct order_request, request);
    struct customer *customer = asked->customer;
    struct sim *sim = customer->sim;
    int64_t id = 0;

    sim_note(sim, SIM_WORLD, "hears of the order", customer->number, rc, command ? command->order_id : 0);
    if (!command || command->unanswered) {
        tries_again(customer);
        return;
    }
    if (command->client.key_reused) {
        sim_meet(sim, MET_KEY_REUSED);
        if (!customer->other_body)
            sim_break(sim, "a body is another one only when it is", "customer %lld has sent one body",
                      (long long)customer->number);
        return;
    }
    if (command->client.replayed)
        sim_meet(sim, MET_KEY_REPLAYED);
    if (command->client.replayed ? command->client.answer.status != 201 : command->verdict == ORDER_REFUSED) {
        refused(asked, command);
        return;
    }
    if (!command->client.replayed)
        id = command->order.id;
    else if (!str_to_i64(command->client.answer.body, &id))
        sim_break(sim, "a key has one answer", "customer %lld gets a strange one", (long long)customer->number);
    check_placed(asked, command, id);
    if (customer->order_id)
        return;
    customer->order_id = id;
    changes_their_mind(customer);
}

static void place(struct customer *customer, bool other_body)
{
    struct order_request *request = sim_request_new(customer->sim, sizeof(*request));

    request->customer = customer;
    request->request.kind = ORDER_PLACE;
    request->request.item = customer->item;
    request->request.qty = customer->qty + other_body;
    request->request.amount = sim_amount_of(customer->sim, customer->number, other_body);
    if (customer->looks && !customer->shown)
        customer->shown = sim_amount_of(customer->sim, customer->number, false);
    request->shown = (struct order_shown){.price = -1, .amount = customer->shown + other_body};
    request->request.shown = customer->looks ? &request->shown : NULL;
    customer->other_body |= other_body;
    request->request.method = customer->method;
    request->request.key = customer->key;
    request->request.fingerprint =
        (uint64_t)(customer->number * 100 + (customer->looks ? customer->shown % 10 + 1 : 0) * 2 + other_body);
    request->is_known = is_known(customer, (int64_t)request->request.fingerprint);
    request->request.done = placed;
    sim_note(customer->sim, SIM_WORLD, "orders", customer->number, customer->qty, other_body);
    sim_order_ask(&request->request);
}

/* Some ways to pay always end the same way, at the till. */
static void chooses_how_to_pay(struct customer *customer)
{
    struct sim *sim = customer->sim;
    const struct str methods[] = {STR("test-declined"), STR("test-unknown")};
    int64_t choice = sim_between(&sim->random, 0, 9);

    customer->method = sim->shape.pays == SIM_BY_THE_TILL && choice < 2 ? methods[choice] : STR("card");
    customer->looks = sim_chance(&sim->random, 500);
    if (customer->looks && sim_chance(&sim->random, 200))
        customer->shown = customer->number * 10 + 9;
}

void sim_orders_come(struct sim *sim)
{
    for (int64_t number = 1; number <= sim->shape.n_customers; number++) {
        struct customer *customer = SIM_NEW(sim, struct customer);
        customer->sim = sim;
        customer->number = number;
        customer->item = sim_items[sim_between(&sim->random, 0, SIM_ITEMS - 1)];
        customer->qty = sim_between(&sim->random, 1, sim->shape.drains ? 60 : 3);
        if (sim_customer_is_keyed(number))
            customer->key = sim_text(sim, "POST /orders %lld", (long long)number);
        if (sim->shape.pays != SIM_AT_THE_COUNTER)
            chooses_how_to_pay(customer);
        customer->comes.fire = again;
        customer->leaves.fire = cancels;
        sim_set_timer_within(sim, &customer->comes, 0, sim->shape.busy_for);
    }
    sim->customers->n_customers = sim->shape.n_customers;
}

void sim_customers_come(struct sim *sim)
{
    sim->customers = SIM_NEW(sim, struct sim_customers);
    sim_orders_come(sim);
    sim_counter_comes(sim);
    sim_keeper_comes(sim);
    sim_shelf_is_looked_after(sim);
    sim_strangers_come(sim);
    sim_operator_comes(sim);
    sim_rushes_come(sim);
    sim_barista_comes(sim);
    sim_payment_people_come(sim);
}

void sim_customers_see_it_through(struct sim *sim)
{
    sim_keeper_fills_up(sim);
}
