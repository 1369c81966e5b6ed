#include "fake_product_repo.h"

#include "base.h"
#include "errors.h"

#include <stdlib.h>

static struct fake_product_repo *of(struct product_repo *port)
{
    return CONTAINER_OF(port, struct fake_product_repo, port);
}

static size_t lower_bound(const struct fake_product_repo *fake, int64_t id)
{
    size_t at = fake->n;

    while (at > 0 && fake->tickets[at - 1].id >= id)
        at--;
    return at;
}

const struct ticket *fake_product_repo_find(const struct fake_product_repo *fake, int64_t id)
{
    size_t at = lower_bound(fake, id);

    return at < fake->n && fake->tickets[at].id == id ? &fake->tickets[at] : NULL;
}

const struct ticket *fake_product_repo_find_order(const struct fake_product_repo *fake, int64_t order_id)
{
    for (size_t i = 0; i < fake->n; i++) {
        if (fake->tickets[i].order_id == order_id)
            return &fake->tickets[i];
    }
    return NULL;
}

/* ---- load ---- */

static int copy_out(struct ticket *out, const struct ticket *ticket, struct arena *arena)
{
    *out = *ticket;
    out->product_name = arena_copy(arena, ticket->product_name);
    out->correlation = arena_copy(arena, ticket->correlation);
    out->traceparent = arena_copy(arena, ticket->traceparent);
    return out->product_name.p && out->correlation.p && out->traceparent.p ? OK : E_MEMORY;
}

static int find_by_orders(struct product_repo *port, const int64_t *order_ids, size_t n, struct ticket *out,
                          struct arena *arena)
{
    struct fake_product_repo *fake = of(port);

    int rc = fake_trap_sprung(&fake->reads);
    for (size_t i = 0; i < n && !rc; i++) {
        const struct ticket *ticket = fake_product_repo_find_order(fake, order_ids[i]);
        if (ticket)
            rc = copy_out(&out[i], ticket, arena);
    }
    return rc;
}

static int find_by_ids(struct product_repo *port, const int64_t *ids, size_t n, struct ticket *out, struct arena *arena)
{
    struct fake_product_repo *fake = of(port);

    int rc = fake_trap_sprung(&fake->reads);
    for (size_t i = 0; i < n && !rc; i++) {
        const struct ticket *ticket = fake_product_repo_find(fake, ids[i]);
        if (ticket)
            rc = copy_out(&out[i], ticket, arena);
    }
    return rc;
}

static int find_waiting(struct product_repo *port, struct str product_name, int64_t on_hand, size_t most,
                        struct ticket **out, size_t *n, struct arena *arena)
{
    struct fake_product_repo *fake = of(port);
    struct ticket *all = ARENA_ARRAY(arena, struct ticket, *n + fake->n + 1);

    fake->n_searches++;
    int rc = fake_trap_sprung(&fake->reads);
    if (!rc && !all)
        rc = E_MEMORY;
    if (rc)
        return rc;
    if (*n)
        memcpy(all, *out, *n * sizeof(*all));
    *out = all;
    for (size_t i = 0; i < fake->n && on_hand > 0 && *n < most && !rc; i++) {
        const struct ticket *ticket = &fake->tickets[i];
        if (ticket->state != TICKET_OUT_OF_STOCK || ticket->qty > on_hand ||
            !str_eq(ticket->product_name, product_name))
            continue;
        on_hand -= ticket->qty;
        rc = copy_out(&all[(*n)++], ticket, arena);
    }
    return rc;
}

static bool holds_item(const struct str *items, size_t n, struct str item)
{
    size_t i = 0;

    while (i < n && !str_eq(items[i], item))
        i++;
    return i < n;
}

static int find_waited_for(struct product_repo *port, size_t most, struct str **items, size_t *n, struct arena *arena)
{
    struct fake_product_repo *fake = of(port);
    struct str *all = ARENA_ARRAY(arena, struct str, most);

    *n = 0;
    *items = all;
    int rc = fake_trap_sprung(&fake->reads);
    if (rc || !all)
        return rc ? rc : E_MEMORY;
    for (size_t i = 0; i < fake->n && *n < most; i++) {
        const struct ticket *ticket = &fake->tickets[i];
        if (ticket->state != TICKET_OUT_OF_STOCK || holds_item(all, *n, ticket->product_name))
            continue;
        all[*n] = arena_copy(arena, ticket->product_name);
        if (!all[(*n)++].p)
            return E_MEMORY;
    }
    return OK;
}

static bool is_after(int64_t due_at, int64_t id, struct due_ticket after)
{
    return due_at > after.due_at || (due_at == after.due_at && id > after.id);
}

/* The first due ticket after `after`; NULL: none. */
static const struct ticket *first_due(const struct fake_product_repo *fake, struct due_ticket after)
{
    const struct ticket *first = NULL;

    for (size_t i = 0; i < fake->n; i++) {
        const struct ticket *ticket = &fake->tickets[i];
        if (!ticket->due_at || !is_after(ticket->due_at, ticket->id, after))
            continue;
        if (!first || is_after(first->due_at, first->id, (struct due_ticket){ticket->due_at, ticket->id}))
            first = ticket;
    }
    return first;
}

static int find_due(struct product_repo *port, struct due_ticket after, int64_t now, size_t limit,
                    struct due_ticket *out, size_t *n)
{
    struct fake_product_repo *fake = of(port);

    *n = 0;
    int rc = fake_trap_sprung(&fake->reads);
    while (!rc && *n < limit) {
        const struct ticket *ticket = first_due(fake, after);
        if (!ticket || ticket->due_at > now)
            break;
        after = (struct due_ticket){ticket->due_at, ticket->id};
        out[(*n)++] = after;
    }
    return rc;
}

static int next_due(struct product_repo *port, struct due_ticket after, int64_t *due_at)
{
    struct fake_product_repo *fake = of(port);
    const struct ticket *ticket = first_due(fake, after);

    *due_at = ticket ? ticket->due_at : INT64_MAX;
    return fake_trap_sprung(&fake->reads);
}

static int find_keys(struct product_repo *port, struct idempotency_record *records, size_t n, struct arena *arena)
{
    struct fake_product_repo *fake = of(port);

    int rc = fake_trap_sprung(&fake->reads);
    return rc ? rc : fake_outbox_find_keys(&fake->outbox, records, n, arena);
}

/* ---- commit ---- */

static struct str kept_text(struct fake_product_repo *fake, struct str old, struct str text)
{
    return old.p && str_eq(old, text) ? old : fake_copy(&fake->outbox, text);
}

static void store(struct fake_product_repo *fake, const struct ticket *ticket)
{
    size_t at = lower_bound(fake, ticket->id);

    if (at == fake->n || fake->tickets[at].id != ticket->id) {
        fake->tickets = fake_grow(fake->tickets, fake->n, 1, &fake->room, sizeof(*ticket));
        memmove(&fake->tickets[at + 1], &fake->tickets[at], (fake->n - at) * sizeof(*ticket));
        fake->tickets[at] = (struct ticket){0};
        fake->n++;
    }
    struct ticket *kept = &fake->tickets[at];
    struct ticket old = *kept;
    *kept = *ticket;
    kept->product_name = kept_text(fake, old.product_name, ticket->product_name);
    kept->correlation = kept_text(fake, old.correlation, ticket->correlation);
    kept->traceparent = kept_text(fake, old.traceparent, ticket->traceparent);
}

/* An order has one ticket. */
static bool has_twin(const struct fake_product_repo *fake, const struct ticket *ticket)
{
    if (!ticket->order_id || fake->lets_orders_have_twins)
        return false;
    const struct ticket *other = fake_product_repo_find_order(fake, ticket->order_id);
    return other && other->id != ticket->id;
}

static int check(struct fake_product_repo *fake, const struct product_batch *batch, const struct outbox_write *write)
{
    int rc = fake_outbox_check(write);

    for (size_t i = 0; i < batch->tickets.n && !rc; i++) {
        if (batch->entries[i].changed && has_twin(fake, &batch->entries[i].ticket))
            rc = E_CORRUPT;
    }
    return rc ? rc : fake_trap_sprung(&fake->commits);
}

static int commit(struct product_repo *port, struct product_batch *batch)
{
    struct fake_product_repo *fake = of(port);
    struct outbox_write write = batch_write(&batch->base);
    bool changed = !outbox_write_is_empty(&write);

    int rc = check(fake, batch, &write);
    if (rc)
        return rc;
    for (size_t i = 0; i < batch->tickets.n; i++) {
        if (!batch->entries[i].changed)
            continue;
        store(fake, &batch->entries[i].ticket);
        changed = true;
    }
    fake_outbox_write(&fake->outbox, &write);
    fake->n_commits += changed;
    return OK;
}

static int64_t given_up_at(struct ticket *ticket, const struct due_limits *limits)
{
    if (ticket->waits_since > limits->now)
        ticket->waits_since = limits->now;
    return ticket->order_id && limits->give_up_after ? ticket->waits_since + limits->give_up_after : 0;
}

static int bring_back(struct product_repo *port, const struct due_limits *limits)
{
    struct fake_product_repo *fake = of(port);

    for (size_t i = 0; i < fake->n; i++) {
        struct ticket *ticket = &fake->tickets[i];
        int64_t latest = limits->others;
        if (ticket->state == TICKET_READY)
            latest = limits->ready;
        else if (ticket->state == TICKET_PRODUCING)
            latest = limits->producing;
        else if (ticket->state == TICKET_OUT_OF_STOCK)
            latest = given_up_at(ticket, limits);
        if (ticket->due_at > latest || ticket->state == TICKET_OUT_OF_STOCK)
            ticket->due_at = latest;
    }
    return OK;
}

static int restore(struct product_repo *port, int64_t *last_id, int64_t *last_order_id, uint64_t *last_position,
                   struct cursors *cursors)
{
    struct fake_product_repo *fake = of(port);

    *last_id = fake->n ? fake->tickets[fake->n - 1].id : 0;
    *last_order_id = 0;
    for (size_t i = 0; i < fake->n; i++) {
        if (fake->tickets[i].order_id > *last_order_id)
            *last_order_id = fake->tickets[i].order_id;
    }
    fake_outbox_restore(&fake->outbox, last_position, cursors);
    return fake_trap_sprung(&fake->reads);
}

struct fake_product_repo *fake_product_repo_new(void)
{
    struct fake_product_repo *fake = calloc(1, sizeof(*fake));

    ASSERT(fake);
    fake->port = (struct product_repo){.find_by_orders = find_by_orders,
                                       .find_by_ids = find_by_ids,
                                       .find_waiting = find_waiting,
                                       .find_waited_for = find_waited_for,
                                       .find_due = find_due,
                                       .next_due = next_due,
                                       .find_keys = find_keys,
                                       .commit = commit,
                                       .bring_back = bring_back,
                                       .restore = restore};
    fake_outbox_init(&fake->outbox);
    return fake;
}

void fake_product_repo_free(struct fake_product_repo *fake)
{
    fake_outbox_free(&fake->outbox);
    free(fake->tickets);
    free(fake);
}

struct fake_product_repo *fake_product_repo_copy(const struct fake_product_repo *fake)
{
    struct fake_product_repo *copy = fake_product_repo_new();

    copy->tickets = fake_duplicate(fake->tickets, fake->n, sizeof(*fake->tickets));
    copy->n = copy->room = fake->n;
    copy->outbox = fake_outbox_copy(&fake->outbox);
    return copy;
}

void fake_product_repo_put_back(struct fake_product_repo *fake, const struct fake_product_repo *copy)
{
    free(fake->tickets);
    fake->tickets = copy ? fake_duplicate(copy->tickets, copy->n, sizeof(*copy->tickets)) : NULL;
    fake->n = fake->room = copy ? copy->n : 0;
    fake_outbox_put_back(&fake->outbox, copy ? &copy->outbox : NULL);
    fake->n_commits++;
}
