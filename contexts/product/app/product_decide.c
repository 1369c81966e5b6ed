#include "product_decide.h"

#include "errors.h"
#include "product_load.h"

static enum ticket_verdict decide(struct product_app *app, struct product_batch *batch, size_t index,
                                  const struct ticket_intent *intent, enum ticket_refusal *refusal)
{
    struct product_entry *entry = &batch->entries[index];
    struct ticket_decision decision;

    enum ticket_verdict verdict =
        ticket_decide(&entry->ticket, intent, &app->settings.policy, batch->base.now, &decision);
    *refusal = decision.refusal;
    if (verdict == TICKET_DECIDED) {
        entry->is_new |= entry->ticket.state == TICKET_NONE;
        entry->changed = true;
        decision.event.at = batch->base.wall; /* for people; what is due goes by our own time */
        bool was_hidden = ticket_is_hidden(&entry->ticket);
        ticket_apply(&entry->ticket, &decision.event);
        entry->becomes_visible |= was_hidden && !ticket_is_hidden(&entry->ticket);
        if (decision.event.kind != TICKET_EVENT_NOTED)
            app->ports.write_event(&app->outbox, &entry->ticket, &decision.event);
    }
    return verdict;
}

/* With no time to brew, the coffee is done as it is started. */
static void finish_at_once(struct product_app *app, struct product_batch *batch, size_t index)
{
    struct ticket_intent finish = {.kind = TICKET_FINISH};
    enum ticket_refusal refusal;

    if (batch->entries[index].ticket.state == TICKET_PRODUCING && app->settings.policy.brew == 0 &&
        !app->settings.manual)
        decide(app, batch, index, &finish, &refusal);
}

/* A "no" of stock's that a delivery has overtaken isn't the last word. */
static void judge_refusal(const struct product_app *app, struct product_command *command)
{
    if (command->intent.kind != TICKET_REFUSED && command->intent.kind != TICKET_REFUSED_LATE)
        return;
    const struct ask *ask = ask_table_find(&app->asks, command->ticket_id);
    bool late = ask && ask->goods_seen != goods_count(&app->goods, ask->ticket.product_name);
    command->intent.kind = late ? TICKET_REFUSED_LATE : TICKET_REFUSED;
}

static void answer(struct product_batch *batch, struct product_command *command)
{
    if (!command->render)
        return;
    command->render(command);
    if (!command->unanswered && client_request_keep(&batch->base, &command->client))
        batch->out_of_memory = true;
}

/* What became of a client's command with the ticket as it is now: a barista who waited may find it started, cancelled
 * or out of stock. */
static void judge_waiting(const struct product_app *app, const struct product_batch *batch, const struct ticket *ticket,
                          struct product_command *waiting)
{
    struct ticket_decision decision = {.refusal = TICKET_REFUSAL_NONE};

    waiting->ticket = *ticket;
    waiting->verdict = TICKET_DECIDED;
    if (waiting->intent.kind == TICKET_START)
        waiting->verdict = ticket_decide(ticket, &waiting->intent, &app->settings.policy, batch->base.now, &decision);
    waiting->refusal = decision.refusal;
}

/* Stock's answer decides the commands that waited for it. */
static void answer_waiting(struct product_app *app, struct product_batch *batch, const struct product_command *command)
{
    const struct ask *ask = command->base.origin == FROM_EFFECT ? ask_table_find(&app->asks, command->ticket_id) : NULL;

    if (command->intent.kind == TICKET_REFUSED_LATE)
        return; /* they wait on, for the next attempt's answer */
    for (struct product_command *waiting = ask ? ask->waiting : NULL; waiting; waiting = waiting->also) {
        judge_waiting(app, batch, &batch->entries[command->entry].ticket, waiting);
        waiting->unanswered = command->intent.kind == TICKET_UNANSWERED ? E_UNAVAILABLE : OK;
        answer(batch, waiting);
    }
}

/* Whether a key's first request waits for stock since this batch. */
static bool *key_waits(struct product_batch *batch, const struct client_request *client)
{
    return &batch->key_waits[batch_key(&batch->base, client->key) - batch->base.records];
}

/* One whose first request still waits is settled, too: with a refusal. */
static bool is_settled_by_its_key(const struct product_app *app, struct product_batch *batch,
                                  struct client_request *client)
{
    if (client_request_is_settled(&batch->base, client))
        return true;
    client->key_in_progress =
        client->key.n && (*key_waits(batch, client) || ask_table_holds_key(&app->asks, client->key));
    return client->key_in_progress;
}

static void bury_refused(struct product_batch *batch, const struct product_command *command)
{
    if (command->verdict == TICKET_REFUSAL)
        batch_bury(&batch->base, &command->base, str_of(ticket_refusal_text(command->refusal)));
    else if (command->verdict == TICKET_BROKEN)
        batch_bury(&batch->base, &command->base, STR("contradicts what is known of the ticket"));
}

static void decide_and_answer(struct product_app *app, struct product_batch *batch, struct product_command *command)
{
    if (!batch_admit(&batch->base, &command->base) || command->intent.kind == TICKET_GOODS_IN)
        return;
    if (is_settled_by_its_key(app, batch, &command->client))
        return;
    judge_refusal(app, command);
    command->entry = product_entry_of(app, batch, command);
    command->verdict = decide(app, batch, command->entry, &command->intent, &command->refusal);
    bury_refused(batch, command);
    answer_waiting(app, batch,
                   command); /* who waited for stock hears that it is being made, however quickly it is done */
    finish_at_once(app, batch, command->entry);
    command->ticket = batch->entries[command->entry].ticket;
    command->waits = command->verdict == TICKET_ASK_STOCK || command->intent.kind == TICKET_OPEN;
    if (!command->waits)
        answer(batch, command);
    else if (command->client.key.n)
        *key_waits(batch, &command->client) = true;
}

/* A command that was to wait for stock need not any more when another one of this batch has settled its ticket. */
static void spare_waiting(const struct product_app *app, struct product_batch *batch, struct product_command *command)
{
    if (command->base.fate != COMMAND_NORMAL || !command->waits || command->intent.kind != TICKET_START)
        return;
    judge_waiting(app, batch, &batch->entries[command->entry].ticket, command);
    command->waits = command->verdict == TICKET_ASK_STOCK;
    if (!command->waits)
        answer(batch, command);
}

/* What happens to a ticket whose time has come; who has to ask stock, asks after the commit. A counter's ticket that
 * nobody waits for any more is as if stock hadn't answered. */
static bool is_done_by_itself(const struct product_app *app, const struct ticket *ticket,
                              enum ticket_command_kind *what)
{
    switch (ticket->state) {
    case TICKET_PRODUCING:
        *what = TICKET_FINISH;
        return !app->settings.manual;
    case TICKET_PENDING:
        *what = TICKET_UNANSWERED;
        return true;
    case TICKET_OUT_OF_STOCK:
        *what = TICKET_GIVE_UP;
        return true;
    default:
        return false;
    }
}

/* Tickets whose goods have come go on, coffees get done, who has waited for too long is given up: in this order, so
 * that goods that come at the last moment are in time. */
static void decide_by_itself(struct product_app *app, struct product_batch *batch)
{
    enum ticket_refusal refusal;
    enum ticket_command_kind what;

    for (size_t i = 0; i < batch->n_waiting; i++)
        decide(app, batch, working_set_number(&batch->tickets, batch->waiting[i].id),
               &(struct ticket_intent){.kind = TICKET_GOODS_IN}, &refusal);
    for (size_t i = 0; i < batch->n_due; i++) {
        size_t index = working_set_number(&batch->tickets, batch->due[i]);
        const struct ticket *ticket = &batch->entries[index].ticket;
        if (ticket->due_at == 0 || ticket->due_at > batch->base.now)
            continue; /* it has been dealt with in this batch */
        if (is_done_by_itself(app, ticket, &what))
            decide(app, batch, index, &(struct ticket_intent){.kind = what, .attempt = ticket->attempt}, &refusal);
    }
}

int product_decide(struct product_app *app, struct product_batch *batch, struct command *const *commands, size_t n)
{
    for (size_t i = 0; i < n; i++)
        decide_and_answer(app, batch, product_command_of(commands[i]));
    decide_by_itself(app, batch);
    for (size_t i = 0; i < n; i++)
        spare_waiting(app, batch, product_command_of(commands[i]));
    return batch->out_of_memory ? E_MEMORY : OK;
}
