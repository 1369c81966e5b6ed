#include "stock_app.h"

#include "base.h"
#include "errors.h"
#include "text.h"

static const int64_t tidy_every = INT64_C(10) * 1000000; /* us */

static struct stock_command *command_of(struct command *command)
{
    return CONTAINER_OF(command, struct stock_command, base);
}

/* One that only moves a cursor is bare. */
static size_t steps_of(struct command *command)
{
    return command->fate == COMMAND_NORMAL ? command_of(command)->n : 0;
}

static bool has_name(const struct stock_intent *intent)
{
    return intent->kind == STOCK_ADD || intent->kind == STOCK_RECEIVE || intent->kind == STOCK_REDUCE;
}

static bool has_id(const struct stock_intent *intent)
{
    return intent->kind == STOCK_CORRECT || intent->kind == STOCK_ADJUST || intent->kind == STOCK_REMOVE ||
           intent->kind == STOCK_MARK;
}

static bool has_reservation(const struct stock_intent *intent)
{
    return intent->kind == STOCK_GIVE_BACK || (intent->kind == STOCK_REDUCE && intent->reservation_id.n);
}

/* ---- load ---- */

static int begin(struct stock_app *app, struct stock_batch *batch, struct command *const *commands, size_t n,
                 int64_t now)
{
    size_t steps = 0;

    for (size_t i = 0; i < n; i++)
        steps += steps_of(commands[i]);
    int64_t moment = retention_clock_at(&app->retention, now);
    *batch = (struct stock_batch){.moment = moment > app->last_moment ? moment : app->last_moment + 1};
    arena_reset(&app->arena);
    int rc = batch_begin(&batch->base, now, n, &app->cursors, &app->outbox, &app->arena);
    if (rc)
        return rc;
    batch->base.wall = now + app->core.wall_ahead;
    size_t names = steps + app->options.n_opening;
    batch->name_entries = ARENA_ARRAY(&app->arena, struct stock_name_entry, names + 1);
    batch->reservation_entries = ARENA_ARRAY(&app->arena, struct reservation_entry, steps + 1);
    if (!batch->name_entries || !batch->reservation_entries || !working_set_init(&batch->names, names, &app->arena) ||
        !working_set_init(&batch->reservations, steps, &app->arena))
        return E_MEMORY;
    return OK;
}

/* The name's index in the batch; false when there is no memory. */
static bool register_name(struct stock_batch *batch, struct str name, size_t *index)
{
    struct str folded = text_fold(batch->base.arena, name);

    if (folded.p)
        *index = working_set_text(&batch->names, folded);
    return folded.p != NULL;
}

static int register_command(struct stock_batch *batch, struct stock_command *command)
{
    for (size_t i = 0; i < command->n; i++) {
        struct stock_step *step = &command->steps[i];
        if (has_name(&step->intent) && !register_name(batch, step->intent.product_name, &step->name))
            return E_MEMORY;
        if (has_reservation(&step->intent))
            step->reservation = working_set_text(&batch->reservations, step->intent.reservation_id);
    }
    client_request_look_up(&batch->base, &command->client);
    return OK;
}

static int register_opening(struct stock_app *app, struct stock_batch *batch)
{
    size_t index;

    for (size_t i = 0; !app->opened && i < app->options.n_opening; i++) {
        if (!register_name(batch, app->options.opening[i], &index))
            return E_MEMORY;
    }
    return OK;
}

/* The rows are known only when names and reservations are: those that have the names, were reserved from, or are named
 * by id; and there is room for as many new ones as names. */
static int register_stocks(struct stock_app *app, struct stock_batch *batch, struct command *const *commands, size_t n)
{
    size_t most = batch->names.n * 2 + batch->reservations.n;

    for (size_t i = 0; i < n; i++)
        most += steps_of(commands[i]);
    batch->entries = ARENA_ARRAY(&app->arena, struct stock_entry, most + 1);
    if (!batch->entries || !working_set_init(&batch->stocks, most, &app->arena))
        return E_MEMORY;
    for (size_t i = 0; i < batch->names.n; i++) {
        if (batch->name_entries[i].stock_id)
            working_set_number(&batch->stocks, batch->name_entries[i].stock_id);
    }
    for (size_t i = 0; i < batch->reservations.n; i++) {
        if (batch->reservation_entries[i].reservation.stock_id)
            working_set_number(&batch->stocks, batch->reservation_entries[i].reservation.stock_id);
    }
    for (size_t i = 0; i < n; i++) {
        const struct stock_command *command = command_of(commands[i]);
        for (size_t j = 0; j < steps_of(commands[i]); j++) {
            if (has_id(&command->steps[j].intent))
                working_set_number(&batch->stocks, command->steps[j].intent.id);
        }
    }
    batch->n_loaded = batch->stocks.n;
    return OK;
}

static int load(struct stock_app *app, struct stock_batch *batch, struct command *const *commands, size_t n)
{
    struct stock_repo *repo = app->ports.repo;
    int rc = OK;

    for (size_t i = 0; i < n && !rc; i++) {
        if (commands[i]->fate == COMMAND_NORMAL)
            rc = register_command(batch, command_of(commands[i]));
    }
    if (!rc)
        rc = register_opening(app, batch);
    if (!rc)
        rc = repo->find(repo, batch);
    if (!rc)
        rc = register_stocks(app, batch, commands, n);
    return rc ? rc : repo->load(repo, batch);
}

/* ---- decide ---- */

static struct stock_entry *entry_of(struct stock_batch *batch, int64_t id)
{
    struct stock_entry *entry = &batch->entries[working_set_number(&batch->stocks, id)];

    entry->stock.id = id;
    return entry;
}

/* The row that has the name, or `nobody`. */
static struct stock_entry *entry_of_name(struct stock_batch *batch, size_t name, struct stock_entry *nobody)
{
    int64_t id = batch->name_entries[name].stock_id;

    *nobody = (struct stock_entry){0};
    return id ? entry_of(batch, id) : nobody;
}

/* What happened to a row is stored and told. */
static void record(struct stock_app *app, struct stock_entry *entry, const struct stock_event *event,
                   const struct stock_command *command)
{
    entry->changed = true;
    app->ports.write_event(&app->outbox, &entry->stock, event, command);
}

static void apply(struct stock_app *app, struct stock_entry *entry, const struct stock_event *event,
                  const struct stock_command *command)
{
    stock_apply(&entry->stock, event);
    record(app, entry, event, command);
}

/* A name follows its row: the first command gives it, a removal frees it. */
static void set_name(struct stock_batch *batch, size_t name, int64_t stock_id)
{
    batch->name_entries[name] = (struct stock_name_entry){.known = true, .stock_id = stock_id, .changed = true};
}

static int free_name(struct stock_batch *batch, const struct stock *stock)
{
    size_t name;

    if (!register_name(batch, stock->product_name, &name))
        return E_MEMORY;
    set_name(batch, name, 0);
    return OK;
}

/* A new row gets its id only when it is decided that there will be one. */
static void add(struct stock_app *app, struct stock_batch *batch, struct stock_step *step,
                const struct stock_command *command)
{
    struct stock_entry nobody;
    struct stock_entry *entry = entry_of_name(batch, step->name, &nobody);
    struct stock_decision decision;

    step->verdict = stock_decide(&entry->stock, &step->intent, batch->base.wall, &decision);
    step->refusal = decision.refusal;
    if (step->verdict == STOCK_DECIDED) {
        app->last_id = cell_next_number(app->cell, app->last_id);
        entry = entry_of(batch, app->last_id);
        set_name(batch, step->name, entry->stock.id);
        apply(app, entry, &decision.event, command);
    }
    step->stock = entry->stock;
}

static int change(struct stock_app *app, struct stock_batch *batch, struct stock_step *step,
                  const struct stock_command *command)
{
    struct stock_entry nobody;
    struct stock_entry *entry =
        has_id(&step->intent) ? entry_of(batch, step->intent.id) : entry_of_name(batch, step->name, &nobody);
    struct stock_decision decision;
    int rc = OK;

    step->verdict = stock_decide(&entry->stock, &step->intent, batch->base.wall, &decision);
    step->refusal = decision.refusal;
    step->yes = step->verdict == STOCK_DECIDED;
    if (step->verdict == STOCK_DECIDED)
        apply(app, entry, &decision.event, command);
    if (step->verdict == STOCK_NOTED) {
        stock_note(&entry->stock, &step->intent);
        entry->changed = true;
    }
    if (step->verdict == STOCK_DECIDED && step->intent.kind == STOCK_REMOVE)
        rc = free_name(batch, &entry->stock);
    step->stock = entry->stock;
    return rc;
}

/* What was taken goes back to the row that it came from, whoever has the name now. */
static int reserve_or_release(struct stock_app *app, struct stock_batch *batch, struct stock_step *step,
                              const struct stock_command *command)
{
    struct reservation_entry *entry = &batch->reservation_entries[step->reservation];
    struct reservation *reservation = &entry->reservation;
    struct stock_entry nobody = {0};
    struct stock_entry *row = &nobody;
    struct reservation_decision decision;
    struct stock_intent intent = step->intent; /* a copy: the step may be tried again with the next batch */

    /* what is reserved is compared by its key, however it is spelled */
    if (intent.kind == STOCK_REDUCE)
        intent.product_name = batch->names.text[step->name];
    const struct str kept = reservation->product_name;
    struct str shown = kept.n ? kept : step->intent.product_name;
    if (reservation->product_name.n)
        reservation->product_name = text_fold(batch->base.arena, reservation->product_name);
    if (reservation->state != RESERVATION_NONE && !reservation->product_name.p && reservation->qty)
        return E_MEMORY;
    if (reservation->stock_id)
        row = entry_of(batch, reservation->stock_id);
    else if (step->intent.kind == STOCK_REDUCE)
        row = entry_of_name(batch, step->name, &nobody);
    step->verdict = reservation_decide(reservation, &row->stock, &intent, batch->base.wall, &decision);
    reservation->product_name = kept;  /* a repeat in the batch that stores it must not change it */
    decision.event.at = batch->moment; /* it expires by that */
    decision.event.product_name = shown;
    step->refusal = decision.refusal;
    if (step->verdict == STOCK_DECIDED) {
        reservation_apply(reservation, &row->stock, &decision.event);
        entry->changed = true;
    }
    if (step->verdict == STOCK_DECIDED && decision.event.moves)
        record(app, row, &decision.event.stock, command);
    step->yes = step->verdict != STOCK_REFUSED && step->verdict != STOCK_BROKEN &&
                reservation_answer(reservation, reservation_command_of(&step->intent));
    step->stock = row->stock;
    return OK;
}

static int decide(struct stock_app *app, struct stock_batch *batch, struct stock_command *command)
{
    int rc = OK;

    for (size_t i = 0; i < command->n && !rc; i++) {
        struct stock_step *step = &command->steps[i];
        if (has_reservation(&step->intent))
            rc = reserve_or_release(app, batch, step, command);
        else if (step->intent.kind == STOCK_ADD)
            add(app, batch, step, command);
        else
            rc = change(app, batch, step, command);
    }
    return rc;
}

static int decide_and_answer(struct stock_app *app, struct stock_batch *batch, struct stock_command *command)
{
    if (client_request_is_settled(&batch->base, &command->client))
        return OK;
    int rc = decide(app, batch, command);
    if (rc || !command->render)
        return rc;
    command->render(command);
    return client_request_keep(&batch->base, &command->client);
}

/* Rule 5, once a name: a row that was removed, or is kept by hand already, isn't opened again. */
static int open_rows(struct stock_app *app, struct stock_batch *batch)
{
    for (size_t i = 0; !app->opened && i < app->options.n_opening; i++) {
        struct stock_step step = {.intent = {.kind = STOCK_ADD,
                                             .product_name = app->options.opening[i],
                                             .qty = app->options.opening_qty,
                                             .reason = STR("opening stock")}};
        if (!register_name(batch, step.intent.product_name, &step.name))
            return E_MEMORY;
        if (!batch->name_entries[step.name].known)
            add(app, batch, &step, NULL);
    }
    return OK;
}

/* ---- the batch ---- */

static void tidy(struct stock_app *app, int64_t now)
{
    if (now < app->next_tidying)
        return;
    bool more = app->ports.repo->tidy(app->ports.repo, retention_clock_at(&app->retention, now));
    app->next_tidying = more ? now : now + tidy_every;
}

static void announce(struct stock_app *app, const struct stock_batch *batch)
{
    app->opened = true;
    app->cursors = batch->base.cursors;
    app->last_moment = batch->moment;
    if (app->outbox.count)
        app->ports.events->publish(app->ports.events, &app->outbox);
}

static int decide_batch(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct stock_app *app = CONTAINER_OF(core, struct stock_app, core);
    struct stock_batch *batch = &app->batch;

    app->committed_id = app->last_id;
    tidy(app, now);
    int rc = begin(app, batch, commands, n, now);
    if (!rc)
        rc = load(app, batch, commands, n);
    if (!rc)
        rc = open_rows(app, batch);
    for (size_t i = 0; i < n && !rc; i++) {
        if (batch_admit(&batch->base, commands[i]))
            rc = decide_and_answer(app, batch, command_of(commands[i]));
    }
    return rc ? rc : app->ports.repo->commit(app->ports.repo, batch);
}

static void settle(struct core *core, struct command *const *commands, size_t n, int rc)
{
    struct stock_app *app = CONTAINER_OF(core, struct stock_app, core);

    UNUSED(commands);
    UNUSED(n);
    if (rc) {
        app->last_id = app->committed_id;
        outbox_abandon(&app->outbox);
    } else {
        announce(app, &app->batch);
    }
}

static int64_t next_due(struct core *core)
{
    const struct stock_app *app = CONTAINER_OF(core, struct stock_app, core);

    return app->opened ? app->next_tidying : 0;
}

int stock_app_init(struct stock_app *app, const struct stock_ports *ports, struct cell cell,
                   const struct stock_options *options, const struct cursors *cursors)
{
    uint64_t last_position;

    *app = (struct stock_app){.core = {.decide = decide_batch, .settle = settle, .next_due = next_due},
                              .ports = *ports,
                              .cell = cell,
                              .options = *options,
                              .cursors = *cursors};
    ASSERT(ports->repo && ports->events && ports->write_event && cell.count > 0);
    int rc = ports->repo->restore(ports->repo, &app->last_id, &last_position, &app->last_moment, &app->cursors);
    if (rc)
        return rc;
    app->retention.newest = app->last_moment;
    arena_init(&app->arena, 256 * (size_t)1024);
    outbox_init(&app->outbox, "stock", last_position);
    return OK;
}

void stock_app_free(struct stock_app *app)
{
    outbox_free(&app->outbox);
    arena_free(&app->arena);
}
