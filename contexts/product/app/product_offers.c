#include "product_offers.h"

#include "errors.h"
#include "text.h"

enum {
    TAKEN_UP_AT_ONCE = 1024
}; /* tickets out of stock for which goods have come; the others' turn is the next batch */

static int find_spelled(struct product_app *app, struct product_batch *batch, struct str name, int64_t *qty,
                        size_t most)
{
    size_t before = batch->n_waiting;

    if (before >= most)
        return OK;
    int rc = app->ports.repo->find_waiting(app->ports.repo, name, *qty, most, &batch->waiting, &batch->n_waiting,
                                           &app->arena);
    for (size_t i = before; !rc && *qty != GOODS_OF_UNKNOWN_QTY && i < batch->n_waiting; i++)
        *qty -= batch->waiting[i].qty;
    return rc;
}

/* Those who wait for an item, until there are `most`; what they take is taken off `*qty`. A ticket has the name that
 * the menu gave it, and stock's row may have another spelling: names compare as text. */
static int find_waiting(struct product_app *app, struct product_batch *batch, struct str item, int64_t *qty,
                        size_t most)
{
    struct str *names = NULL;
    size_t n = 0;

    int rc = find_spelled(app, batch, item, qty, most);
    if (!rc)
        rc = app->ports.repo->find_waited_for(app->ports.repo, GOODS_MAX_ITEMS, &names, &n, &app->arena);
    for (size_t i = 0; !rc && i < n; i++) {
        if (!str_eq(names[i], item) && text_same(names[i], item))
            rc = find_spelled(app, batch, names[i], qty, most);
    }
    return rc;
}

/* Goods have come: the out-of-stock tickets that they are enough for are taken up again. Counted before anything is
 * decided, so that a "no" in the same batch is seen to be overtaken. */
static int offer(struct product_app *app, struct product_batch *batch, struct str item, int64_t qty)
{
    size_t most = app->settings.most_taken_up ? app->settings.most_taken_up : TAKEN_UP_AT_ONCE;

    int rc = find_waiting(app, batch, item, &qty, most);
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
    int64_t qty = GOODS_OF_UNKNOWN_QTY;

    int rc = find_waiting(app, batch, item, &qty, before + 1);
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
        const struct product_command *command = product_command_of(commands[i]);
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

int product_take_goods(struct product_app *app, struct product_batch *batch, struct command *const *commands, size_t n)
{
    int rc = OK;

    for (size_t i = 0; app->goods.has_spare && i < app->goods.n && !rc; i++) {
        if (app->goods.spare[i] == GOODS_OF_UNKNOWN_QTY)
            rc = offer_to_one(app, batch, app->goods.name[i]);
        else if (app->goods.spare[i])
            rc = offer(app, batch, app->goods.name[i], app->goods.spare[i]);
    }
    for (size_t i = 0; i < n && !rc; i++) {
        if (is_delivery(product_command_of(commands[i])))
            return offer_deliveries(app, batch, commands, n);
    }
    return rc;
}
