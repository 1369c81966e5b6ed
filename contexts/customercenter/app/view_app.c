#include "view_app.h"

#include "base.h"
#include "errors.h"

static struct view_command *command_of(struct command *command)
{
    return CONTAINER_OF(command, struct view_command, base);
}

static int begin(struct view_app *app, struct view_batch *batch, size_t n, int64_t now)
{
    *batch = (struct view_batch){0};
    arena_reset(&app->arena);
    int rc = batch_begin(&batch->base, now, n, &app->cursors, &app->outbox, &app->arena);
    if (rc)
        return rc;
    batch->rows = ARENA_ARRAY(&app->arena, struct view_row, n + 1);
    batch->items = ARENA_ARRAY(&app->arena, struct item_level, n + 1);
    if (!batch->rows || !batch->items || !working_set_init(&batch->orders, n, &app->arena) ||
        !working_set_init(&batch->names, n, &app->arena))
        return E_MEMORY;
    return OK;
}

/* What every cell has to hear, of an item, is also said of an order: only one of them has its page. */
static bool has_page(const struct view_app *app, const struct view_command *command)
{
    return command->order_id && cell_of_id(command->order_id, app->cell.count) == app->cell.number;
}

static int load(struct view_app *app, struct view_batch *batch, struct command *const *commands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (commands[i]->fate == COMMAND_NORMAL && has_page(app, command_of(commands[i])))
            working_set_number(&batch->orders, command_of(commands[i])->order_id);
    }
    return app->ports.repo->load(app->ports.repo, batch);
}

/* Room for one more entry; the timeline grows by doubling, as most are short. */
static bool make_room(struct mypage *page, struct arena *arena)
{
    if (page->room >= mypage_room_needed(page))
        return true;
    size_t room = page->room ? page->room * 2 : 8;
    struct mypage_entry *timeline = ARENA_ARRAY(arena, struct mypage_entry, room);
    if (!timeline)
        return false;
    if (page->n_timeline)
        memcpy(timeline, page->timeline, page->n_timeline * sizeof(*timeline));
    page->timeline = timeline;
    page->room = room;
    return true;
}

/* How long the customer waited, when this is what they waited for. */
static int64_t time_to_cup(const struct mypage *page, const struct mypage_event *event)
{
    if (event->fact != MYPAGE_FACT_PRODUCED || page->timeline[0].fact != MYPAGE_FACT_ORDERED)
        return 0;
    int64_t took = event->at - page->timeline[0].at;
    return took > 0 ? took : 1;
}

static bool apply_to_page(struct view_batch *batch, const struct view_command *command)
{
    struct view_row *row = &batch->rows[working_set_number(&batch->orders, command->order_id)];
    bool was_visible = mypage_is_visible(&row->page);

    if (!make_room(&row->page, batch->base.arena))
        return false;
    if (mypage_apply(&row->page, &command->event)) {
        row->changed = true;
        row->is_new |= !was_visible && mypage_is_visible(&row->page);
        row->cup_us += time_to_cup(&row->page, &command->event);
    }
    return true;
}

/* Each row of stock's counts its own versions from 1, and ids only grow. */
static bool is_newer(const struct item_level *told, const struct item_level *known)
{
    return told->stock_id > known->stock_id || (told->stock_id == known->stock_id && told->version > known->version);
}

static void apply_to_item(struct view_batch *batch, const struct item_level *told)
{
    struct item_level *item = &batch->items[working_set_text(&batch->names, told->name)];

    if (is_newer(told, item))
        *item = *told;
}

static int apply_all(const struct view_app *app, struct view_batch *batch, struct command *const *commands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct view_command *command = command_of(commands[i]);
        if (!batch_admit(&batch->base, commands[i]))
            continue;
        if (has_page(app, command) && !apply_to_page(batch, command))
            return E_MEMORY;
        if (command->item.name.n)
            apply_to_item(batch, &command->item);
        if (batch->n_events++ == 0 || command->event.at < batch->oldest_at)
            batch->oldest_at = command->event.at;
    }
    return OK;
}

/* Numbers grow from change to change and, because they follow the clock, also from one database to the one rebuilt
 * after it. */
static void number_changes(const struct view_app *app, struct view_batch *batch)
{
    batch->change_before = batch->last_change = app->last_change;
    for (size_t i = 0; i < batch->orders.n; i++) {
        struct view_row *row = &batch->rows[i];
        if (!row->changed || !mypage_is_visible(&row->page))
            continue;
        batch->last_change = batch->last_change < batch->base.now ? batch->base.now : batch->last_change + 1;
        row->page.change = batch->last_change;
    }
}

static int decide(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct view_app *app = CONTAINER_OF(core, struct view_app, core);
    struct view_batch *batch = &app->batch;

    int rc = begin(app, batch, n, now);
    if (!rc)
        rc = load(app, batch, commands, n);
    if (!rc)
        rc = apply_all(app, batch, commands, n);
    if (rc)
        return rc;
    number_changes(app, batch);
    return app->ports.repo->commit(app->ports.repo, batch);
}

/* What isn't committed has given no numbers: what comes next is numbered behind what is. */
static void settle(struct core *core, struct command *const *commands, size_t n, int rc)
{
    struct view_app *app = CONTAINER_OF(core, struct view_app, core);

    UNUSED(commands);
    UNUSED(n);
    if (app->ports.repo->settle)
        app->ports.repo->settle(app->ports.repo, &app->batch, rc);
    if (rc)
        return;
    app->cursors = app->batch.base.cursors;
    app->last_change = app->batch.last_change;
    if (app->ports.sink)
        app->ports.sink->publish(app->ports.sink, &app->batch);
}

static int64_t next_due(struct core *core)
{
    UNUSED(core);
    return INT64_MAX; /* a view waits for events, never for the clock */
}

int view_app_init(struct view_app *app, const struct view_ports *ports, struct cell cell, const struct cursors *cursors)
{
    *app = (struct view_app){.core = {.decide = decide, .settle = settle, .next_due = next_due},
                             .ports = *ports,
                             .cell = cell,
                             .cursors = *cursors};
    ASSERT(ports->repo);
    int rc = ports->repo->restore(ports->repo, &app->last_change, &app->cursors);
    if (rc)
        return rc;
    arena_init(&app->arena, (size_t)256 * 1024);
    outbox_init(&app->outbox, "customercenter", 0);
    return OK;
}

void view_app_free(struct view_app *app)
{
    outbox_free(&app->outbox);
    arena_free(&app->arena);
}
