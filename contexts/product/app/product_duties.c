#include "product_duties.h"

#include "base.h"
#include "errors.h"

enum duty { DUTY_NONE, DUTY_REDUCE, DUTY_RELEASE };

/* What has to be asked of stock, by the ticket's state and the time; a barista who waits makes it the kitchen's
 * business in manual mode too. */
static enum duty duty_of(const struct product_app *app, const struct ticket *ticket, bool somebody_waits, int64_t now)
{
    bool is_due = ticket->due_at != 0 && ticket->due_at <= now + 1;

    switch (ticket->state) {
    case TICKET_PENDING:
        return somebody_waits ? DUTY_REDUCE : DUTY_NONE;
    case TICKET_READY:
        return somebody_waits || (is_due && !app->settings.manual) ? DUTY_REDUCE : DUTY_NONE;
    case TICKET_CANCELED:
    case TICKET_VOID:
        return is_due ? DUTY_RELEASE : DUTY_NONE;
    default:
        return DUTY_NONE;
    }
}

static void send(struct product_app *app, struct ask *ask)
{
    struct stock_question question = {
        .release = ask->release,
        .ticket_id = ask->ticket.id,
        .order_id = ask->ticket.order_id,
        .attempt = ask->ticket.attempt,
        .product_name = ask->ticket.product_name,
        .qty = ask->ticket.qty,
    };

    ask->in_flight = true;
    app->ports.stock->ask(app->ports.stock, &question);
}

/* A ticket from before the start may have been refused then, and goods may have come since: see
 * goods.h. So may one whose last barista gave up waiting: the question is forgotten with them, stock's answer is not.
 */
static int64_t goods_seen(const struct product_app *app, const struct ask *ask)
{
    bool may_be_asked_before = !ask->asked && (ask->ticket.id <= app->last_old_id || app->settings.manual);

    return may_be_asked_before ? GOODS_UNKNOWN : goods_count(&app->goods, ask->ticket.product_name);
}

/* There is no room to ask for this ticket now: the scan has to meet it again. */
static void leave_to_scan(struct product_app *app, const struct ticket *ticket, int64_t now)
{
    app->next_scan = now;
    if (ticket->due_at <= app->taken.due_at)
        app->taken = (struct due_ticket){ticket->due_at - 1, INT64_MAX};
}

/* The ticket is as it is now: go on asking, ask something else, or forget about it. */
static void settle(struct product_app *app, const struct ticket *ticket, int64_t now, bool unanswered)
{
    struct ask *ask = ask_table_find(&app->asks, ticket->id);
    enum duty duty = duty_of(app, ticket, ask && ask->waiting, now);

    if (ask && ask->in_flight)
        return; /* its answer comes, and brings us here again */
    if (duty == DUTY_NONE) {
        if (ask)
            ask_table_remove(&app->asks, ask);
        return;
    }
    if (!ask)
        ask = ask_table_add(&app->asks, ticket);
    if (!ask) {
        leave_to_scan(app, ticket, now);
        return;
    }
    ask_renew(ask, ticket);
    ask->release = duty == DUTY_RELEASE;
    if (unanswered) {
        ask_table_retry(&app->asks, ask, now);
        return;
    }
    if (ask->asked != ticket->attempt) /* a repeated question gets the answer that the first one got */
        ask->goods_seen = goods_seen(app, ask);
    ask->asked = ticket->attempt;
    send(app, ask);
}

static bool is_answer(const struct product_command *command)
{
    switch (command->intent.kind) {
    case TICKET_REDUCED:
    case TICKET_REFUSED:
    case TICKET_REFUSED_LATE:
    case TICKET_UNANSWERED:
    case TICKET_RELEASED:
        return command->base.origin == FROM_EFFECT;
    default:
        return false;
    }
}

/* Clients that waited for stock's answer have theirs: it is committed. */
static void finish_waiting(struct ask *ask)
{
    struct product_command *command = ask->waiting;

    ask->waiting = NULL;
    while (command) {
        struct product_command *also = command->also;
        command->base.finish(&command->base, 0);
        command = also;
    }
}

static void take_answer(struct product_app *app, struct product_batch *batch, const struct product_command *command)
{
    struct ask *ask = ask_table_find(&app->asks, command->ticket_id);

    if (!ask)
        return;
    ask->in_flight = false;
    if (command->intent.kind != TICKET_REFUSED_LATE)
        finish_waiting(ask);
    settle(app, &batch->entries[command->entry].ticket, batch->base.now, command->intent.kind == TICKET_UNANSWERED);
}

/* A client's command that has to wait for stock: it stays with the question. */
static void wait_for_stock(struct product_app *app, struct product_batch *batch, struct product_command *command)
{
    const struct ticket *ticket = &batch->entries[command->entry].ticket;
    struct ask *ask = ask_table_find(&app->asks, ticket->id);

    if (!ask)
        ask = ask_table_add(&app->asks, ticket);
    if (!ask) {
        command->unanswered =
            E_BUSY; /* a counter's ticket is then given up by the scan, like one left over from a crash */
        app->next_scan = batch->base.now;
        return;
    }
    command->base.kept = true;
    command->also = ask->waiting;
    ask->waiting = command;
    settle(app, ticket, batch->base.now, false);
}

/* Goods that came were set apart for a ticket, and those behind it were passed over. It is cancelled, or others were
 * quicker and what is left is too little for it: that may be enough for somebody else. Or it got them, and nobody knows
 * whether there are more. Without this they would wait for the next delivery. */
static void set_free(struct product_app *app, const struct ticket *ticket)
{
    bool was_next = ticket->attempt > 1;

    if (was_next && ticket->state == TICKET_OUT_OF_STOCK)
        goods_are_at_most(&app->goods, ticket->product_name, ticket->qty - 1);
    else if (was_next && (ticket->state == TICKET_PRODUCING || ticket->state == TICKET_COMPLETED))
        goods_were_enough(&app->goods, ticket->product_name);
    else if (was_next && ticket->state == TICKET_CANCELED && ticket->due_at)
        goods_set_free(&app->goods, ticket->product_name, ticket->qty);
}

/* They were to have the goods that came in this batch, and were cancelled in it before they got them. */
static void set_free_what_nobody_took(struct product_app *app, struct product_batch *batch)
{
    for (size_t i = 0; i < batch->n_waiting; i++) {
        size_t entry = working_set_number(&batch->tickets, batch->waiting[i].id);
        const struct ticket *ticket = &batch->entries[entry].ticket;
        if (ticket->state == TICKET_CANCELED && ticket->attempt == batch->waiting[i].attempt)
            goods_set_free(&app->goods, ticket->product_name, ticket->qty);
    }
}

/* Its time is still to come, or there is nothing to ask for it and the scan does it. */
static bool is_for_scan(const struct ticket *ticket, int64_t now)
{
    return ticket->due_at > now + 1 || (ticket->due_at && ticket->state == TICKET_OUT_OF_STOCK);
}

void product_do_duties(struct product_app *app, struct product_batch *batch, struct command *const *commands, size_t n)
{
    /* The due ones first: as many were taken as there is room for. */
    for (size_t i = 0; i < batch->n_due; i++) {
        size_t entry = working_set_number(&batch->tickets, batch->due[i]);
        if (!batch->entries[entry].changed)
            settle(app, &batch->entries[entry].ticket, batch->base.now, false);
    }
    /* Answers before those who begin to wait: it is the next one that these wait for. */
    for (size_t i = 0; i < n; i++) {
        if (commands[i]->fate == COMMAND_NORMAL && is_answer(product_command_of(commands[i])))
            take_answer(app, batch, product_command_of(commands[i]));
    }
    for (size_t i = 0; i < n; i++) {
        if (commands[i]->fate == COMMAND_NORMAL && product_command_of(commands[i])->waits)
            wait_for_stock(app, batch, product_command_of(commands[i]));
    }
    set_free_what_nobody_took(app, batch);
    for (size_t i = 0; i < batch->tickets.n; i++) {
        const struct product_entry *entry = &batch->entries[i];
        if (entry->changed) {
            set_free(app, &entry->ticket);
            settle(app, &entry->ticket, batch->base.now, false);
        }
        if (entry->changed && is_for_scan(&entry->ticket, batch->base.now) && entry->ticket.due_at < app->next_scan)
            app->next_scan = entry->ticket.due_at;
    }
}

void product_retry(struct product_app *app, int64_t now)
{
    struct ask *ask;

    while ((ask = ask_table_take_due(&app->asks, now)))
        send(app, ask);
}
