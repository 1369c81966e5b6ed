#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "ownership_internal.h"
#include "sharing.h"

#include <string.h>

static bool make_room(struct ownership *self)
{
    size_t n = self->picture.n_members;

    if (n <= self->room)
        return true;
    self->room = 0; /* what is in them is of no use to the next look */
    heap_free(self->targets);
    heap_free(self->leavers);
    heap_free(self->pokes);
    self->targets = heap_alloc(n * sizeof(*self->targets));
    self->leavers = heap_alloc(n * sizeof(*self->leavers));
    self->pokes = heap_alloc(n * sizeof(*self->pokes));
    if (!self->targets || !self->leavers || !self->pokes)
        return false;
    self->room = n;
    return true;
}

/* --- who has what --- */

/* The picture's word for others' cells, ours for our own. */
static struct sharing share(struct ownership *self)
{
    const struct picture *picture = &self->picture;

    for (size_t i = 0; i < picture->n_members; i++) {
        self->leavers[i] = picture->members[i].leaving || ((int)i == picture->me && self->leaving);
        self->pokes[i] = false;
    }
    for (size_t i = 0; i < self->n_cells; i++)
        self->owners[i] = self->cells[i].state == CELL_NOT_OURS ? picture->cells[i].member : picture->me;
    return (struct sharing){self->n_cells, self->owners, picture->n_members, self->leavers};
}

/* What is closing already counts as given. */
static void give_up_surplus(struct ownership *self, struct sharing *now)
{
    size_t closing = 0;

    for (size_t i = 0; i < self->n_cells; i++) {
        bool closes =
            self->cells[i].state == CELL_CLOSING || (self->cells[i].state == CELL_OPENING && self->cells[i].unwanted);
        if (closes)
            self->owners[i] = SHARING_NOBODY;
        closing += closes;
    }
    size_t most = self->leaving ? self->n_cells : (size_t)self->settings.moves;
    most = most > closing ? most - closing : 0;
    size_t n = sharing_surplus(now, self->targets, self->picture.me, most, self->list);
    for (size_t i = 0; i < self->n_cells; i++) {
        if (self->cells[i].state != CELL_NOT_OURS)
            self->owners[i] = self->picture.me;
    }
    for (size_t i = 0; i < n; i++)
        ownership_close(self, self->list[i]);
}

/* --- claims --- */

/* A cell that we should have and nobody has; one that the store thinks ours (its answer to our claim was lost); one
 * that we have and the store doesn't think ours (we were taken for dead meanwhile). */
static bool is_to_be_claimed(const struct ownership *self, int cell, int64_t now)
{
    const struct owned_cell *owned = &self->cells[cell];
    int owner = self->picture.cells[cell].member;
    int me = self->picture.me;

    if (self->leaving || owned->disown)
        return false;
    if (owned->state == CELL_NOT_OURS)
        return owner == me || (owner < 0 && self->heirs[cell] == me && now >= self->others_at);
    return (owned->state == CELL_OPEN || owned->state == CELL_OPENING) && !owned->unwanted &&
           (owner != me || !owned->claimed);
}

static void take_answer(struct ownership *self, const struct claim *claim)
{
    struct owned_cell *owned = &self->cells[claim->cell];
    bool is_news = self->picture.cells[claim->cell].member != self->picture.me;

    owned->claimed = claim->granted;
    if (!claim->granted) { /* somebody was faster; if it is open here, it isn't ours any more */
        ownership_close(self, claim->cell);
        return;
    }
    self->poke_all = self->poke_all || is_news; /* requests for it come here from now on */
    self->picture.cells[claim->cell] = (struct cell_owner){self->picture.me, claim->change};
    if (!owned->asked)
        owned->token = claim->change;
    if (owned->state == CELL_NOT_OURS)
        ownership_open(self, claim->cell);
}

static void claim(struct ownership *self, int64_t now)
{
    size_t n = 0;

    for (size_t i = 0; i < self->n_cells; i++) {
        if (is_to_be_claimed(self, (int)i, now))
            self->claims[n++] = (struct claim){.cell = (int)i};
    }
    if (!n || ownership_heard(self, self->membership->own(self->membership, self->claims, n), now))
        return;
    for (size_t i = 0; i < n; i++)
        take_answer(self, &self->claims[i]);
}

/* --- telling --- */

/* Whoever is to take what we have just given up needn't wait for its next look; nor need anybody, when we have come, or
 * have taken something, to know whom to ask. */
static void poke_others(struct ownership *self)
{
    for (size_t i = 0; i < self->n_cells; i++) {
        struct owned_cell *owned = &self->cells[i];
        if (owned->freed && self->heirs[i] != SHARING_NOBODY)
            self->pokes[self->heirs[i]] = true;
        owned->freed = false;
    }
    for (size_t i = 0; i < self->picture.n_members; i++) {
        const char *address = self->picture.members[i].address;
        if ((self->pokes[i] || self->poke_all) && strcmp(address, self->address) != 0)
            self->service->poke(self->service, address);
    }
    self->poke_all = false;
}

/* A claim that nobody here knows of, when we take nothing any more. */
static void give_back_unknown_claims(struct ownership *self)
{
    for (size_t i = 0; self->leaving && i < self->n_cells; i++) {
        if (self->cells[i].state == CELL_NOT_OURS && self->picture.cells[i].member == self->picture.me)
            self->cells[i].disown = true;
    }
}

void ownership_look(struct ownership *self, int64_t now)
{
    self->look = false;
    self->look_at = now + self->settings.look_ms * US_PER_MS;
    int error = self->membership->read(self->membership, &self->picture);
    if (!error && !make_room(self))
        error = E_MEMORY;
    if (!error && self->picture.me < 0)
        error = E_NOT_FOUND;
    if (ownership_heard(self, error, now))
        return;
    struct sharing sharing = share(self);
    sharing_targets(&sharing, self->targets);
    give_up_surplus(self, &sharing);
    sharing_heirs(&sharing, self->targets, self->heirs);
    claim(self, now);
    give_back_unknown_claims(self);
    for (size_t i = 0; i < self->n_cells; i++)
        ownership_publish(self, (int)i);
    poke_others(self);
}
