#include "sim_provider.h"

#include "alloc.h"
#include "errors.h"
#include "sim_payment.h"

#include <stdlib.h>

enum { MOST_TRIES = 3 };
static const int64_t tolerance = 20 * (int64_t)US_PER_S; /* how old a signed message may be */

/** What it says of an operation, by its answer or by the webhook. */
struct outcome {
    bool is_known;
    struct payment_intent intent;
};

struct provider_call {
    struct sim_call base;
    struct sim_provider *provider;
    enum provider_operation operation;
    int64_t payment_id, amount;
    struct outcome outcome;
};

struct webhook {
    struct sim_timer timer;
    struct sim_payment_request request;
    struct sim_provider *provider;
    enum provider_operation operation;
    int64_t amount, said_at;
    bool is_signed;
    int tries;
};

/* ---- its books ---- */

static struct sim_charge *find(const struct sim_provider *self, int64_t payment_id)
{
    for (size_t i = 0; i < self->n; i++) {
        if (self->charges[i].payment_id == payment_id)
            return &self->charges[i];
    }
    return NULL;
}

const struct sim_charge *sim_provider_find(const struct sim_provider *provider, int64_t payment_id)
{
    return find(provider, payment_id);
}

static struct sim_charge *charge_of(struct sim_provider *self, int64_t payment_id, int64_t amount)
{
    struct sim_charge *charge = find(self, payment_id);

    if (charge)
        return charge;
    self->charges = fake_grow(self->charges, self->n, 1, &self->room, sizeof(*self->charges));
    self->charges[self->n] = (struct sim_charge){.payment_id = payment_id, .amount = amount};
    self->charges[self->n].approves = sim_chance(&self->payment->sim->random, 850);
    return &self->charges[self->n++];
}

static void do_work(struct sim_charge *charge, enum provider_operation operation)
{
    bool is_gone = charge->work[PROVIDER_RETURN].done;

    charge->work[operation].done = true;
    switch (operation) {
    case PROVIDER_AUTHORIZE:
        charge->approved = charge->approves && !is_gone;
        break;
    case PROVIDER_CAPTURE:
        charge->captured = charge->amount;
        break;
    case PROVIDER_RETURN:
        charge->returned = charge->captured;
        charge->work[PROVIDER_AUTHORIZE].done = true; /* one that arrives later is declined */
        break;
    }
}

/* What has been let go of isn't taken any more. */
static bool is_due(const struct sim_charge *charge, enum provider_operation operation, int64_t now)
{
    const struct sim_work *work = &charge->work[operation];

    return work->asked && !work->done && work->done_at <= now &&
           !(operation == PROVIDER_CAPTURE && charge->work[PROVIDER_RETURN].done);
}

/* Everything whose time has come, in its order. */
static void advance(struct sim_provider *self, struct sim_charge *charge)
{
    int64_t now = self->payment->sim->now;
    int next;

    do {
        next = -1;
        for (int i = PROVIDER_AUTHORIZE; i <= PROVIDER_RETURN; i++) {
            if (is_due(charge, (enum provider_operation)i, now) &&
                (next < 0 || charge->work[i].done_at < charge->work[next].done_at))
                next = i;
        }
        if (next >= 0) {
            do_work(charge, (enum provider_operation)next);
            self->n_changes++;
        }
    } while (next >= 0);
}

static struct outcome outcome_of(const struct sim_charge *charge, enum provider_operation operation)
{
    static const enum payment_command_kind kinds[] = {[PROVIDER_AUTHORIZE] = PAYMENT_APPROVED,
                                                      [PROVIDER_CAPTURE] = PAYMENT_TAKEN,
                                                      [PROVIDER_RETURN] = PAYMENT_GIVEN_BACK};
    struct outcome outcome = {.is_known = charge->work[operation].done, .intent = {.kind = kinds[operation]}};

    outcome.intent.was_taken = operation == PROVIDER_RETURN && charge->captured;
    if (operation == PROVIDER_AUTHORIZE && charge->approved)
        outcome.intent.reference = STR("au");
    if (operation == PROVIDER_AUTHORIZE && !charge->approved)
        outcome.intent = (struct payment_intent){.kind = PAYMENT_DECLINED_BY, .reason = STR("no")};
    return outcome;
}

/* ---- what it says by itself ---- */

static void send_webhook(struct webhook *webhook, int64_t at)
{
    webhook->said_at = at;
    sim_set_timer(webhook->provider->payment->sim, &webhook->timer, at);
}

static void taken(struct sim_payment_request *request, int rc, const struct payment_step *step)
{
    struct webhook *webhook = CONTAINER_OF(request, struct webhook, request);
    struct sim *sim = request->sim;

    if (rc) {
        if (webhook->is_signed && ++webhook->tries < MOST_TRIES)
            send_webhook(webhook, sim->now + US_PER_S);
        return;
    }
    if (step->verdict == PAYMENT_REPEAT)
        sim_meet(sim, MET_WEBHOOK_AGAIN);
    if (webhook->is_signed && step->verdict != PAYMENT_REPEAT && step->verdict != PAYMENT_DECIDED)
        sim_break(sim, "7: what the provider says doesn't contradict what is known", "payment %lld is %s, and hears %s",
                  (long long)request->payment_id, payment_state_name(step->payment.state),
                  payment_command_name(request->intent.kind));
    if (webhook->is_signed && ++webhook->tries < MOST_TRIES && sim_fault(sim, 200))
        sim_set_timer_within(sim, &webhook->timer, 0, 40 * US_PER_S); /* as it was, by somebody who has seen it */
}

/* As adapters/payment_webhook.c looks at it. */
static bool is_believed(const struct webhook *webhook)
{
    struct sim *sim = webhook->provider->payment->sim;

    if (!webhook->is_signed)
        sim_meet(sim, MET_WEBHOOK_FORGED);
    if (sim_has_plant(sim, PLANT_WEBHOOK_NOT_VERIFIED))
        return true;
    return webhook->is_signed && sim->now - webhook->said_at <= tolerance;
}

static void webhook_comes(struct sim_timer *timer)
{
    struct webhook *webhook = CONTAINER_OF(timer, struct webhook, timer);
    struct sim *sim = webhook->provider->payment->sim;
    const struct payment *payment = fake_payment_repo_find(sim_payments(sim), webhook->request.payment_id);

    if (webhook->is_signed) {
        struct sim_charge *charge = find(webhook->provider, webhook->request.payment_id);
        advance(webhook->provider, charge);
        struct outcome outcome = outcome_of(charge, webhook->operation);
        if (!outcome.is_known)
            return;
        webhook->request.intent = outcome.intent;
    }
    sim_note(sim, SIM_WORLD, "says by the webhook", webhook->request.payment_id, (int64_t)webhook->request.intent.kind,
             webhook->is_signed);
    if (is_believed(webhook) && payment && payment->amount == webhook->amount)
        sim_payment_ask(&webhook->request);
}

static struct webhook *new_webhook(struct sim_provider *self, int64_t payment_id, int64_t amount)
{
    struct webhook *webhook = SIM_NEW(self->payment->sim, struct webhook);

    *webhook = (struct webhook){.timer = {.fire = webhook_comes},
                                .request = {.sim = self->payment->sim, .payment_id = payment_id, .done = taken},
                                .provider = self,
                                .amount = amount};
    return webhook;
}

static void tell_by_webhook(struct sim_provider *self, const struct sim_charge *charge,
                            enum provider_operation operation)
{
    struct sim *sim = self->payment->sim;
    struct webhook *webhook = new_webhook(self, charge->payment_id, charge->amount);

    webhook->is_signed = true;
    webhook->operation = operation;
    send_webhook(webhook, charge->work[operation].done_at +
                              sim_between(&sim->random, 0, sim_fault(sim, 300) ? 5 * US_PER_S : 2 * US_PER_MS));
}

void sim_provider_forge(struct sim_provider *provider, int64_t payment_id)
{
    static const enum payment_command_kind kinds[] = {PAYMENT_APPROVED, PAYMENT_DECLINED_BY, PAYMENT_TAKEN,
                                                      PAYMENT_GIVEN_BACK};
    struct sim_random *random = &provider->payment->sim->random;
    const struct payment *payment = fake_payment_repo_find(sim_payments(provider->payment->sim), payment_id);
    struct webhook *webhook = new_webhook(provider, payment_id, payment ? payment->amount : 1);

    webhook->request.intent = (struct payment_intent){.kind = kinds[sim_between(random, 0, COUNT_OF(kinds) - 1)],
                                                      .was_taken = sim_chance(random, 500)};
    send_webhook(webhook, provider->payment->sim->now);
}

/* ---- what it is asked ---- */

/* When it will have done it: at once, mostly. */
static int64_t some_time(struct sim *sim)
{
    if (sim->calm)
        return sim->now + (sim_chance(&sim->random, 100) ? US_PER_S : 0);
    return sim->now + (sim_chance(&sim->random, sim->shape.provider_late)
                           ? sim_between(&sim->random, 10 * US_PER_MS, 12 * US_PER_S)
                           : 0);
}

static void arrive(struct sim_call *base)
{
    struct provider_call *call = CONTAINER_OF(base, struct provider_call, base);
    struct sim_provider *self = call->provider;
    struct sim *sim = base->from->sim;
    struct sim_charge *charge = charge_of(self, call->payment_id, call->amount);
    struct sim_work *work = &charge->work[call->operation];
    bool was_done = work->done;

    if (call->operation == PROVIDER_CAPTURE && !charge->approved)
        sim_break(sim, "7: only what was approved is taken", "payment %lld", (long long)call->payment_id);
    if (charge->amount != call->amount)
        sim_break(sim, "7: a payment is one amount",
                  "the provider is asked for %lld of payment %lld, which was of %lld", (long long)call->amount,
                  (long long)call->payment_id, (long long)charge->amount);
    if (!work->asked) {
        work->asked = true;
        work->done_at = some_time(sim);
        if (sim_chance(&sim->random, 400))
            tell_by_webhook(self, charge, call->operation);
    }
    advance(self, charge);
    if (call->operation == PROVIDER_RETURN && work->done && was_done && sim_has_plant(sim, PLANT_REFUND_REPEATED))
        charge->returned += charge->captured;
    if (base->answered)
        return;
    call->outcome = outcome_of(charge, call->operation);
    sim_call_answer(base, OK);
}

/* ---- payment's side of it, as adapters/http_provider.c ---- */

struct provider_answer {
    struct payment_command command;
    struct payment_step step;
};

static void finish(struct command *base, int rc)
{
    UNUSED(rc);
    heap_free(CONTAINER_OF(base, struct provider_answer, command.base));
}

static void post_answer(const struct provider_call *call, const struct payment_intent *intent)
{
    struct provider_answer *answer = heap_alloc(sizeof(*answer));

    ASSERT(answer);
    answer->step = (struct payment_step){.intent = *intent, .payment_id = call->payment_id};
    answer->command =
        (struct payment_command){.base = {.origin = FROM_EFFECT, .finish = finish}, .steps = &answer->step, .n = 1};
    sim_service_post(call->base.from, &answer->command.base);
}

static void settle(struct sim_call *base, int error)
{
    struct provider_call *call = CONTAINER_OF(base, struct provider_call, base);
    struct sim *sim = base->from->sim;
    const struct payment *payment = fake_payment_repo_find(sim_payments(sim), call->payment_id);
    bool is_first = call->operation == PROVIDER_AUTHORIZE;

    if (error && error != E_UNAVAILABLE)
        sim_meet(sim, MET_PROVIDER_UNANSWERED);
    else if (!error && !call->outcome.is_known)
        sim_meet(sim, MET_PROVIDER_PENDING);
    if (error && is_first && sim_has_plant(sim, PLANT_PROVIDER_TIMEOUT_IS_NO))
        post_answer(call, &(struct payment_intent){.kind = PAYMENT_DECLINED_BY, .reason = STR("no answer")});
    if (error && is_first && sim_has_plant(sim, PLANT_PROVIDER_TIMEOUT_IS_YES))
        post_answer(call, &(struct payment_intent){.kind = PAYMENT_APPROVED, .reference = STR("au")});
    if (error || !call->outcome.is_known)
        return;
    if (is_first && payment && payment->attempt > 1 && call->outcome.intent.kind == PAYMENT_DECLINED_BY)
        sim_meet(sim, MET_PROVIDER_DECLINES_LATE);
    if (is_first && payment && payment->state != PAYMENT_PENDING)
        sim_meet(sim, MET_WEBHOOK_FIRST);
    post_answer(call, &call->outcome.intent);
}

static void drop(struct sim_call *base)
{
    UNUSED(base);
}

static bool decide(struct payment_provider *port, const struct provider_question *question,
                   struct payment_intent *answer)
{
    UNUSED(port);
    UNUSED(question);
    UNUSED(answer);
    return false;
}

static void ask(struct payment_provider *port, const struct provider_question *question)
{
    static const struct sim_call_type type = {"hears of the provider", arrive, settle, drop};
    struct sim_provider *self = CONTAINER_OF(port, struct sim_provider, port);
    void *memory = heap_alloc(1);

    heap_free(memory);
    if (!memory || !sim_port_call(self->payment))
        return;
    struct provider_call *call = SIM_NEW(self->payment->sim, struct provider_call);
    *call = (struct provider_call){
        .base = {.type = &type, .from = self->payment, .timeout_us = self->payment->settings.provider_timeout},
        .provider = self,
        .operation = question->operation,
        .payment_id = question->payment_id,
        .amount = question->amount,
    };
    sim_call_start(&call->base);
}

static void flush(struct payment_provider *port)
{
    UNUSED(port);
}

/* ---- beginning and end ---- */

void sim_provider_open(struct sim_provider *provider, struct sim_service *payment)
{
    *provider = (struct sim_provider){.port = {.decide = decide, .ask = ask, .flush = flush}, .payment = payment};
}

void sim_provider_close(struct sim_provider *provider)
{
    free(provider->charges);
    provider->charges = NULL;
    provider->n = provider->room = 0;
}

void sim_provider_copy(struct sim_provider *to, const struct sim_provider *from)
{
    *to = *from;
    to->charges = fake_duplicate(from->charges, from->n, sizeof(*from->charges));
    to->room = from->n;
}

void sim_provider_put_back(struct sim_provider *provider, const struct sim_provider *copy)
{
    sim_provider_close(provider);
    if (copy) {
        provider->charges = fake_duplicate(copy->charges, copy->n, sizeof(*copy->charges));
        provider->n = provider->room = copy->n;
    }
    provider->n_changes++;
}
