/* sim_view.c: the customer's view in the simulation, and rule 8: it is the owners' truth, and can be built again. */
#include "alloc.h"
#include "errors.h"
#include "fake_view_repo.h"
#include "sim_loss.h"
#include "sim_payment.h"
#include "sim_rules.h"
#include "sim_shop.h"
#include "view_app.h"
#include "view_events.h"

struct sim_view {
    struct sim_service service;
    struct view_app app;
    struct fake_view_repo *store;
    struct view_repo repo; /* around the store's */
    struct view_decoder decoder;
    size_t commits_checked;
};

static struct sim_view *of(const struct sim *sim)
{
    return CONTAINER_OF(sim->services[SIM_VIEW], struct sim_view, service);
}

static struct sim_view *of_repo(struct view_repo *repo)
{
    return CONTAINER_OF(repo, struct sim_view, repo);
}

static int load(struct view_repo *repo, struct view_batch *batch)
{
    struct sim_view *self = of_repo(repo);
    const struct sim *sim = self->service.sim;

    if (!sim_port_call(&self->service))
        return E_UNAVAILABLE;
    int rc = sim_port_failure(&self->service, sim->shape.read_fails);
    if (!rc)
        rc = self->store->port.load(&self->store->port, batch);
    for (size_t i = 0; !rc && sim_has_plant(sim, PLANT_VIEW_TAKES_TWICE) && i < batch->orders.n; i++)
        memset(batch->rows[i].page.seen, 0, sizeof(batch->rows[i].page.seen));
    return rc;
}

static int commit(struct view_repo *repo, struct view_batch *batch)
{
    struct sim_view *self = of_repo(repo);
    bool happens;

    sim_plant_before_commit(&self->service, &batch->base);
    int rc = sim_port_commit(&self->service, &happens);
    int done = happens ? self->store->port.commit(&self->store->port, batch) : OK;
    return sim_port_committed(&self->service, rc, done);
}

static int restore(struct view_repo *repo, int64_t *last_change, struct cursors *cursors)
{
    struct sim_view *self = of_repo(repo);

    int rc = sim_port_failure(&self->service, self->service.sim->shape.read_fails);
    return rc ? rc : self->store->port.restore(&self->store->port, last_change, cursors);
}

/* ---- the process ---- */

static struct cursors sources(const struct sim *sim)
{
    struct cursors cursors = {.n = sim_payments(sim) ? MYPAGE_PAYMENT + 1 : MYPAGE_PAYMENT};

    memcpy(cursors.source, view_producers, sizeof(view_producers));
    return cursors;
}

static int open_app(struct sim_service *service)
{
    struct sim_view *self = CONTAINER_OF(service, struct sim_view, service);
    struct view_ports ports = {.repo = &self->repo};
    struct cursors cursors = sources(service->sim);

    int rc = view_app_init(&self->app, &ports, CELL_ONLY, &cursors);
    service->core = &self->app.core;
    service->cursors = &self->app.cursors;
    return rc;
}

static void close_app(struct sim_service *service)
{
    view_app_free(&CONTAINER_OF(service, struct sim_view, service)->app);
}

static struct command *decode(void *context, size_t source, struct str text, const char **reason)
{
    struct sim_view *self = CONTAINER_OF(context, struct sim_view, decoder);
    struct command *command = view_event_decode(context, source, text, reason);

    if (command && sim_has_plant(self->service.sim, PLANT_ROW_KNOWN_BY_VERSION))
        CONTAINER_OF(command, struct view_command, base)->item.stock_id = 1;
    return command;
}

static void *copy_store(struct sim_service *service)
{
    return fake_view_repo_copy(CONTAINER_OF(service, struct sim_view, service)->store);
}

static void put_store_back(struct sim_service *service, const void *copy)
{
    fake_view_repo_put_back(CONTAINER_OF(service, struct sim_view, service)->store, copy);
}

static void drop_copy(void *copy)
{
    fake_view_repo_free(copy);
}

void sim_view_open(struct sim *sim)
{
    static const struct sim_service_type type = {.who = SIM_VIEW,
                                                 .open = open_app,
                                                 .copy = copy_store,
                                                 .put_back = put_store_back,
                                                 .drop_copy = drop_copy,
                                                 .close = close_app,
                                                 .decode = decode};
    struct sim_view *self = SIM_NEW(sim, struct sim_view);

    sim_service_init(&self->service, sim, &type);
    self->store = fake_view_repo_new();
    self->service.store = &self->store->outbox;
    self->service.decode_context = &self->decoder;
    self->repo = (struct view_repo){.load = load, .commit = commit, .restore = restore};
    arena_init(&self->decoder.arena, 4096);
}

void sim_view_close(struct sim *sim)
{
    struct sim_view *self = of(sim);

    sim_service_free(&self->service);
    arena_free(&self->decoder.arena);
    fake_view_repo_free(self->store);
}

/* ---- rule 8 ---- */

static void check_truth(struct sim *sim, const struct order *order)
{
    const struct mypage *page = fake_view_repo_find(of(sim)->store, order->id);
    const struct ticket *ticket = fake_product_repo_find_order(sim_tickets(sim), order->id);

    if (sim_loss_is_of_order(sim, SIM_WORLD, order->id))
        return;
    if (!page || !ticket || !str_eq(mypage_status_text(page->order_status), order_state_text(order->state)) ||
        !str_eq(mypage_status_text(page->ticket_status), ticket_state_text(ticket->state)))
        sim_break(sim, "8: the view converges to the owners' truth", "order %lld is %s, and its page says %.*s",
                  (long long)order->id, order_state_name(order->state),
                  STR_ARG(mypage_status_text(page ? page->order_status : MYPAGE_KEEP)));
    else if (page->ticket_id != ticket->id || page->qty != order->qty ||
             !str_eq(page->product_name, order->product_name) ||
             !str_eq(mypage_status_text(page->payment_status), order_payment_text(order->payment)))
        sim_break(sim, "8: the view converges to the owners' truth", "the page of order %lld shows something else",
                  (long long)order->id);
}

/* Once the view has taken in all that product has committed, its pages say of the tickets what is so. */
void sim_view_check_told(struct sim *sim)
{
    struct sim_view *self = of(sim);
    const struct fake_view_repo *view = self->store;
    const struct cursors *heard = &view->outbox.cursors;

    if (view->n_commits == self->commits_checked)
        return;
    self->commits_checked = view->n_commits;
    if (heard->n == 0 || view->outbox.n_dead ||
        heard->position[MYPAGE_PRODUCT] != sim->services[SIM_PRODUCT]->committed)
        return;
    for (size_t i = 0; i < view->n; i++) {
        const struct mypage *page = &view->pages[i];
        const struct ticket *ticket = fake_product_repo_find_order(sim_tickets(sim), page->id);
        bool told = ticket && ticket->version;
        struct str is = told ? ticket_state_text(ticket->state) : STR("");
        if (!str_eq(mypage_status_text(page->ticket_status), is) && !sim_loss_is_of_order(sim, SIM_WORLD, page->id))
            sim_break(sim, "whoever has heard all of it knows it",
                      "order %lld's ticket is \"%.*s\", its page says \"%.*s\"", (long long)page->id, STR_ARG(is),
                      STR_ARG(mypage_status_text(page->ticket_status)));
    }
}

static void check_same(struct sim *sim, const struct mypage *page, const struct mypage *rebuilt)
{
    bool same = rebuilt && page->order_status == rebuilt->order_status &&
                page->ticket_status == rebuilt->ticket_status && page->payment_status == rebuilt->payment_status &&
                page->ticket_id == rebuilt->ticket_id && page->qty == rebuilt->qty &&
                str_eq(page->product_name, rebuilt->product_name) && page->n_timeline == rebuilt->n_timeline &&
                memcmp(page->seen, rebuilt->seen, sizeof(page->seen)) == 0;

    for (size_t i = 0; same && i < page->n_timeline; i++)
        same = page->timeline[i].at == rebuilt->timeline[i].at && page->timeline[i].fact == rebuilt->timeline[i].fact &&
               page->timeline[i].version == rebuilt->timeline[i].version;
    if (!same)
        sim_break(sim, "8: the view can be rebuilt from the events", "the page of order %lld is another then",
                  (long long)page->id);
}

static const struct item_level *level_of(const struct fake_view_repo *view, struct str name)
{
    for (size_t i = 0; i < view->n_items; i++) {
        if (str_eq(view->items[i].name, name))
            return &view->items[i];
    }
    return NULL;
}

/* The menu shows what the shelf has: sold out when it isn't kept, and not when it is kept again. */
static void check_menu(struct sim *sim, const struct fake_view_repo *view, const char *when)
{
    for (size_t i = 0; i < SIM_ITEMS; i++) {
        const struct item_level *level = level_of(view, sim_items[i]);
        if (!level || level->on_hand != sim->rules->stock.on_hand[i])
            sim_break(sim, "8: the view converges to the owners' truth", "%s the menu has %lld %.*s, stock %lld", when,
                      (long long)(level ? level->on_hand : -1), STR_ARG(sim_items[i]),
                      (long long)sim->rules->stock.on_hand[i]);
    }
}

/* One producer's whole history, event by event. */
static void tell_all(struct sim *sim, struct view_app *app, size_t source)
{
    const struct sim_follower *follower = &of(sim)->service.followers[source];
    const struct sim_feed *feed = &follower->producer->feed;

    for (size_t i = sim_feed_gone(follower->producer); i < feed->n; i++) {
        const char *reason = NULL;
        struct command *command = view_event_decode(&of(sim)->decoder, source, feed->events[i].text, &reason);
        if (!command)
            continue;
        command->origin = FROM_FEED;
        command->source = source;
        command->position = i + 1;
        int rc = core_run(&app->core, &command, 1, sim->now);
        ASSERT(!rc);
        command->finish(command, rc);
    }
}

/* `coffeeshop view rebuild`: a view is made of all events, or not at all. */
static bool may_be_rebuilt(const struct sim *sim)
{
    static const struct feed_history none = {0};
    const struct sim_service *self = &of(sim)->service;

    for (size_t i = 0; i < self->n_followers; i++) {
        struct sim_service *producer = self->followers[i].producer;
        if (feed_history_check(&none, (struct feed_cursor){0}, producer->committed, sim_feed_oldest(producer)) !=
            CURSOR_GOES_ON)
            return sim_has_plant(sim, PLANT_REBUILT_IN_PART);
    }
    return true;
}

static void rebuild(struct sim *sim)
{
    const struct fake_view_repo *view = of(sim)->store;
    struct fake_view_repo *again = fake_view_repo_new();
    struct view_ports ports = {.repo = &again->port};
    struct cursors cursors = sources(sim);
    struct view_app app;

    int rc = view_app_init(&app, &ports, CELL_ONLY, &cursors);
    ASSERT(!rc);
    for (size_t source = cursors.n; source-- > 0;)
        tell_all(sim, &app, source);
    for (size_t i = 0; i < view->n; i++)
        if (!sim_loss_is_of_order(sim, SIM_VIEW, view->pages[i].id))
            check_same(sim, &view->pages[i], fake_view_repo_find(again, view->pages[i].id));
    check_menu(sim, again, "rebuilt,");
    view_app_free(&app);
    fake_view_repo_free(again);
}

void sim_view_check_end(struct sim *sim)
{
    const struct fake_order_repo *orders = sim_orders(sim);
    const struct fake_view_repo *view = of(sim)->store;

    for (size_t i = 0; i < orders->n; i++)
        check_truth(sim, &orders->orders[i]);
    if (!sim_loss_is_from(sim, SIM_VIEW, SIM_STOCK))
        check_menu(sim, view, "as it is");
    if (may_be_rebuilt(sim))
        rebuild(sim);
    else
        sim_meet(sim, MET_REBUILD_REFUSED);
}
