#include "product_app.h"

#include "base.h"
#include "errors.h"
#include "product_decide.h"
#include "product_duties.h"
#include "product_load.h"

/* ---- commit, announce ---- */

static void look_ahead(struct product_app *app, const struct product_batch *batch)
{
    if (batch->base.now < app->next_scan || app->asks.n == app->asks.capacity)
        return;
    app->taken = (struct due_ticket){batch->due_at_cursor, batch->due_id_cursor};
    if (app->ports.repo->next_due(app->ports.repo, app->taken, &app->next_scan))
        app->next_scan = batch->base.now; /* not known: look again in the next batch */
}

static void announce(struct product_app *app, struct product_batch *batch, struct command *const *commands, size_t n)
{
    app->held = app->holding;
    app->holds = app->goods.has_over;
    app->cursors = batch->base.cursors;
    for (size_t i = 0; i < batch->orders.n; i++) {
        if (batch->orders.number[i] > app->last_order_id)
            app->last_order_id = batch->orders.number[i];
    }
    if (app->outbox.count)
        app->ports.events->publish(app->ports.events, &app->outbox);
    look_ahead(app, batch);
    goods_were_offered(&app->goods);
    product_do_duties(app, batch, commands, n);
    product_retry(app, batch->base.now);
    app->ports.stock->flush(app->ports.stock);
}

/* As long as goods are left over, stock's events from that delivery on count as not seen: after a crash they come
 * again, and with them the rest is given out. Seeing them twice is harmless. */
static int commit(struct product_app *app, struct product_batch *batch)
{
    uint64_t *stored = &batch->base.cursors.position[PRODUCT_SOURCE_STOCK];
    uint64_t seen = *stored, held = app->held;

    if (app->goods.has_over && !app->holds)
        held = app->cursors.position[PRODUCT_SOURCE_STOCK];
    if (app->goods.has_over)
        *stored = held;
    else
        batch->base.cursors_moved |= app->holds;
    int rc = app->ports.repo->commit(app->ports.repo, batch);
    *stored = seen;
    app->holding = held;
    return rc;
}

/* For whom goods were set apart is forgotten; some may be there that nobody is going to take. */
static int look_for_goods(struct product_app *app)
{
    struct str *items = NULL;
    size_t n = 0;

    int rc = app->ports.repo->find_waited_for(app->ports.repo, GOODS_MAX_ITEMS, &items, &n, &app->arena);
    for (size_t i = 0; !rc && i < n; i++)
        rc = goods_are_unknown(&app->goods, items[i]);
    return rc;
}

/* In the first batch: a step of the clock while we were down, or another setting, must not make anything wait longer
 * than it is set to; and nobody waits for goods that are there. */
static int bring_back(struct product_app *app)
{
    app->brings_back = !app->brought_back;
    if (!app->brings_back)
        return OK;
    const struct due_limits limits = {.ready = app->now + app->settings.policy.start_after,
                                      .producing = app->now + app->settings.policy.brew,
                                      .others = app->now,
                                      .now = app->now,
                                      .give_up_after = app->settings.policy.give_up_after};
    int rc = app->ports.repo->bring_back(app->ports.repo, &limits);
    return rc ? rc : look_for_goods(app);
}

/* Behind a gap in stock's events as after a start: goods may have come, and nobody was told. */
static int look_behind_gaps(struct product_app *app, struct command *const *commands, size_t n)
{
    int rc = OK;

    for (size_t i = 0; i < n && !rc; i++) {
        if (commands[i]->fate != COMMAND_GAP || commands[i]->source != PRODUCT_SOURCE_STOCK)
            continue;
        goods_may_have_come(&app->goods);
        rc = look_for_goods(app);
    }
    return rc;
}

static int decide_batch(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct product_app *app = CONTAINER_OF(core, struct product_app, core);
    struct product_batch *batch = &app->batch;

    *batch = (struct product_batch){0};
    app->committed_id = app->last_id;
    /* Strictly later than the last batch: what that one set for "soon" is due now, and nothing can become due behind
     * app->taken. */
    app->now = now > app->now ? now : app->now + 1;
    arena_reset(&app->arena);
    goods_begin(&app->goods);
    int rc = batch_begin(&batch->base, app->now, n + app->asks.n, &app->cursors, &app->outbox, &app->arena);
    batch->base.wall = app->now + app->core.wall_ahead;
    if (!rc)
        rc = bring_back(app);
    if (!rc)
        rc = look_behind_gaps(app, commands, n);
    if (!rc)
        rc = product_load(app, batch, commands, n);
    if (!rc)
        rc = product_decide(app, batch, commands, n);
    return rc ? rc : commit(app, batch);
}

static void settle(struct core *core, struct command *const *commands, size_t n, int rc)
{
    struct product_app *app = CONTAINER_OF(core, struct product_app, core);

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
    const struct product_app *app = CONTAINER_OF(core, struct product_app, core);
    bool has_room = app->asks.n < app->asks.capacity;

    if (app->goods.has_spare)
        return app->now;
    int64_t scan = has_room ? app->next_scan : INT64_MAX;

    return scan < app->asks.next_retry ? scan : app->asks.next_retry;
}

int product_app_init(struct product_app *app, const struct product_ports *ports, struct cell cell,
                     const struct product_settings_app *settings, const struct cursors *cursors)
{
    uint64_t last_position;

    *app = (struct product_app){.core = {.decide = decide_batch, .settle = settle, .next_due = next_due},
                                .ports = *ports,
                                .settings = *settings,
                                .cell = cell,
                                .cursors = *cursors};
    ASSERT(ports->repo && ports->stock && ports->events && ports->write_event);
    arena_init(&app->arena, 256 * (size_t)1024);
    int rc = ports->repo->restore(ports->repo, &app->last_id, &app->last_order_id, &last_position, &app->cursors);
    app->last_old_id = app->last_id;
    if (!rc)
        rc = ask_table_init(&app->asks, settings->most_asks);
    if (!rc)
        rc = goods_init(&app->goods);
    if (!rc)
        outbox_init(&app->outbox, "product", last_position);
    return rc;
}

void product_app_free(struct product_app *app)
{
    ask_table_finish_all(&app->asks, E_CLOSING);
    ask_table_free(&app->asks);
    goods_free(&app->goods);
    outbox_free(&app->outbox);
    arena_free(&app->arena);
}
