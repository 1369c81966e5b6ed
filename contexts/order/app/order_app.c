#include "order_app.h"

#include "base.h"
#include "errors.h"

static struct order_command *command_of(struct command *command)
{
    return CONTAINER_OF(command, struct order_command, base);
}

/* There is no order yet, and no id. */
static bool is_without_order(const struct order_command *command)
{
    return command->intent.kind == ORDER_BUY || command->intent.kind == ORDER_DECLINED;
}

static int begin(struct order_app *app, struct order_batch *batch, size_t n, int64_t now)
{
    *batch = (struct order_batch){0};
    arena_reset(&app->arena);
    int rc = batch_begin(&batch->base, now, n, &app->cursors, &app->outbox, &app->arena);
    if (rc)
        return rc;
    batch->base.wall = now + app->core.wall_ahead;
    batch->entries = ARENA_ARRAY(&app->arena, struct order_entry, n + 1);
    if (!batch->entries || !working_set_init(&batch->set, n, &app->arena))
        return E_MEMORY;
    return OK;
}

/* Says which orders and keys the batch needs, then loads them all at once. */
static int load(struct order_app *app, struct order_batch *batch, struct command *const *commands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct order_command *command = command_of(commands[i]);
        if (command->base.fate != COMMAND_NORMAL)
            continue;
        if (command->intent.kind != ORDER_PLACE && !is_without_order(command))
            working_set_number(&batch->set, command->order_id);
        client_request_look_up(&batch->base, &command->client);
    }
    batch->n_loaded = batch->set.n;
    return app->ports.repo->load(app->ports.repo, batch);
}

/* Payment may give it back before it is committed. */
static bool is_paid_too_long_ago(const struct order_command *command, const struct order_batch *batch)
{
    return command->intent.kind == ORDER_PLACE && command->intent.payment_id && batch->base.now >= command->paid_until;
}

static void decide_without_order(struct order_command *command, int64_t wall)
{
    struct order_decision decision;

    command->order = (struct order){0};
    command->verdict = order_decide(&command->order, &command->intent, wall, &decision);
    command->refusal = decision.refusal;
    command->effect = decision.effect;
}

static void decide(struct order_app *app, struct order_batch *batch, struct order_command *command)
{
    struct order_decision decision;
    int64_t last_id = app->last_id;

    if (command->intent.kind == ORDER_PLACE)
        command->order_id = app->last_id = cell_next_id(app->cell, last_id);
    struct order_entry *entry = &batch->entries[working_set_number(&batch->set, command->order_id)];
    struct order *order = &entry->order;
    order->id = command->order_id;

    command->verdict = order_decide(order, &command->intent, batch->base.wall, &decision);
    command->refusal = decision.refusal;
    command->effect = decision.effect;
    if (command->intent.kind == ORDER_PLACE && command->verdict == ORDER_REFUSED)
        app->last_id = last_id; /* nobody has heard of it */
    if (command->verdict == ORDER_DECIDED) {
        order_apply(order, &decision.event);
        entry->changed = true;
        entry->is_new |= decision.event.kind == ORDER_EVENT_ORDERED;
        if (decision.event.kind != ORDER_EVENT_NOTED)
            app->ports.write_event(&app->outbox, order, &decision.event, command);
    }
    command->order = *order;
}

/* An event that the order refuses is put aside, so that it neither blocks those behind it nor gets lost. */
static void bury_refused(struct order_batch *batch, const struct order_command *command)
{
    if (command->verdict == ORDER_REFUSED)
        batch_bury(&batch->base, &command->base, str_of(order_refusal_text(command->refusal)));
    else if (command->verdict == ORDER_BROKEN)
        batch_bury(&batch->base, &command->base, STR("contradicts what is known of the order"));
}

static int decide_and_answer(struct order_app *app, struct order_batch *batch, struct order_command *command)
{
    if (!batch_admit(&batch->base, &command->base))
        return OK;
    command->verdict = ORDER_DECIDED; /* what came back from an effect was asked for before */
    if (command->unanswered || command->client.key_reused)
        return OK;
    if (client_request_is_settled(&batch->base, &command->client))
        return OK;
    if (is_paid_too_long_ago(command, batch)) {
        command->unanswered = E_UNAVAILABLE;
        return OK;
    }
    if (is_without_order(command))
        decide_without_order(command, batch->base.wall);
    else
        decide(app, batch, command);
    bury_refused(batch, command);
    if (!command->render || command->verdict == ORDER_ASK)
        return OK;
    command->render(command);
    /* Who was shown another price may agree to the right one with the same key: nothing was done under it. */
    if (order_refusal_is_of_price(command->refusal))
        return OK;
    return client_request_keep(&batch->base, &command->client);
}

static void ask(struct order_app *app, struct order_command *command)
{
    command->base.kept = true;
    switch (command->effect) {
    case ORDER_EFFECT_CANCEL_PRODUCTION:
        app->ports.product->cancel(app->ports.product, command);
        break;
    case ORDER_EFFECT_AUTHORIZE:
    case ORDER_EFFECT_FIND_PURCHASE:
        app->ports.payment->authorize(app->ports.payment, command);
        break;
    case ORDER_EFFECT_NONE:
        ASSERT(false);
    }
}

/* After the commit: events become visible, and product and payment are asked. */
static void announce(struct order_app *app, struct order_batch *batch, struct command *const *commands, size_t n)
{
    app->cursors = batch->base.cursors;
    if (app->outbox.count)
        app->ports.events->publish(app->ports.events, &app->outbox);
    for (size_t i = 0; i < n; i++) {
        struct order_command *command = command_of(commands[i]);
        if (commands[i]->fate != COMMAND_NORMAL || command->verdict != ORDER_ASK || command->unanswered)
            continue;
        ask(app, command);
    }
    if (app->ports.payment)
        app->ports.payment->flush(app->ports.payment);
}

static int decide_batch(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct order_app *app = CONTAINER_OF(core, struct order_app, core);
    struct order_batch *batch = &app->batch;

    app->committed_id = app->last_id;
    int rc = begin(app, batch, n, now);
    if (!rc)
        rc = load(app, batch, commands, n);
    for (size_t i = 0; i < n && !rc; i++)
        rc = decide_and_answer(app, batch, command_of(commands[i]));
    return rc ? rc : app->ports.repo->commit(app->ports.repo, batch);
}

static void settle(struct core *core, struct command *const *commands, size_t n, int rc)
{
    struct order_app *app = CONTAINER_OF(core, struct order_app, core);

    if (rc) {
        app->last_id = app->committed_id;
        outbox_abandon(&app->outbox);
    } else {
        announce(app, &app->batch, commands, n);
    }
}

static int64_t next_due(struct core *core)
{
    UNUSED(core);
    return INT64_MAX; /* an order waits for others, never for the clock */
}

int order_app_init(struct order_app *app, const struct order_ports *ports, struct cell cell,
                   const struct cursors *cursors)
{
    uint64_t last_position;

    *app = (struct order_app){.core = {.decide = decide_batch, .settle = settle, .next_due = next_due},
                              .ports = *ports,
                              .cell = cell,
                              .cursors = *cursors};
    ASSERT(ports->repo && ports->product && ports->events && ports->write_event);
    int rc = ports->repo->restore(ports->repo, &app->last_id, &last_position, &app->cursors);
    if (rc)
        return rc;
    arena_init(&app->arena, 256 * (size_t)1024);
    outbox_init(&app->outbox, "order", last_position);
    return OK;
}

bool order_app_buy(const struct order_app *app, struct order_command *command)
{
    struct order_payment_caller *payment = app->ports.payment;

    if (!payment || command->intent.kind != ORDER_BUY || command->client.key.n)
        return false;
    decide_without_order(command, 0); /* nothing happens yet, so at no time */
    return command->verdict == ORDER_ASK && payment->authorize_here(payment, command);
}

void order_app_free(struct order_app *app)
{
    outbox_free(&app->outbox);
    arena_free(&app->arena);
}
