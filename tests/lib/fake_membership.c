#include "fake_membership.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"

#include <string.h>

struct fake_membership {
    struct membership port;
    struct fake_membership_store *store;
    int64_t id;
    bool isolated;
};

static struct fake_membership *of(struct membership *port)
{
    return CONTAINER_OF(port, struct fake_membership, port);
}

static struct fake_member *find(struct fake_membership_store *store, int64_t id)
{
    for (size_t i = 0; i < store->n_members; i++) {
        struct fake_member *member = &store->members[i];
        if (member->id == id && member->lives_until_ms > store->now_ms)
            return member;
    }
    return NULL;
}

/* OK: it can be asked, and we are a member. */
static int ask(struct fake_membership *self, struct fake_member **member)
{
    if (self->store->away || self->isolated)
        return E_UNAVAILABLE;
    *member = find(self->store, self->id);
    return *member ? OK : E_NOT_FOUND;
}

static int fake_join(struct membership *port, const char *address)
{
    struct fake_membership *self = of(port);
    struct fake_membership_store *store = self->store;
    size_t n = 0;

    if (store->away || self->isolated)
        return E_UNAVAILABLE;
    for (size_t i = 0; i < store->n_members; i++) {
        const struct fake_member *member = &store->members[i];
        if (member->id != self->id && member->lives_until_ms > store->now_ms)
            store->members[n++] = *member;
    }
    ASSERT(n < FAKE_MEMBERS && strlen(address) < MEMBER_ADDRESS_SIZE);
    self->id = ++store->last_id;
    store->members[n] = (struct fake_member){.id = self->id, .lives_until_ms = store->now_ms + store->lost_ms};
    stpcpy(store->members[n].address, address);
    store->n_members = n + 1;
    return OK;
}

static int fake_beat(struct membership *port)
{
    struct fake_member *member = NULL;

    int error = ask(of(port), &member);
    if (!error)
        member->lives_until_ms = of(port)->store->now_ms + of(port)->store->lost_ms;
    return error;
}

static int fake_leave(struct membership *port)
{
    struct fake_member *member = NULL;

    int error = ask(of(port), &member);
    if (!error)
        member->leaving = true;
    return error;
}

static int fake_read(struct membership *port, struct picture *picture)
{
    struct fake_membership *self = of(port);
    struct fake_membership_store *store = self->store;

    if (store->away || self->isolated)
        return E_UNAVAILABLE;
    picture_clear(picture);
    for (size_t i = 0; i < store->n_members; i++) {
        const struct fake_member *member = &store->members[i];
        if (member->lives_until_ms > store->now_ms &&
            !picture_add(picture, member->id, member->address, strlen(member->address), member->leaving))
            return E_MEMORY;
    }
    for (size_t i = 0; i < store->n_cells; i++)
        picture->cells[i] = (struct cell_owner){picture_place(picture, store->cells[i].owner), store->cells[i].change};
    picture->me = picture_place(picture, self->id);
    return OK;
}

static int fake_own(struct membership *port, struct claim *claims, size_t n)
{
    struct fake_membership *self = of(port);
    struct fake_membership_store *store = self->store;
    struct fake_member *member = NULL;

    int error = ask(self, &member);
    for (size_t i = 0; i < n; i++) {
        claims[i].granted = false;
        if (error)
            continue;
        ASSERT(claims[i].cell < (int)store->n_cells && (i == 0 || claims[i].cell > claims[i - 1].cell));
        int64_t *owner = &store->cells[claims[i].cell].owner;
        if (*owner != self->id && find(store, *owner))
            continue;
        if (*owner != self->id) {
            store->cells[claims[i].cell].change++;
            store->claimed++;
        }
        *owner = self->id;
        claims[i].granted = !store->answers_lost;
        claims[i].change = store->cells[claims[i].cell].change;
    }
    return error || !store->answers_lost ? error : E_UNAVAILABLE;
}

static int fake_disown(struct membership *port, const int *cells, size_t n)
{
    struct fake_membership *self = of(port);
    struct fake_member *member = NULL;

    int error = ask(self, &member);
    for (size_t i = 0; !error && i < n; i++) {
        if (self->store->cells[cells[i]].owner == self->id)
            self->store->cells[cells[i]].owner = 0;
    }
    return error;
}

static void fake_close(struct membership *port)
{
    struct fake_membership *self = of(port);

    if (!self->store->away && !self->isolated)
        fake_membership_cut(port);
    heap_free(self);
}

struct membership *fake_membership_new(struct fake_membership_store *store)
{
    struct fake_membership *self = heap_alloc(sizeof(*self));

    ASSERT(self && store->n_cells <= CELLS_MOST && store->lost_ms > 0);
    self->store = store;
    self->port = (struct membership){.join = fake_join,
                                     .beat = fake_beat,
                                     .leave = fake_leave,
                                     .read = fake_read,
                                     .own = fake_own,
                                     .disown = fake_disown,
                                     .close = fake_close};
    return &self->port;
}

void fake_membership_cut(struct membership *port)
{
    struct fake_member *member = find(of(port)->store, of(port)->id);

    if (member)
        member->lives_until_ms = 0;
}

void fake_membership_isolate(struct membership *port, bool isolated)
{
    of(port)->isolated = isolated;
}
