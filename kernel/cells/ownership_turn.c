#include "base.h"
#include "clock.h"
#include "ownership_internal.h"

#include <stdatomic.h>

static void begin_to_leave(struct ownership *self)
{
    self->leaving = true;
    self->look = true;
    for (size_t i = 0; i < self->n_cells; i++)
        ownership_close(self, (int)i);
}

static void take_reports(struct ownership *self, int64_t now)
{
    pthread_mutex_lock(&self->lock);
    bool leave = self->leave;
    bool reported = self->reported;
    self->look = self->look || self->poked;
    self->poked = self->reported = false;
    for (size_t i = 0; reported && i < self->n_cells; i++) {
        self->taken_reports[i] = self->reports[i];
        self->reports[i] = (struct cell_report){0};
    }
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; reported && i < self->n_cells; i++) {
        const struct cell_report *report = &self->taken_reports[i];
        if (report->taken)
            ownership_on_taken(self, (int)i, report->error, now);
        if (report->given)
            ownership_on_given(self, (int)i);
    }
    if (leave && !self->leaving)
        begin_to_leave(self);
}

/* What we had claimed as somebody else is anybody's now; the next look claims again what we have. Others have perhaps
 * lost their membership for the same reason, so theirs isn't touched yet. */
static void become_member(struct ownership *self, int64_t now)
{
    for (size_t i = 0; i < self->n_cells; i++)
        self->cells[i].claimed = self->cells[i].disown = false;
    if (self->was_member)
        self->others_at = now + self->settings.lost_ms * US_PER_MS;
    self->joined = self->was_member = true;
    self->look = self->poke_all = true;
    self->beat_at = now + self->settings.beat_ms * US_PER_MS;
}

static void show_life(struct ownership *self, int64_t now)
{
    if (self->joined && now >= self->beat_at) {
        int error = ownership_heard(self, self->membership->beat(self->membership), now);
        self->beat_at = now + (error ? self->settings.beat_ms / 4 : self->settings.beat_ms) * US_PER_MS;
    }
    if (!self->joined && !self->leaving && now >= self->join_at) {
        self->join_at = now + self->settings.look_ms * US_PER_MS;
        if (!ownership_heard(self, self->membership->join(self->membership, self->address), now))
            become_member(self, now);
    }
    if (self->joined && self->leaving && !self->leave_told)
        self->leave_told = !ownership_heard(self, self->membership->leave(self->membership), now);
}

/* Whether nothing is left of it. */
static bool give_claims_back(struct ownership *self, int64_t now)
{
    size_t n = 0;

    for (size_t i = 0; i < self->n_cells; i++) {
        struct owned_cell *owned = &self->cells[i];
        owned->disown = owned->disown && self->joined;
        if (owned->disown)
            self->list[n++] = (int)i;
    }
    if (!n)
        return true;
    if (ownership_heard(self, self->membership->disown(self->membership, self->list, n), now))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct owned_cell *owned = &self->cells[self->list[i]];
        owned->disown = owned->claimed = false;
        owned->freed = true;
    }
    self->look = true;
    return true;
}

static void try_again_to_open(struct ownership *self, int64_t now)
{
    for (size_t i = 0; i < self->n_cells; i++) {
        struct owned_cell *owned = &self->cells[i];
        if (owned->state == CELL_OPENING && !owned->asked && owned->claimed && now >= owned->retry_at)
            ownership_open(self, (int)i);
    }
}

static void tell_that_all_is_given(struct ownership *self, bool given_back)
{
    bool all = self->leaving && !self->left;

    for (size_t i = 0; i < self->n_cells; i++)
        all = all && self->cells[i].state == CELL_NOT_OURS;
    if (!all || (!given_back && !atomic_load_explicit(&self->trouble, memory_order_relaxed)))
        return;
    self->left = true;
    self->service->left(self->service);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_turn(const struct ownership *self, bool given_back, int64_t now)
{
    int64_t next = self->joined ? sooner(self->beat_at, self->look ? now : self->look_at)
                                : (self->leaving ? TIME_NEVER : self->join_at);

    for (size_t i = 0; i < self->n_cells; i++) {
        const struct owned_cell *owned = &self->cells[i];
        if (owned->disown && self->joined)
            next = sooner(next, given_back ? now : now + self->settings.retry_ms * US_PER_MS);
        if (owned->state == CELL_OPENING && !owned->asked && owned->claimed)
            next = sooner(next, owned->retry_at);
    }
    return next;
}

int64_t ownership_turn(struct ownership *self, int64_t now)
{
    take_reports(self, now);
    show_life(self, now);
    bool given_back = give_claims_back(self, now);
    if (self->joined && (self->look || now >= self->look_at))
        ownership_look(self, now);
    try_again_to_open(self, now);
    tell_that_all_is_given(self, given_back);
    return next_turn(self, given_back, now);
}
