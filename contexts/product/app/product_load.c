#include "product_load.h"

#include "errors.h"
#include "product_offers.h"

enum { SCAN_AT_ONCE = 1024 };

static bool concerns_order(const struct product_command *command)
{
    return command->intent.kind == TICKET_ORDERED || command->intent.kind == TICKET_CANCEL_ORDER;
}

static bool concerns_ticket(const struct product_command *command)
{
    return !concerns_order(command) && command->intent.kind != TICKET_OPEN && command->intent.kind != TICKET_GOODS_IN;
}

/* Tickets whose time has come, as many as there is room to ask for; those being asked for already are passed over. */
static int take_due(struct product_app *app, struct product_batch *batch)
{
    size_t room = app->asks.capacity - app->asks.n, n = 0;
    struct due_ticket found[SCAN_AT_ONCE];

    batch->due_at_cursor = app->taken.due_at;
    batch->due_id_cursor = app->taken.id;
    if (batch->base.now < app->next_scan || room == 0)
        return OK;
    batch->due = ARENA_ARRAY(&app->arena, int64_t, SCAN_AT_ONCE);
    if (!batch->due)
        return E_MEMORY;
    size_t limit = room < SCAN_AT_ONCE ? room : SCAN_AT_ONCE;
    int rc = app->ports.repo->find_due(app->ports.repo, app->taken, batch->base.now, limit, found, &n);
    for (size_t i = 0; !rc && i < n; i++) {
        batch->due_at_cursor = found[i].due_at;
        batch->due_id_cursor = found[i].id;
        if (!ask_table_find(&app->asks, found[i].id))
            batch->due[batch->n_due++] = found[i].id;
    }
    return rc;
}

/* The entry of a ticket, filled in from what was loaded; one that is there already stays. */
static size_t put_entry(struct product_batch *batch, const struct ticket *ticket)
{
    size_t known = batch->tickets.n;
    size_t entry = working_set_number(&batch->tickets, ticket->id);

    if (entry == known)
        batch->entries[entry].ticket = *ticket;
    return entry;
}

static int load_orders(struct product_app *app, struct product_batch *batch)
{
    size_t n = batch->orders.n;
    struct ticket *found = ARENA_ARRAY(&app->arena, struct ticket, n + 1);
    int64_t *old = ARENA_ARRAY(&app->arena, int64_t, n + 1);
    size_t *slot = ARENA_ARRAY(&app->arena, size_t, n + 1);
    size_t n_old = 0;

    if (!found || !old || !slot)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        if (batch->orders.number[i] > app->last_order_id)
            continue;
        slot[n_old] = i;
        old[n_old++] = batch->orders.number[i];
    }
    int rc = n_old ? app->ports.repo->find_by_orders(app->ports.repo, old, n_old, found, &app->arena) : OK;
    for (size_t i = 0; !rc && i < n_old; i++) {
        if (found[i].state != TICKET_NONE)
            batch->order_entry[slot[i]] = put_entry(batch, &found[i]) + 1;
    }
    return rc;
}

/* Of the ids asked for, those that no other look-up has brought. */
static int load_tickets(struct product_app *app, struct product_batch *batch, const int64_t *ids, size_t n)
{
    struct working_set missing;
    struct ticket *found = ARENA_ARRAY(&app->arena, struct ticket, n + 1);

    if (!found || !working_set_init(&missing, n, &app->arena))
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        if (!working_set_has_number(&batch->tickets, ids[i]))
            working_set_number(&missing, ids[i]);
    }
    int rc =
        missing.n ? app->ports.repo->find_by_ids(app->ports.repo, missing.number, missing.n, found, &app->arena) : OK;
    for (size_t i = 0; !rc && i < missing.n; i++) {
        found[i].id = missing.number[i];
        put_entry(batch, &found[i]);
    }
    return rc;
}

/* The idempotency key that an answer of stock's brings with it: that of the client who waits for it. */
static void register_keys(struct product_app *app, struct product_batch *batch, const struct product_command *command)
{
    client_request_look_up(&batch->base, &command->client);
    if (command->base.origin != FROM_EFFECT)
        return;
    const struct ask *ask = ask_table_find(&app->asks, command->ticket_id);
    for (const struct product_command *waiting = ask ? ask->waiting : NULL; waiting; waiting = waiting->also)
        client_request_look_up(&batch->base, &waiting->client);
}

int product_load(struct product_app *app, struct product_batch *batch, struct command *const *commands, size_t n)
{
    int rc = take_due(app, batch);
    if (!rc)
        rc = product_take_goods(app, batch, commands, n);
    size_t most = n + batch->n_due + batch->n_waiting;
    int64_t *ids = ARENA_ARRAY(&app->arena, int64_t, most + 1);
    size_t n_ids = 0;
    batch->entries = ARENA_ARRAY(&app->arena, struct product_entry, most + 1);
    batch->order_entry = ARENA_ARRAY(&app->arena, size_t, n + 1);
    batch->key_waits = ARENA_ARRAY(&app->arena, bool, n + app->asks.n + 1);
    if (!rc &&
        (!ids || !batch->entries || !batch->order_entry || !batch->key_waits ||
         !working_set_init(&batch->tickets, most, &app->arena) || !working_set_init(&batch->orders, n, &app->arena)))
        rc = E_MEMORY;
    if (rc)
        return rc;

    for (size_t i = 0; i < n; i++) {
        const struct product_command *command = product_command_of(commands[i]);
        if (command->base.fate != COMMAND_NORMAL)
            continue;
        if (concerns_order(command))
            working_set_number(&batch->orders, command->intent.order_id);
        else if (concerns_ticket(command))
            ids[n_ids++] = command->ticket_id;
        register_keys(app, batch, command);
    }
    for (size_t i = 0; i < batch->n_due; i++)
        ids[n_ids++] = batch->due[i];
    for (size_t i = 0; i < batch->n_waiting; i++)
        put_entry(batch, &batch->waiting[i]);
    rc = load_orders(app, batch);
    if (!rc)
        rc = load_tickets(app, batch, ids, n_ids);
    return rc ? rc : app->ports.repo->find_keys(app->ports.repo, batch->base.records, batch->base.keys.n, &app->arena);
}

static int64_t give_id(struct product_app *app)
{
    app->last_id = cell_next_id(app->cell, app->last_id);
    return app->last_id;
}

/* The entry that a command is about; a new ticket gets its id here. */
size_t product_entry_of(struct product_app *app, struct product_batch *batch, const struct product_command *command)
{
    if (concerns_ticket(command))
        return working_set_number(&batch->tickets, command->ticket_id);
    if (command->intent.kind == TICKET_OPEN)
        return put_entry(batch, &(struct ticket){.id = give_id(app)});

    size_t slot = working_set_number(&batch->orders, command->intent.order_id);
    if (!batch->order_entry[slot])
        batch->order_entry[slot] = put_entry(batch, &(struct ticket){.id = give_id(app)}) + 1;
    return batch->order_entry[slot] - 1;
}
