#include "payment_load.h"

#include "base.h"
#include "errors.h"

static struct payment_command *command_of(struct command *command)
{
    return CONTAINER_OF(command, struct payment_command, base);
}

/* What waits for its time to come, if it may have come. */
static int find_due(struct payment_app *app, struct payment_batch *batch)
{
    if (batch->base.now < app->next_scan)
        return OK;
    batch->due = ARENA_ARRAY(&app->arena, struct due_payment, PAYMENT_DUE_AT_ONCE);
    if (!batch->due)
        return E_MEMORY;
    return app->ports.repo->find_due(app->ports.repo, (struct due_payment){0}, batch->base.now, PAYMENT_DUE_AT_ONCE,
                                     batch->due, &batch->n_due);
}

static int make_room(struct payment_app *app, struct payment_batch *batch, size_t steps)
{
    size_t most = 2 * steps + batch->n_due; /* a key's payment, and a new one in its place */

    batch->key_entry = ARENA_ARRAY(&app->arena, size_t, steps + 1);
    batch->entries = ARENA_ARRAY(&app->arena, struct payment_entry, most + 1);
    batch->bookings = ARENA_ARRAY(&app->arena, struct payment_booking, 2 * (steps + batch->n_due) + 1);
    if (!batch->key_entry || !batch->entries || !batch->bookings ||
        !working_set_init(&batch->keys, steps, &app->arena) || !working_set_init(&batch->ids, most, &app->arena))
        return E_MEMORY;
    return OK;
}

/* Says which keys and payments the batch needs. */
static void register_all(struct payment_batch *batch, struct command *const *commands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct payment_command *command = command_of(commands[i]);
        if (command->base.fate != COMMAND_NORMAL)
            continue;
        for (size_t k = 0; k < command->n; k++) {
            struct payment_step *step = &command->steps[k];
            if (step->intent.kind == PAYMENT_AUTHORIZE)
                step->key = working_set_text(&batch->keys, step->intent.key);
            else
                working_set_number(&batch->ids, step->payment_id);
        }
    }
    for (size_t i = 0; i < batch->n_due; i++)
        working_set_number(&batch->ids, batch->due[i].id);
}

static int load_by_ids(struct payment_app *app, struct payment_batch *batch)
{
    size_t n = batch->ids.n;
    struct payment *found = ARENA_ARRAY(&app->arena, struct payment, n + 1);

    if (!found)
        return E_MEMORY;
    int rc = n ? app->ports.repo->find_by_ids(app->ports.repo, batch->ids.number, n, found, &app->arena) : OK;
    for (size_t i = 0; !rc && i < n; i++) {
        batch->entries[i].payment = found[i];
        batch->entries[i].payment.id = batch->ids.number[i];
    }
    return rc;
}

static int load_by_keys(struct payment_app *app, struct payment_batch *batch)
{
    size_t n = batch->keys.n;
    struct payment *found = ARENA_ARRAY(&app->arena, struct payment, n + 1);

    if (!found)
        return E_MEMORY;
    int rc = n ? app->ports.repo->find_by_keys(app->ports.repo, batch->keys.text, n, found, &app->arena) : OK;
    for (size_t i = 0; !rc && i < n; i++) {
        if (found[i].state == PAYMENT_NONE)
            continue;
        size_t entry = working_set_number(&batch->ids, found[i].id);
        batch->entries[entry].payment = found[i];
        batch->key_entry[i] = entry + 1;
    }
    return rc;
}

int payment_load(struct payment_app *app, struct payment_batch *batch, struct command *const *commands, size_t n)
{
    size_t steps = 0;

    for (size_t i = 0; i < n; i++)
        steps += commands[i]->fate == COMMAND_NORMAL ? command_of(commands[i])->n : 0;
    int rc = find_due(app, batch);
    if (!rc)
        rc = make_room(app, batch, steps);
    if (rc)
        return rc;
    register_all(batch, commands, n);
    rc = load_by_ids(app, batch);
    if (!rc)
        rc = load_by_keys(app, batch);
    if (!rc && batch->n_due)
        rc = app->ports.repo->has_letters(app->ports.repo, &batch->has_letters);
    return rc;
}
