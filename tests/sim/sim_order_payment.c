/* sim_order_payment.c: how order asks payment, as adapters/order_payment_client.c does: keyed by the client's key, or
 * by one that nobody else has; what comes while payment is asked is asked together. */
#include "errors.h"
#include "sim_payment.h"

struct payment_client {
    struct order_payment_caller port;
    struct sim_service *order;
    struct sim_payment_call *pending;  /* being filled */
    struct sim_payment_call *gathered; /* waits until what is under way is answered, or lingers for too long */
    size_t under_way;
};

struct linger {
    struct sim_timer timer;
    struct payment_client *client;
    struct sim_payment_call *call;
};

static void send_gathered(struct payment_client *client);
static void send(struct sim_payment_call *call);
static struct sim_payment_call *new_call(struct payment_client *client);

/* ---- the answer ---- */

static void go_on(struct sim_service *order, struct order_command *command)
{
    command->base.origin = FROM_EFFECT;
    sim_service_post(order, &command->base);
}

static void take_price(struct sim *sim, struct order_command *command, const struct sim_bill *bill)
{
    if (bill->promised == command->intent.amount)
        return;
    sim_meet(sim, MET_PROMISED_AT_ANOTHER_PRICE);
    if (!sim_has_plant(sim, PLANT_PRICE_OF_NOW))
        command->intent.amount = bill->promised;
}

/* Half of the time for which it is kept is order's. */
static void take(const struct sim_payment_call *call, struct order_command *command, const struct sim_bill *bill)
{
    switch (bill->status) {
    case SIM_BILL_AUTHORIZED:
        command->intent.kind = ORDER_PLACE;
        command->intent.payment_id = bill->payment_id;
        command->paid_until = call->asked_at + bill->valid_us / 2;
        take_price(call->base.from->sim, command, bill);
        break;
    case SIM_BILL_NOT_KNOWN:
        ASSERT(command->effect == ORDER_EFFECT_FIND_PURCHASE);
        command->intent.may_be_known = false;
        break;
    case SIM_BILL_DECLINED:
        command->intent.kind = ORDER_DECLINED;
        break;
    case SIM_BILL_KEY_REUSED:
        command->client.key_reused = true;
        break;
    case SIM_BILL_PENDING:
        command->unanswered = E_OUTCOME_UNKNOWN;
        sim_meet(call->base.from->sim, MET_PAYMENT_PENDING);
        break;
    }
}

static void leave_open(struct sim *sim, struct order_command *command, int error)
{
    command->unanswered = error == E_UNAVAILABLE ? E_UNAVAILABLE : E_OUTCOME_UNKNOWN;
    if (error == E_UNAVAILABLE)
        return;
    sim_meet(sim, MET_PAYMENT_UNANSWERED);
    if (sim_has_plant(sim, PLANT_PAYMENT_TIMEOUT_IS_NO) || sim_has_plant(sim, PLANT_PAYMENT_TIMEOUT_IS_YES)) {
        command->unanswered = OK;
        command->intent.kind = sim_has_plant(sim, PLANT_PAYMENT_TIMEOUT_IS_NO) ? ORDER_DECLINED : ORDER_PLACE;
    }
}

/* Who isn't decided where others are. NULL: nobody. */
static struct sim_payment_call *undecided_of(const struct sim_payment_call *call)
{
    size_t n = 0;

    for (size_t i = 0; i < call->n; i++)
        n += call->bills[i].status == SIM_BILL_PENDING;
    if (n == 0 || n == call->n)
        return NULL;
    struct sim_payment_call *rest = new_call(call->client);
    rest->first_asked_at = call->first_asked_at ? call->first_asked_at : call->asked_at;
    for (size_t i = 0; i < call->n; i++) {
        if (call->bills[i].status != SIM_BILL_PENDING)
            continue;
        rest->bills[rest->n] = call->bills[i];
        rest->commands[rest->n++] = call->commands[i];
    }
    return rest;
}

static void take_all(struct sim_payment_call *call)
{
    struct sim *sim = call->base.from->sim;
    struct sim_payment_call *rest = undecided_of(call);

    for (size_t i = 0; i < call->n; i++) {
        bool is_undecided = rest && call->bills[i].status == SIM_BILL_PENDING;
        if (is_undecided && sim_has_plant(sim, PLANT_UNDECIDED_DECLINED))
            call->bills[i].status = SIM_BILL_DECLINED;
        else if (is_undecided)
            continue;
        take(call, call->commands[i], &call->bills[i]);
        go_on(call->base.from, call->commands[i]);
    }
    if (!rest || sim_has_plant(sim, PLANT_UNDECIDED_DECLINED))
        return;
    sim_meet(sim, MET_UNDECIDED_ASKED_AGAIN);
    send(rest);
}

static void settle(struct sim_call *base, int error)
{
    struct sim_payment_call *call = CONTAINER_OF(base, struct sim_payment_call, base);

    call->client->under_way--;
    if (!error)
        take_all(call);
    for (size_t i = 0; i < call->n && error; i++) {
        leave_open(base->from->sim, call->commands[i], call->first_asked_at ? E_OUTCOME_UNKNOWN : error);
        go_on(base->from, call->commands[i]);
    }
    send_gathered(call->client);
}

static void end_all(struct sim_payment_call *call)
{
    for (size_t i = 0; i < call->n; i++)
        call->commands[i]->base.finish(&call->commands[i]->base, E_CLOSING);
}

static void drop(struct sim_call *base)
{
    end_all(CONTAINER_OF(base, struct sim_payment_call, base));
}

static void arrive(struct sim_call *base)
{
    sim_payment_authorize(CONTAINER_OF(base, struct sim_payment_call, base));
}

/* ---- sending, and gathering ---- */

/* Asked again, it is for what is left of one call's time. */
static void send(struct sim_payment_call *call)
{
    struct sim_service *order = call->base.from;

    call->asked_at = sim_clock_now(order);
    call->client->under_way++;
    if (call->first_asked_at)
        call->base.timeout_us = order->settings.call_timeout - (call->asked_at - call->first_asked_at);
    if (call->base.timeout_us >= 0)
        sim_call_start(&call->base);
    else
        settle(&call->base, E_OUTCOME_UNKNOWN);
}

static void send_gathered(struct payment_client *client)
{
    struct sim_payment_call *call = client->gathered;

    client->gathered = NULL;
    if (call)
        send(call);
}

static void linger_is_over(struct sim_timer *timer)
{
    struct linger *linger = CONTAINER_OF(timer, struct linger, timer);

    if (linger->client->gathered == linger->call)
        send_gathered(linger->client);
}

static bool absorb(struct sim_payment_call *into, const struct sim_payment_call *call)
{
    if (into->n + call->n > SIM_MOST_BATCH)
        return false;
    memcpy(into->bills + into->n, call->bills, call->n * sizeof(call->bills[0]));
    memcpy(into->commands + into->n, call->commands, call->n * sizeof(struct order_command *));
    into->n += call->n;
    return true;
}

static void gather(struct payment_client *client, struct sim_payment_call *call)
{
    struct sim *sim = client->order->sim;

    if (client->gathered && absorb(client->gathered, call)) {
        sim_meet(sim, MET_PAYMENTS_GATHERED);
        return;
    }
    send_gathered(client);
    client->gathered = call;
    if (client->under_way == 0) {
        send_gathered(client);
        return;
    }
    struct linger *linger = SIM_NEW(sim, struct linger);
    *linger = (struct linger){.timer = {.fire = linger_is_over}, .client = client, .call = call};
    sim_set_timer(sim, &linger->timer, sim->now + client->order->settings.payment_linger);
}

/* ---- the question ---- */

static struct sim_payment_call *new_call(struct payment_client *client)
{
    static const struct sim_call_type type = {"hears of its payments", arrive, settle, drop};
    struct sim *sim = client->order->sim;
    struct sim_payment_call *call = SIM_NEW(sim, struct sim_payment_call);

    call->base.type = &type;
    call->base.from = client->order;
    call->base.to = sim->services[SIM_PAYMENT];
    call->client = client;
    return call;
}

static void add(struct sim_payment_call *call, struct order_command *command)
{
    struct sim *sim = call->client->order->sim;

    ASSERT(call->n < SIM_MOST_BATCH);
    call->bills[call->n] = (struct sim_bill){
        .key = command->client.key.n ? sim_copy(sim, command->client.key)
                                     : sim_text(sim, "own-%016llx", (unsigned long long)sim_random_next(&sim->random)),
        .method = sim_copy(sim, command->payment_method),
        .amount = command->intent.amount,
        .body = sim_has_plant(sim, PLANT_BODY_NOT_TOLD) ? 0 : (int64_t)command->client.fingerprint.members,
        .only_if_known = command->effect == ORDER_EFFECT_FIND_PURCHASE,
    };
    call->commands[call->n++] = command;
}

static void authorize(struct order_payment_caller *caller, struct order_command *command)
{
    struct payment_client *client = CONTAINER_OF(caller, struct payment_client, port);

    if (!client->pending)
        client->pending = new_call(client);
    add(client->pending, command);
}

/* Between the batches, where a process dies only as a whole. */
static bool authorize_here(struct order_payment_caller *caller, struct order_command *command)
{
    struct payment_client *client = CONTAINER_OF(caller, struct payment_client, port);
    struct sim_payment_call *call = new_call(client);

    add(call, command);
    gather(client, call);
    sim_meet(client->order->sim, MET_PAYMENT_ASKED_WITHOUT_A_TURN);
    return true;
}

static void flush(struct order_payment_caller *caller)
{
    struct payment_client *client = CONTAINER_OF(caller, struct payment_client, port);
    struct sim_payment_call *call = client->pending;

    client->pending = NULL;
    if (!call)
        return;
    if (sim_port_call(client->order)) {
        gather(client, call);
    } else {
        call->base.next = client->order->calls; /* to be dropped with the others */
        client->order->calls = &call->base;
    }
}

struct order_payment_caller *sim_order_payment_new(struct sim_service *order)
{
    struct payment_client *client = SIM_NEW(order->sim, struct payment_client);

    *client = (struct payment_client){
        .port = {.authorize = authorize, .flush = flush, .authorize_here = authorize_here}, .order = order};
    return &client->port;
}

void sim_order_payment_end(struct order_payment_caller *caller)
{
    struct payment_client *client = CONTAINER_OF(caller, struct payment_client, port);

    if (client->gathered)
        end_all(client->gathered);
    client->gathered = NULL;
    client->under_way = 0;
}
