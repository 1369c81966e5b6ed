#include "fake_payment_repo.h"

#include "base.h"
#include "errors.h"

#include <stdlib.h>

static struct fake_payment_repo *of(struct payment_repo *port)
{
    return CONTAINER_OF(port, struct fake_payment_repo, port);
}

static size_t lower_bound(const struct fake_payment_repo *fake, int64_t id)
{
    size_t at = fake->n;

    while (at > 0 && fake->payments[at - 1].id >= id)
        at--;
    return at;
}

const struct payment *fake_payment_repo_find(const struct fake_payment_repo *fake, int64_t id)
{
    size_t at = lower_bound(fake, id);

    return at < fake->n && fake->payments[at].id == id ? &fake->payments[at] : NULL;
}

/* ---- load ---- */

static int copy_out(struct payment *out, const struct payment *payment, struct arena *arena)
{
    *out = *payment;
    struct str *texts[] = {&out->key, &out->method, &out->currency, &out->reference, &out->reason};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        *texts[i] = arena_copy(arena, *texts[i]);
        if (!texts[i]->p)
            return E_MEMORY;
    }
    return OK;
}

static int find_by_keys(struct payment_repo *port, const struct str *keys, size_t n, struct payment *out,
                        struct arena *arena)
{
    struct fake_payment_repo *fake = of(port);

    int rc = fake_trap_sprung(&fake->reads);
    for (size_t i = 0; i < n && !rc; i++) {
        for (size_t k = 0; k < fake->n && !rc; k++) {
            const struct payment *payment = &fake->payments[k];
            if (str_eq(payment->key, keys[i]) && !payment_is_over(payment))
                rc = copy_out(&out[i], payment, arena);
        }
    }
    return rc;
}

static int find_by_ids(struct payment_repo *port, const int64_t *ids, size_t n, struct payment *out,
                       struct arena *arena)
{
    struct fake_payment_repo *fake = of(port);

    int rc = fake_trap_sprung(&fake->reads);
    for (size_t i = 0; i < n && !rc; i++) {
        const struct payment *payment = fake_payment_repo_find(fake, ids[i]);
        if (payment)
            rc = copy_out(&out[i], payment, arena);
    }
    return rc;
}

static bool is_after(int64_t due_at, int64_t id, struct due_payment after)
{
    return due_at > after.due_at || (due_at == after.due_at && id > after.id);
}

/* The first due payment after `after`; NULL: none. */
static const struct payment *first_due(const struct fake_payment_repo *fake, struct due_payment after)
{
    const struct payment *first = NULL;

    for (size_t i = 0; i < fake->n; i++) {
        const struct payment *payment = &fake->payments[i];
        if (!payment->due_at || !is_after(payment->due_at, payment->id, after))
            continue;
        if (!first || is_after(first->due_at, first->id, (struct due_payment){payment->due_at, payment->id}))
            first = payment;
    }
    return first;
}

static int find_due(struct payment_repo *port, struct due_payment after, int64_t now, size_t limit,
                    struct due_payment *out, size_t *n)
{
    struct fake_payment_repo *fake = of(port);
    const struct payment *payment = first_due(fake, after);

    for (*n = 0; payment && payment->due_at <= now && *n < limit; payment = first_due(fake, out[*n - 1]))
        out[(*n)++] = (struct due_payment){payment->due_at, payment->id};
    return fake_trap_sprung(&fake->reads);
}

static int next_due(struct payment_repo *port, struct due_payment after, int64_t *due_at)
{
    const struct payment *payment = first_due(of(port), after);

    *due_at = payment ? payment->due_at : INT64_MAX;
    return fake_trap_sprung(&of(port)->reads);
}

static int has_letters(struct payment_repo *port, bool *yes)
{
    *yes = of(port)->outbox.n_dead > 0;
    return fake_trap_sprung(&of(port)->reads);
}

/* ---- commit ---- */

static void store(struct fake_payment_repo *fake, const struct payment *payment)
{
    size_t at = lower_bound(fake, payment->id);

    if (at == fake->n || fake->payments[at].id != payment->id) {
        fake->payments = fake_grow(fake->payments, fake->n, 1, &fake->room, sizeof(*payment));
        memmove(&fake->payments[at + 1], &fake->payments[at], (fake->n - at) * sizeof(*payment));
        fake->payments[at] = (struct payment){.key = fake_copy(&fake->outbox, payment->key),
                                              .method = fake_copy(&fake->outbox, payment->method),
                                              .currency = fake_copy(&fake->outbox, payment->currency),
                                              .created_at = payment->created_at};
        fake->n++;
    }
    struct payment *kept = &fake->payments[at];
    struct payment first = *kept;
    *kept = *payment;
    kept->key = first.key;
    kept->method = first.method;
    kept->currency = first.currency;
    kept->created_at = first.created_at;
    kept->reference = fake_copy(&fake->outbox, payment->reference);
    kept->reason = fake_copy(&fake->outbox, payment->reason);
}

static void book(struct fake_payment_repo *fake, const struct payment_booking *booking)
{
    fake->bookings = fake_grow(fake->bookings, fake->n_bookings, 1, &fake->bookings_room, sizeof(*booking));
    fake->bookings[fake->n_bookings] = *booking;
    fake->bookings[fake->n_bookings++].currency = fake_copy(&fake->outbox, booking->currency);
}

/* A key has at most one payment that isn't over. */
static bool is_conflict(const struct fake_payment_repo *fake, const struct payment_batch *batch)
{
    for (size_t i = 0; i < batch->ids.n; i++) {
        const struct payment_entry *entry = &batch->entries[i];
        if (!entry->changed || !entry->is_new || payment_is_over(&entry->payment))
            continue;
        for (size_t k = 0; k < fake->n; k++) {
            const struct payment *other = &fake->payments[k];
            size_t at = 0;
            while (at < batch->ids.n && !(batch->entries[at].changed && batch->entries[at].payment.id == other->id))
                at++;
            const struct payment *now = at < batch->ids.n ? &batch->entries[at].payment : other;
            if (str_eq(other->key, entry->payment.key) && !payment_is_over(now))
                return true;
        }
    }
    return false;
}

static int commit(struct payment_repo *port, struct payment_batch *batch)
{
    struct fake_payment_repo *fake = of(port);
    struct outbox_write write = batch_write(&batch->base);
    bool changed = !outbox_write_is_empty(&write);

    int rc = fake_outbox_check(&write);
    if (!rc)
        rc = fake_trap_sprung(&fake->commits);
    if (!rc && is_conflict(fake, batch))
        rc = E_CONFLICT;
    if (rc)
        return rc;
    for (size_t i = 0; i < batch->ids.n; i++) {
        if (!batch->entries[i].changed)
            continue;
        store(fake, &batch->entries[i].payment);
        changed = true;
    }
    for (size_t i = 0; i < batch->n_bookings; i++)
        book(fake, &batch->bookings[i]);
    fake_outbox_write(&fake->outbox, &write);
    fake->n_commits += changed;
    return OK;
}

static int bring_back(struct payment_repo *port, int64_t latest)
{
    struct fake_payment_repo *fake = of(port);

    int rc = fake_trap_sprung(&fake->commits);
    for (size_t i = 0; i < fake->n && !rc; i++) {
        struct payment *payment = &fake->payments[i];
        if (payment->due_at && payment->due_at > latest)
            payment->due_at = latest;
        if (payment->due_at && payment->expires_at > latest)
            payment->expires_at = latest;
    }
    return rc;
}

static int restore(struct payment_repo *port, int64_t *last_id, uint64_t *last_position, struct cursors *cursors)
{
    struct fake_payment_repo *fake = of(port);

    *last_id = fake->n ? fake->payments[fake->n - 1].id : 0;
    fake_outbox_restore(&fake->outbox, last_position, cursors);
    return fake_trap_sprung(&fake->reads);
}

struct fake_payment_repo *fake_payment_repo_new(void)
{
    struct fake_payment_repo *fake = calloc(1, sizeof(*fake));

    ASSERT(fake);
    fake->port = (struct payment_repo){.find_by_keys = find_by_keys,
                                       .find_by_ids = find_by_ids,
                                       .find_due = find_due,
                                       .next_due = next_due,
                                       .has_letters = has_letters,
                                       .commit = commit,
                                       .bring_back = bring_back,
                                       .restore = restore};
    fake_outbox_init(&fake->outbox);
    return fake;
}

void fake_payment_repo_free(struct fake_payment_repo *fake)
{
    fake_outbox_free(&fake->outbox);
    free(fake->payments);
    free(fake->bookings);
    free(fake);
}

struct fake_payment_repo *fake_payment_repo_copy(const struct fake_payment_repo *fake)
{
    struct fake_payment_repo *copy = fake_payment_repo_new();

    copy->payments = fake_duplicate(fake->payments, fake->n, sizeof(*fake->payments));
    copy->n = copy->room = fake->n;
    copy->bookings = fake_duplicate(fake->bookings, fake->n_bookings, sizeof(*fake->bookings));
    copy->n_bookings = copy->bookings_room = fake->n_bookings;
    copy->outbox = fake_outbox_copy(&fake->outbox);
    return copy;
}

void fake_payment_repo_put_back(struct fake_payment_repo *fake, const struct fake_payment_repo *copy)
{
    static const struct fake_payment_repo empty = {0};
    const struct fake_payment_repo *from = copy ? copy : &empty;

    free(fake->payments);
    free(fake->bookings);
    fake->payments = fake_duplicate(from->payments, from->n, sizeof(*from->payments));
    fake->n = fake->room = from->n;
    fake->bookings = fake_duplicate(from->bookings, from->n_bookings, sizeof(*from->bookings));
    fake->n_bookings = fake->bookings_room = from->n_bookings;
    fake_outbox_put_back(&fake->outbox, copy ? &copy->outbox : NULL);
    fake->n_commits++;
}
