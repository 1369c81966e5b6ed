#include "fake_order_repo.h"

#include "base.h"
#include "errors.h"

#include <stdlib.h>

static struct fake_order_repo *of(struct order_repo *port)
{
    return CONTAINER_OF(port, struct fake_order_repo, port);
}

/* Where `id` is, or would be. */
static size_t lower_bound(const struct fake_order_repo *fake, int64_t id)
{
    size_t at = fake->n;

    while (at > 0 && fake->orders[at - 1].id >= id)
        at--;
    return at;
}

const struct order *fake_order_repo_find(const struct fake_order_repo *fake, int64_t id)
{
    size_t at = lower_bound(fake, id);

    return at < fake->n && fake->orders[at].id == id ? &fake->orders[at] : NULL;
}

static int load(struct order_repo *port, struct order_batch *batch)
{
    struct fake_order_repo *fake = of(port);
    struct arena *arena = batch->base.arena;

    int rc = fake_trap_sprung(&fake->reads);
    for (size_t i = 0; i < batch->n_loaded && !rc; i++) {
        struct order *order = &batch->entries[i].order;
        const struct order *kept = fake_order_repo_find(fake, batch->set.number[i]);
        order->id = batch->set.number[i];
        if (!kept)
            continue;
        *order = *kept;
        order->product_name = arena_copy(arena, kept->product_name);
        order->currency = arena_copy(arena, kept->currency);
        rc = order->product_name.p && order->currency.p ? OK : E_MEMORY;
    }
    return rc ? rc : fake_outbox_find_keys(&fake->outbox, batch->base.records, batch->base.keys.n, arena);
}

static void store(struct fake_order_repo *fake, const struct order *order)
{
    size_t at = lower_bound(fake, order->id);

    if (at == fake->n || fake->orders[at].id != order->id) {
        fake->orders = fake_grow(fake->orders, fake->n, 1, &fake->room, sizeof(*order));
        memmove(&fake->orders[at + 1], &fake->orders[at], (fake->n - at) * sizeof(*order));
        fake->orders[at] = (struct order){
            .id = order->id,
            .product_name = fake_copy(&fake->outbox, order->product_name),
            .qty = order->qty,
            .amount = order->amount,
            .currency = fake_copy(&fake->outbox, order->currency),
            .payment_id = order->payment_id,
            .created_at = order->created_at,
        };
        fake->n++;
    }
    struct order *kept = &fake->orders[at];
    kept->state = order->state;
    kept->product_id = order->product_id;
    kept->ticket_version = order->ticket_version;
    kept->version = order->version;
    kept->payment = order->payment;
    kept->given_up = order->given_up;
    kept->canceled_at = order->canceled_at;
    kept->refunded_at = order->refunded_at;
    kept->updated_at = order->updated_at;
}

static int commit(struct order_repo *port, struct order_batch *batch)
{
    struct fake_order_repo *fake = of(port);
    struct outbox_write write = batch_write(&batch->base);
    bool changed = !outbox_write_is_empty(&write);

    int rc = fake_outbox_check(&write);
    if (!rc)
        rc = fake_trap_sprung(&fake->commits);
    if (rc)
        return rc;
    for (size_t i = 0; i < batch->set.n; i++) {
        if (!batch->entries[i].changed)
            continue;
        store(fake, &batch->entries[i].order);
        changed = true;
    }
    fake_outbox_write(&fake->outbox, &write);
    fake->n_commits += changed;
    return OK;
}

static int restore(struct order_repo *port, int64_t *last_id, uint64_t *last_position, struct cursors *cursors)
{
    struct fake_order_repo *fake = of(port);

    *last_id = fake->n ? fake->orders[fake->n - 1].id : 0;
    fake_outbox_restore(&fake->outbox, last_position, cursors);
    return fake_trap_sprung(&fake->reads);
}

struct fake_order_repo *fake_order_repo_new(void)
{
    struct fake_order_repo *fake = calloc(1, sizeof(*fake));

    ASSERT(fake);
    fake->port = (struct order_repo){.load = load, .commit = commit, .restore = restore};
    fake_outbox_init(&fake->outbox);
    return fake;
}

void fake_order_repo_free(struct fake_order_repo *fake)
{
    fake_outbox_free(&fake->outbox);
    free(fake->orders);
    free(fake);
}

struct fake_order_repo *fake_order_repo_copy(const struct fake_order_repo *fake)
{
    struct fake_order_repo *copy = fake_order_repo_new();

    copy->orders = fake_duplicate(fake->orders, fake->n, sizeof(*fake->orders));
    copy->n = copy->room = fake->n;
    copy->outbox = fake_outbox_copy(&fake->outbox);
    return copy;
}

void fake_order_repo_put_back(struct fake_order_repo *fake, const struct fake_order_repo *copy)
{
    free(fake->orders);
    fake->orders = copy ? fake_duplicate(copy->orders, copy->n, sizeof(*copy->orders)) : NULL;
    fake->n = fake->room = copy ? copy->n : 0;
    fake_outbox_put_back(&fake->outbox, copy ? &copy->outbox : NULL);
    fake->n_commits++;
}
