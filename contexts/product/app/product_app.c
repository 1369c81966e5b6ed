#include "product_app.h"

#include "base.h"
#include "errors.h"
#include "product_duties.h"

enum {
    SCAN_AT_ONCE = 1024,
    TAKEN_UP_AT_ONCE = 1024, /* tickets out of stock for which goods have come; the others' turn is the next batch */
};

static struct product_command *command_of(struct command *command)
{
    return CONTAINER_OF(command, struct product_command, base);
}

/* ---- load ---- */

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

/* Goods have come: the out-of-stock tickets that they are enough for are taken up again. Counted before anything is
 * decided, so that a "no" in the same batch is seen to be overtaken. */
static int offer(struct product_app *app, struct product_batch *batch, struct str item, int64_t qty)
{
    size_t before = batch->n_waiting;
    size_t most = app->settings.most_taken_up ? app->settings.most_taken_up : TAKEN_UP_AT_ONCE;

    int rc = app->ports.repo->find_waiting(app->ports.repo, item, qty, most, &batch->waiting, &batch->n_waiting,
                                           &app->arena);
    for (size_t i = before; !rc && i < batch->n_waiting; i++)
        qty -= batch->waiting[i].qty;
    if (!rc && batch->n_waiting < most)
        goods_rest(&app->goods, item, qty);
    else if (!rc)
        goods_leave_over(&app->goods, item, qty);
    return rc;
}

/* How many there are isn't known: one ticket is taken up, and stock's answer shows whether the next one may be. */
static int offer_to_one(struct product_app *app, struct product_batch *batch, struct str item)
{
    size_t before = batch->n_waiting;

    int rc = app->ports.repo->find_waiting(app->ports.repo, item, GOODS_OF_UNKNOWN_QTY, before + 1, &batch->waiting,
                                           &batch->n_waiting, &app->arena);
    if (!rc && batch->n_waiting == before)
        goods_are_known(&app->goods, item); /* nobody waits */
    return rc;
}

static bool is_delivery(const struct product_command *command)
{
    return command->base.fate == COMMAND_NORMAL && command->intent.kind == TICKET_GOODS_IN;
}

/* Each delivery says how many there are then. What the last one of an item says is so: those who wait are looked
 * through once a batch for each item, however many deliveries there are. */
static int offer_deliveries(struct product_app *app, struct product_batch *batch, struct command *const *commands,
                            size_t n)
{
    struct working_set items;
    size_t seen = 0;
    int rc = working_set_init(&items, n, &app->arena) ? OK : E_MEMORY;

    for (size_t i = n; i-- > 0 && !rc;) {
        const struct product_command *command = command_of(commands[i]);
        if (!is_delivery(command))
            continue;
        rc = goods_came(&app->goods, command->item);
        if (rc || working_set_text(&items, command->item) < seen)
            continue;
        seen++;
        goods_are_known(&app->goods, command->item);
        rc = offer(app, batch, command->item, command->on_hand);
    }
    return rc;
}

static int take_goods(struct product_app *app, struct product_batch *batch, struct command *const *commands, size_t n)
{
    int rc = OK;

    for (size_t i = 0; app->goods.has_spare && i < app->goods.n && !rc; i++) {
        if (app->goods.spare[i] == GOODS_OF_UNKNOWN_QTY)
            rc = offer_to_one(app, batch, app->goods.name[i]);
        else if (app->goods.spare[i])
            rc = offer(app, batch, app->goods.name[i], app->goods.spare[i]);
    }
    for (size_t i = 0; i < n && !rc; i++) {
        if (is_delivery(command_of(commands[i])))
            return offer_deliveries(app, batch, commands, n);
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

static int load(struct product_app *app, struct product_batch *batch, struct command *const *commands, size_t n)
{
    int rc = take_due(app, batch);
    if (!rc)
        rc = take_goods(app, batch, commands, n);
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
        const struct product_command *command = command_of(commands[i]);
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

/* ---- decide ---- */

/* The entry that a command is about; a new ticket gets its id here. */
static size_t entry_of(struct product_app *app, struct product_batch *batch, const struct product_command *command)
{
    if (concerns_ticket(command))
        return working_set_number(&batch->tickets, command->ticket_id);
    if (command->intent.kind == TICKET_OPEN)
        return put_entry(batch, &(struct ticket){.id = ++app->last_id});

    size_t slot = working_set_number(&batch->orders, command->intent.order_id);
    if (!batch->order_entry[slot])
        batch->order_entry[slot] = put_entry(batch, &(struct ticket){.id = ++app->last_id}) + 1;
    return batch->order_entry[slot] - 1;
}

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
    command->entry = entry_of(app, batch, command);
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

/* What happens by itself: coffees get done, counter tickets that nobody waits for are given up, tickets whose goods
 * have come go on. */
static void decide_by_itself(struct product_app *app, struct product_batch *batch)
{
    enum ticket_refusal refusal;

    for (size_t i = 0; i < batch->n_due; i++) {
        size_t index = working_set_number(&batch->tickets, batch->due[i]);
        const struct ticket *ticket = &batch->entries[index].ticket;
        if (ticket->due_at == 0 || ticket->due_at > batch->base.now)
            continue; /* a command of this batch has dealt with it */
        if (ticket->state == TICKET_PRODUCING && !app->settings.manual)
            decide(app, batch, index, &(struct ticket_intent){.kind = TICKET_FINISH}, &refusal);
        else if (ticket->state == TICKET_PENDING)
            decide(app, batch, index, &(struct ticket_intent){.kind = TICKET_UNANSWERED, .attempt = ticket->attempt},
                   &refusal);
    }
    for (size_t i = 0; i < batch->n_waiting; i++)
        decide(app, batch, working_set_number(&batch->tickets, batch->waiting[i].id),
               &(struct ticket_intent){.kind = TICKET_GOODS_IN}, &refusal);
}

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
    if (rc)
        return rc;
    *stored = seen;
    app->held = held;
    app->holds = app->goods.has_over;
    return OK;
}

/* For whom goods were set apart is forgotten; some may be there that nobody is going to take. */
static int look_for_goods(struct product_app *app)
{
    struct str *items = NULL;
    size_t n = 0;

    int rc = app->ports.repo->find_waited_for(app->ports.repo, GOODS_MAX_ITEMS, &items, &n, &app->arena);
    for (size_t i = 0; !rc && i < n; i++)
        goods_are_unknown(&app->goods, items[i]);
    return rc;
}

/* In the first batch: a step of the clock while we were down, or another setting, must not make anything wait longer
 * than it is set to; and nobody waits for goods that are there. */
static int bring_back(struct product_app *app)
{
    if (app->brought_back)
        return OK;
    const struct due_limits limits = {.ready = app->now + app->settings.policy.start_after,
                                      .producing = app->now + app->settings.policy.brew,
                                      .others = app->now};
    int rc = app->ports.repo->bring_back(app->ports.repo, &limits);
    if (!rc)
        rc = look_for_goods(app);
    app->brought_back = rc == OK;
    return rc;
}

static int run(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct product_app *app = CONTAINER_OF(core, struct product_app, core);
    struct product_batch batch = {0};
    int64_t last_id = app->last_id;

    /* Strictly later than the last batch: what that one set for "soon" is due now, and nothing can become due behind
     * app->taken. */
    app->now = now > app->now ? now : app->now + 1;
    arena_reset(&app->arena);
    goods_begin(&app->goods);
    int rc = batch_begin(&batch.base, app->now, n + app->asks.n, &app->cursors, &app->outbox, &app->arena);
    batch.base.wall = app->now + app->core.wall_ahead;
    if (!rc)
        rc = bring_back(app);
    if (!rc)
        rc = load(app, &batch, commands, n);
    if (!rc) {
        for (size_t i = 0; i < n; i++)
            decide_and_answer(app, &batch, command_of(commands[i]));
        decide_by_itself(app, &batch);
        for (size_t i = 0; i < n; i++)
            spare_waiting(app, &batch, command_of(commands[i]));
        rc = batch.out_of_memory ? E_MEMORY : commit(app, &batch);
    }
    if (rc) {
        app->last_id = last_id;
        outbox_abandon(&app->outbox);
        return rc;
    }
    announce(app, &batch, commands, n);
    return OK;
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

int product_app_init(struct product_app *app, const struct product_ports *ports,
                     const struct product_settings_app *settings, const struct cursors *cursors)
{
    uint64_t last_position;

    *app = (struct product_app){
        .core = {.run = run, .next_due = next_due}, .ports = *ports, .settings = *settings, .cursors = *cursors};
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
