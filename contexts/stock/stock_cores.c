#include "stock_cores.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "outbox_kv.h"
#include "stock_cell.h"
#include "stock_events.h"

/* Before the service has started nobody follows: what happens then is read from the store. */
static void keep_quiet(struct event_sink *self, struct outbox *outbox)
{
    UNUSED(self);
    UNUSED(outbox);
}

/* The menu's names by cell; begin[i] is where those of cell i begin, begin[count] the end. false: no memory. */
static bool deal_out(struct stock_cores *cores, const struct menu *menu, size_t *begin)
{
    int32_t cell[MENU_MAX_ITEMS];
    struct arena arena;
    size_t n = 0;
    bool fine = true;

    arena_init(&arena, 0);
    for (size_t i = 0; i < menu->n && fine; i++)
        fine = stock_cell_of_name(&arena, menu->items[i].name, cores->count, &cell[i]);
    for (int32_t number = 0; number < cores->count && fine; number++) {
        begin[number] = n;
        for (size_t i = 0; i < menu->n; i++) {
            if (cell[i] == number)
                cores->opening[n++] = menu->items[i].name;
        }
    }
    begin[cores->count] = n;
    arena_free(&arena);
    return fine;
}

static int open_app(struct stock_cores *cores, int32_t number, const struct stock_options *opening,
                    struct service *service, const struct stock_cores_options *options)
{
    struct stock_core *core = &cores->of[number];
    struct event_sink quiet = {.publish = keep_quiet};
    struct stock_ports ports = {core->repo, &quiet, stock_event_write};

    int rc = stock_app_init(&core->app, &ports, (struct cell){number, cores->count}, opening, options->sources);
    if (!rc)
        rc = core_run(&core->app.core, NULL, 0, service_now(service));
    core->app.ports.events = service_events(service, number);
    return rc;
}

static bool open_core(struct stock_cores *cores, int32_t number, const struct stock_options *opening,
                      struct service *service, const struct stock_cores_options *options, struct buf *problem)
{
    struct stock_core *core = &cores->of[number];
    struct kv *kv = options->cells->kv[number];
    struct stock_retention retention = options->retention;

    retention.relayed = service_relayed(service, number);
    int rc = outbox_kv_begin_epoch(kv, feed_epoch_new(), &core->history);
    if (rc && rc != E_FULL) { /* a full store can still be read */
        buf_printf(problem, "the epochs of the feed can't be kept: %s", error_text(rc));
        return false;
    }
    rc = stock_repo_kv_rename(kv);
    core->repo = rc ? NULL : stock_repo_kv_new(kv, &retention);
    if (!rc)
        rc = core->repo ? open_app(cores, number, opening, service, options) : E_MEMORY;
    if (rc)
        buf_printf(problem, "the stock's store can't be used: %s", error_text(rc));
    cores->parts[number] = (struct service_cell){
        .core = &core->app.core, .cursors = &core->app.cursors, .last_position = core->app.outbox.next - 1};
    return rc == OK;
}

bool stock_cores_open(struct stock_cores *cores, struct service *service, const struct stock_cores_options *options,
                      struct buf *problem)
{
    int32_t count = options->cells->count;
    size_t begin[CELLS_MOST + 1];

    cores->of = heap_alloc((size_t)count * sizeof(*cores->of));
    cores->parts = heap_alloc((size_t)count * sizeof(*cores->parts));
    cores->count = cores->of ? count : 0;
    bool fine = cores->of && cores->parts && deal_out(cores, options->menu, begin);
    if (!fine)
        BUF_LIT(problem, "out of memory");
    for (int32_t i = 0; i < count && fine; i++) {
        const struct stock_options opening = {cores->opening + begin[i], begin[i + 1] - begin[i], options->opening_qty};
        fine = open_core(cores, i, &opening, service, options, problem);
    }
    return fine;
}

void stock_cores_close(struct stock_cores *cores)
{
    for (int32_t i = 0; i < cores->count; i++) {
        stock_app_free(&cores->of[i].app);
        stock_repo_kv_free(cores->of[i].repo);
        feed_history_free(&cores->of[i].history);
    }
    heap_free(cores->parts);
    heap_free(cores->of);
}
