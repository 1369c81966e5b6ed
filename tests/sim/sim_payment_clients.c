/* sim_payment_clients.c: who asks payment: order, operators, and whoever knows where its webhook is. */
#include "alloc.h"
#include "errors.h"
#include "sim_customers.h"
#include "sim_payment.h"
#include "sim_provider.h"
#include "sim_rules.h"

struct client_command {
    struct payment_command command;
    struct sim_service *payment;
    struct sim_payment_call *call; /* or: */
    struct sim_payment_request *request;
    struct arena memory; /* its steps and answers */
    struct sim_bill *answers;
    bool rendered;
};

static struct client_command *new_command(struct sim *sim, void (*finish)(struct command *, int), size_t n)
{
    struct client_command *client = heap_alloc(sizeof(*client));

    ASSERT(client);
    client->payment = sim->services[SIM_PAYMENT];
    arena_init(&client->memory, 256);
    client->command = (struct payment_command){
        .base.finish = finish, .steps = ARENA_ARRAY(&client->memory, struct payment_step, n), .n = n};
    client->answers = ARENA_ARRAY(&client->memory, struct sim_bill, n);
    ASSERT(client->command.steps && client->answers);
    return client;
}

static void give_up(struct client_command *client)
{
    arena_free(&client->memory);
    heap_free(client);
}

/* ---- order ---- */

/* As payment_http.c says it. */
static void bill_of(struct sim *sim, const struct payment_step *step, struct sim_bill *bill)
{
    *bill = (struct sim_bill){.status = SIM_BILL_PENDING, .payment_id = step->payment_id};
    if (!step->payment_id) {
        bill->status = SIM_BILL_NOT_KNOWN;
    } else if (step->key_of_another) {
        bill->status = SIM_BILL_KEY_REUSED;
    } else if (step->payment.state == PAYMENT_AUTHORIZED) {
        bill->status = SIM_BILL_AUTHORIZED;
        bill->promised = step->payment.amount;
        bill->valid_us = step->valid_us > 0 ? step->valid_us : 0;
    } else if (step->payment.state == PAYMENT_DECLINED) {
        bill->status = SIM_BILL_DECLINED;
        bill->reason = sim_copy(sim, step->payment.reason);
    }
}

static void render(struct payment_command *command)
{
    struct client_command *client = CONTAINER_OF(command, struct client_command, command);

    for (size_t i = 0; i < command->n; i++)
        bill_of(client->payment->sim, &command->steps[i], &client->answers[i]);
    client->rendered = true;
}

static void write_answer(struct client_command *client)
{
    struct sim_payment_call *call = client->call;

    for (size_t i = 0; i < call->n; i++) {
        struct sim_bill *bill = &call->bills[i];
        const struct sim_bill *answer = &client->answers[i];
        bill->status = answer->status;
        bill->payment_id = answer->payment_id;
        bill->valid_us = answer->valid_us;
        bill->promised = answer->promised;
        bill->reason = answer->reason;
    }
}

static void answer_order(struct command *base, int rc)
{
    struct client_command *client = CONTAINER_OF(base, struct client_command, command.base);
    struct sim_call *call = &client->call->base;
    bool unknown = client->payment->dying || rc == E_OUTCOME_UNKNOWN;

    if (!client->payment->dying && !rc && !client->rendered)
        sim_break(client->payment->sim, "everybody gets one answer", "order is answered with nothing");
    if (!call->answered && !unknown && !rc)
        write_answer(client);
    sim_call_answer(call, unknown ? E_TIMEOUT : rc ? E_UNAVAILABLE : OK);
    give_up(client);
}

/* Nothing is begun that the provider couldn't be asked for. */
static bool is_provider_asked(struct sim *sim)
{
    const struct breaker *breaker = sim_call_breaker(sim->services[SIM_PAYMENT], NULL);

    if (breaker->state != BREAKER_OPEN || breaker_opens_again_at(breaker) <= sim->now)
        return true;
    sim_meet(sim, MET_PROVIDER_BREAKER_OPEN);
    return false;
}

void sim_payment_authorize(struct sim_payment_call *call)
{
    struct sim *sim = call->base.from->sim;

    if (!is_provider_asked(sim)) {
        sim_call_answer(&call->base, E_UNAVAILABLE);
        return;
    }
    struct client_command *client = new_command(sim, answer_order, call->n);
    client->call = call;
    client->command.memory = &client->memory;
    client->command.render = render;
    client->command.waited_us = call->first_asked_at ? call->asked_at - call->first_asked_at : 0;
    for (size_t i = 0; i < call->n; i++) {
        const struct sim_bill *bill = &call->bills[i];
        client->command.steps[i].only_if_known = bill->only_if_known;
        client->command.steps[i].intent = (struct payment_intent){.kind = PAYMENT_AUTHORIZE,
                                                                  .key = bill->key,
                                                                  .amount = bill->amount,
                                                                  .body = bill->body,
                                                                  .currency = STR("KRW"),
                                                                  .method = bill->method};
    }
    bool taken = sim_service_submit(client->payment, &client->command.base);
    ASSERT(taken); /* it is up, or the call would not be here */
}

/* ---- operators, and the webhook ---- */

static void answer_request(struct command *base, int rc)
{
    struct client_command *client = CONTAINER_OF(base, struct client_command, command.base);
    struct sim_payment_request *request = client->request;

    if (client->payment->dying)
        rc = SIM_BROKEN;
    request->done(request, rc, rc ? NULL : &client->command.steps[0]);
    give_up(client);
}

void sim_payment_ask(struct sim_payment_request *request)
{
    struct client_command *client = new_command(request->sim, answer_request, 1);

    client->request = request;
    client->command.steps[0] = (struct payment_step){.intent = request->intent, .payment_id = request->payment_id};
    if (sim_service_submit(client->payment, &client->command.base))
        return;
    give_up(client);
    request->done(request, SIM_REFUSED_CONNECTION, NULL);
}

/* ---- people ---- */

struct person {
    struct sim_timer timer;
    struct sim_payment_request request;
    enum payment_state was; /* when it was asked */
    bool order_was_over;
};

static bool is_true(const struct person *person, const struct payment_step *step, const struct payment *payment)
{
    enum payment_state is = payment ? payment->state : PAYMENT_NONE;
    bool returned = is == PAYMENT_RETURNING || is == PAYMENT_RETURNED;

    if (step->verdict == PAYMENT_DECIDED)
        return returned && person->order_was_over && person->was != PAYMENT_RETURNING &&
               person->was != PAYMENT_RETURNED;
    if (step->verdict != PAYMENT_REFUSED)
        return false;
    switch (step->refusal) {
    case PAYMENT_REFUSAL_NO_SUCH_PAYMENT:
        return person->was == PAYMENT_NONE;
    case PAYMENT_REFUSAL_NOT_TAKEN:
        return person->was != PAYMENT_CAPTURED && person->was != PAYMENT_RETURNED;
    case PAYMENT_REFUSAL_GOING_BACK:
        return returned && person->was != PAYMENT_RETURNED;
    case PAYMENT_REFUSAL_GONE_BACK:
        return is == PAYMENT_RETURNED;
    case PAYMENT_REFUSAL_ORDER_NOT_OVER:
        return !person->order_was_over;
    default:
        return false;
    }
}

static void refunded(struct sim_payment_request *request, int rc, const struct payment_step *step)
{
    const struct person *person = CONTAINER_OF(request, struct person, request);
    struct sim *sim = request->sim;

    if (rc)
        return;
    sim_meet(sim, step->verdict == PAYMENT_REFUSED ? MET_REFUND_REFUSED : MET_OPERATOR_REFUNDS);
    if (!is_true(person, step, fake_payment_repo_find(sim_payments(sim), request->payment_id)))
        sim_break(sim, "what somebody is told is so",
                  "the refund of payment %lld, which was %s, is answered %d, \"%s\"", (long long)request->payment_id,
                  payment_state_name(person->was), (int)step->verdict, payment_refusal_text(step->refusal));
}

/* As payment asks order before it decides. */
static bool is_over(const struct sim *sim, int64_t order_id)
{
    const struct order *order = fake_order_repo_find(sim_orders(sim), order_id);

    return !order || order->state == ORDER_COMPLETED || order->state == ORDER_CANCELED;
}

static void gives_back(struct sim_timer *timer)
{
    struct person *person = CONTAINER_OF(timer, struct person, timer);
    struct sim *sim = person->request.sim;
    int64_t id = sim_between(&sim->random, 1, (int64_t)sim_payments(sim)->n + 1);
    const struct payment *payment = fake_payment_repo_find(sim_payments(sim), id);

    person->request.payment_id = id;
    person->was = payment ? payment->state : PAYMENT_NONE;
    person->order_was_over = payment && payment->order_id && is_over(sim, payment->order_id);
    person->request.intent.order_is_over = person->order_was_over;
    if (id < SIM_MOST_ASKED)
        sim->rules->asked_refunds[id]++;
    sim_note(sim, SIM_WORLD, "gives back", id, 0, 0);
    sim_payment_ask(&person->request);
}

static void forges(struct sim_timer *timer)
{
    struct sim *sim = CONTAINER_OF(timer, struct person, timer)->request.sim;

    sim_provider_forge(sim_provider(sim), sim_between(&sim->random, 1, (int64_t)sim_payments(sim)->n + 1));
}

static void come(struct sim *sim, int64_t n, void (*act)(struct sim_timer *))
{
    for (int64_t i = 0; i < n; i++) {
        struct person *person = SIM_NEW(sim, struct person);
        *person = (struct person){
            .timer = {.fire = act},
            .request = {.sim = sim, .intent = {.kind = PAYMENT_REFUND, .reason = STR("sorry")}, .done = refunded}};
        sim_set_timer_within(sim, &person->timer, 0, sim->shape.busy_for);
    }
}

void sim_payment_people_come(struct sim *sim)
{
    if (!sim_payments(sim))
        return;
    come(sim, sim_between(&sim->random, 0, 4), gives_back);
    if (sim_provider(sim))
        come(sim, sim_between(&sim->random, 0, 6), forges);
}
