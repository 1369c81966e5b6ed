#include "payment_app.h"

#include "base.h"
#include "errors.h"
#include "payment_load.h"

/* How soon due payments are looked at again that can't be given up yet, because order's facts may still come. */
static const int64_t look_again_us = INT64_C(1000000);

static struct payment_command *command_of(struct command *command)
{
    return CONTAINER_OF(command, struct payment_command, base);
}

/* Nobody knows how long we were away. A clock that was set back must not keep anybody's money for longer than was said;
 * one that was set ahead must not take an approval from order, which may use it for half its time. */
static int bring_back(struct payment_app *app, int64_t now)
{
    struct payment_repo *repo = app->ports.repo;

    app->brings_back = !app->brought_back;
    if (!app->brings_back)
        return OK;
    app->gives_up_from = now + app->policy.authorization_us / 2;
    return repo->bring_back(repo, now + app->policy.authorization_us);
}

static int begin(struct payment_app *app, struct payment_batch *batch, size_t n, int64_t now)
{
    *batch = (struct payment_batch){0};
    arena_reset(&app->arena);
    int rc = batch_begin(&batch->base, now, n, &app->cursors, &app->outbox, &app->arena);
    if (!rc)
        rc = bring_back(app, now);
    batch->base.wall = now + app->core.wall_ahead;
    return rc;
}

/* ---- decide ---- */

/* What was taken and given back since then. */
static void book(struct payment_batch *batch, const struct payment *before, const struct payment *payment)
{
    const int64_t moved[] = {payment->captured - before->captured, before->returned - payment->returned};

    for (size_t i = 0; i < COUNT_OF(moved); i++) {
        if (moved[i])
            batch->bookings[batch->n_bookings++] =
                (struct payment_booking){payment->id, payment->order_id, moved[i], payment->currency, batch->base.wall};
    }
}

static void count(struct payment_tally *tally, enum payment_state before, const struct payment *payment)
{
    if (payment->state == before)
        return;
    tally->authorized += payment->state == PAYMENT_AUTHORIZED;
    tally->declined += payment->state == PAYMENT_DECLINED;
    tally->captured += payment->state == PAYMENT_CAPTURED;
    tally->voided += payment->state == PAYMENT_RETURNED && !payment_was_taken(payment);
    tally->refunded += payment->state == PAYMENT_RETURNED && payment_was_taken(payment);
}

static enum payment_verdict decide(struct payment_app *app, struct payment_batch *batch, struct payment_entry *entry,
                                   const struct payment_intent *intent, const struct payment_command *command,
                                   enum payment_refusal *refusal)
{
    struct payment_decision decision;
    struct payment *payment = &entry->payment;
    struct payment before = *payment;

    enum payment_verdict verdict =
        payment_decide(payment, intent, &app->policy, batch->base.now, batch->base.wall, &decision);
    *refusal = decision.refusal;
    if (verdict != PAYMENT_DECIDED)
        return verdict;
    payment_apply(payment, &decision.event);
    book(batch, &before, payment);
    count(&batch->tally, before.state, payment);
    entry->changed = true;
    if (decision.event.kind != PAYMENT_EVENT_NOTED)
        app->ports.write_event(&app->outbox, payment, &decision.event, command ? command->correlation : STR(""),
                               command ? command->traceparent : STR(""));
    return verdict;
}

static struct provider_question question_of(const struct payment *payment)
{
    static const enum provider_operation operations[PAYMENT_STATE_COUNT] = {
        [PAYMENT_PENDING] = PROVIDER_AUTHORIZE,
        [PAYMENT_CAPTURING] = PROVIDER_CAPTURE,
        [PAYMENT_RETURNING] = PROVIDER_RETURN,
    };

    return (struct provider_question){
        .operation = operations[payment->state],
        .payment_id = payment->id,
        .key = payment->key,
        .amount = payment->amount,
        .captured = payment->captured,
        .currency = payment->currency,
        .method = payment->method,
        .reference = payment->reference,
    };
}

/* What a provider says that needs nobody to be asked happens in the same batch. */
static void decide_at_once(struct payment_app *app, struct payment_batch *batch, struct payment_entry *entry,
                           const struct payment_command *command)
{
    struct payment_intent answer = {0};
    enum payment_refusal refusal;

    if (!entry->changed || !payment_is_owed(&entry->payment))
        return;
    struct provider_question question = question_of(&entry->payment);
    if (!app->ports.provider->decide(app->ports.provider, &question, &answer))
        return;
    decide(app, batch, entry, &answer, command, &refusal);
}

/* The payment that a purchase's key has, or a new one: there is none, or that one is over and the key is used again.
 * NULL: none is to be begun. */
static struct payment_entry *entry_of_key(struct payment_app *app, struct payment_batch *batch,
                                          const struct payment_step *step)
{
    size_t known = batch->key_entry[step->key];

    if (known && !payment_is_over(&batch->entries[known - 1].payment))
        return &batch->entries[known - 1];
    if (step->only_if_known)
        return NULL;
    app->last_id = cell_next_id(app->cell, app->last_id);
    size_t at = working_set_number(&batch->ids, app->last_id);
    batch->entries[at] = (struct payment_entry){.payment = {.id = app->last_id}, .is_new = true};
    batch->key_entry[step->key] = at + 1;
    return &batch->entries[at];
}

/* Another cell's payment is not this one's to change, whoever names it here. */
static bool is_own(const struct payment_app *app, const struct payment_step *step)
{
    return cell_of_id(step->payment_id, app->cell.count) == app->cell.number;
}

static void take_step(struct payment_app *app, struct payment_batch *batch, struct payment_step *step,
                      const struct payment_command *command)
{
    bool is_purchase = step->intent.kind == PAYMENT_AUTHORIZE;
    struct payment_entry *entry = is_purchase ? entry_of_key(app, batch, step)
                                              : &batch->entries[working_set_number(&batch->ids, step->payment_id)];

    if (!entry) {
        step->verdict = PAYMENT_REFUSED;
        step->payment = (struct payment){0};
        step->payment_id = 0;
        return;
    }
    step->key_of_another =
        is_purchase && entry->payment.state != PAYMENT_NONE && !payment_is_same(&entry->payment, &step->intent);
    if (step->key_of_another) {
        step->verdict = PAYMENT_REFUSED;
    } else if (!is_purchase && !is_own(app, step)) {
        step->verdict = PAYMENT_BROKEN;
    } else {
        step->verdict = decide(app, batch, entry, &step->intent, command, &step->refusal);
        decide_at_once(app, batch, entry, command);
    }
    step->payment = entry->payment;
    step->payment_id = entry->payment.id;
    step->valid_us = entry->payment.expires_at - batch->base.now;
}

/* An event that the payment refuses is put aside, so that it neither blocks those behind it nor gets lost. */
static void bury_refused(struct payment_batch *batch, struct payment_command *command)
{
    const struct payment_step *step = &command->steps[0];

    if (step->verdict == PAYMENT_REFUSED)
        batch_bury(&batch->base, &command->base, str_of(payment_refusal_text(step->refusal)));
    else if (step->verdict == PAYMENT_BROKEN)
        batch_bury(&batch->base, &command->base, STR("contradicts what is known of the payment"));
}

static void decide_and_answer(struct payment_app *app, struct payment_batch *batch, struct payment_command *command)
{
    if (!batch_admit(&batch->base, &command->base))
        return;
    for (size_t i = 0; i < command->n; i++)
        take_step(app, batch, &command->steps[i], command);
    bury_refused(batch, command);
    if (command->render)
        command->render(command);
}

/* Whether its order would be known by now if there were one. What lies aside may be the order. */
static bool is_given_up(struct payment_app *app, const struct payment_batch *batch, const struct payment *payment)
{
    const struct cursors *cursors = &batch->base.cursors;
    struct order_feed *orders = app->ports.orders;
    bool waits = payment->state == PAYMENT_AUTHORIZED || payment->state == PAYMENT_PENDING;
    int64_t from = payment->expires_at > app->gives_up_from ? payment->expires_at : app->gives_up_from;

    if (!waits || payment->expires_at > batch->base.now || batch->has_letters || batch->base.n_dead)
        return false;
    return orders->complete_at(orders, app->cell.number, cursors->epoch[PAYMENT_SOURCE_ORDER],
                               cursors->position[PAYMENT_SOURCE_ORDER]) >= from;
}

/* What happens by itself: what nobody came for is given back, and who owes an answer is asked again. */
static void decide_by_itself(struct payment_app *app, struct payment_batch *batch)
{
    enum payment_refusal refusal;

    for (size_t i = 0; i < batch->n_due; i++) {
        struct payment_entry *entry = &batch->entries[working_set_number(&batch->ids, batch->due[i].id)];
        struct payment *payment = &entry->payment;
        if (payment->due_at == 0 || payment->due_at > batch->base.now)
            continue; /* a command of this batch has dealt with it */
        if (is_given_up(app, batch, payment)) {
            decide(app, batch, entry, &(struct payment_intent){.kind = PAYMENT_EXPIRE}, NULL, &refusal);
        } else if (payment_is_owed(payment)) {
            payment_ask_again(payment, &app->policy, batch->base.now);
            entry->changed = true;
        }
        decide_at_once(app, batch, entry, NULL);
    }
}

/* ---- commit, announce ---- */

/* Everything that changed and is still owed has been noted as asked: now it is. */
static void ask_provider(struct payment_app *app, const struct payment_batch *batch)
{
    struct payment_provider *provider = app->ports.provider;

    for (size_t i = 0; i < batch->ids.n; i++) {
        const struct payment_entry *entry = &batch->entries[i];
        if (!entry->changed || !payment_is_owed(&entry->payment))
            continue;
        struct provider_question question = question_of(&entry->payment);
        provider->ask(provider, &question);
    }
    provider->flush(provider);
}

/* Whoever has been waiting is answered, and who asked in this batch begins to wait. */
static void let_wait(struct payment_app *app, struct payment_batch *batch, struct command *const *commands, size_t n)
{
    int64_t patience = app->ports.provider->patience_us;

    payment_waiting_answer(&app->waiting, batch);
    for (size_t i = 0; patience && i < n; i++) {
        struct payment_command *command = command_of(commands[i]);
        if (commands[i]->fate == COMMAND_NORMAL && commands[i]->origin == FROM_CLIENT && command->waited_us < patience)
            payment_waiting_keep(&app->waiting, command, batch, batch->base.now + patience - command->waited_us);
    }
}

static void look_ahead(struct payment_app *app, const struct payment_batch *batch)
{
    int64_t now = batch->base.now;

    for (size_t i = 0; i < batch->ids.n; i++) {
        int64_t due = batch->entries[i].payment.due_at;
        if (batch->entries[i].changed && due && due < app->next_scan)
            app->next_scan = due;
    }
    if (now < app->next_scan)
        return;
    int64_t due = now;
    if (app->ports.repo->next_due(app->ports.repo, (struct due_payment){0}, &due))
        due = now; /* not known: look again */
    /* those that stay due wait for what order still has to say */
    app->next_scan = due <= now && batch->n_due < PAYMENT_DUE_AT_ONCE ? now + look_again_us : due;
}

static void announce(struct payment_app *app, struct payment_batch *batch, struct command *const *commands, size_t n)
{
    app->cursors = batch->base.cursors;
    if (app->outbox.count)
        app->ports.events->publish(app->ports.events, &app->outbox);
    look_ahead(app, batch);
    let_wait(app, batch, commands, n);
    ask_provider(app, batch);
}

static int decide_batch(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct payment_app *app = CONTAINER_OF(core, struct payment_app, core);
    struct payment_batch *batch = &app->batch;

    app->committed_id = app->last_id;
    int rc = begin(app, batch, n, now);
    if (!rc)
        rc = payment_load(app, batch, commands, n);
    for (size_t i = 0; i < n && !rc; i++)
        decide_and_answer(app, batch, command_of(commands[i]));
    if (rc)
        return rc;
    decide_by_itself(app, batch);
    return app->ports.repo->commit(app->ports.repo, batch);
}

static void settle(struct core *core, struct command *const *commands, size_t n, int rc)
{
    struct payment_app *app = CONTAINER_OF(core, struct payment_app, core);

    if (app->ports.repo->settle)
        app->ports.repo->settle(app->ports.repo, &app->batch, rc);
    if (rc) {
        app->last_id = app->committed_id;
        outbox_abandon(&app->outbox);
    } else {
        app->brought_back |= app->brings_back;
        announce(app, &app->batch, commands, n);
    }
}

static int64_t next_due(struct core *core)
{
    const struct payment_app *app = CONTAINER_OF(core, struct payment_app, core);
    int64_t waiting = payment_waiting_until(&app->waiting);

    return waiting < app->next_scan ? waiting : app->next_scan;
}

int payment_app_init(struct payment_app *app, const struct payment_ports *ports, struct cell cell,
                     const struct payment_policy *policy, const struct cursors *cursors)
{
    uint64_t last_position;

    *app = (struct payment_app){.core = {.decide = decide_batch, .settle = settle, .next_due = next_due},
                                .ports = *ports,
                                .policy = *policy,
                                .cell = cell,
                                .cursors = *cursors};
    ASSERT(ports->repo && ports->provider && ports->orders && ports->events && ports->write_event);
    int rc = ports->repo->restore(ports->repo, &app->last_id, &last_position, &app->cursors);
    if (rc)
        return rc;
    arena_init(&app->arena, (size_t)1024 * 1024); /* a full batch: what it doesn't need is never touched */
    outbox_init(&app->outbox, "payment", last_position);
    return OK;
}

void payment_app_let_go(struct payment_app *app)
{
    payment_waiting_end(&app->waiting);
}

void payment_app_free(struct payment_app *app)
{
    outbox_free(&app->outbox);
    arena_free(&app->arena);
}
