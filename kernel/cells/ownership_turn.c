#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "ownership_internal.h"

#include <stdatomic.h>
#include <string.h>

/* --- telling --- */

int ownership_heard(struct ownership *self, int error, int64_t now)
{
    int before = atomic_load_explicit(&self->trouble, memory_order_relaxed);
    int trouble = error == E_NOT_FOUND ? OK : error; /* that is an answer */

    if (error == E_NOT_FOUND) {
        if (self->joined)
            log_warning("the other replicas have taken this one for dead", LOG_T("address", self->address));
        self->joined = false;
        self->join_at = now;
    }
    if (trouble && !before)
        atomic_store_explicit(&self->trouble_since, now, memory_order_relaxed);
    if (!trouble && before)
        log_info("the other replicas can be asked about again", LOG_T("address", self->address));
    atomic_store_explicit(&self->trouble, trouble, memory_order_relaxed);
    return error;
}

void ownership_publish(struct ownership *self, int cell)
{
    const struct owned_cell *owned = &self->cells[cell];
    int owner = self->picture.cells[cell].member;
    bool elsewhere = owned->state == CELL_NOT_OURS && owner >= 0 &&
                     strcmp(self->picture.members[owner].address, self->address) != 0; /* us, before we were killed */
    enum cell_place place = owned->state == CELL_OPEN ? CELL_HERE : elsewhere ? CELL_ELSEWHERE : CELL_UNKNOWN;

    if (ownership_entry_set(&self->table[cell], place, elsewhere ? self->picture.members[owner].address : ""))
        self->service->moved(self->service, cell);
}

static void set_state(struct ownership *self, int cell, enum cell_state state)
{
    struct owned_cell *owned = &self->cells[cell];

    if (state == CELL_OPEN)
        atomic_fetch_add_explicit(&self->n_open, 1, memory_order_relaxed);
    else if (owned->state == CELL_OPEN)
        atomic_fetch_sub_explicit(&self->n_open, 1, memory_order_relaxed);
    owned->state = state;
    ownership_publish(self, cell);
}

/* --- opening and closing --- */

void ownership_open(struct ownership *self, int cell)
{
    struct owned_cell *owned = &self->cells[cell];

    owned->asked = true;
    owned->unwanted = false;
    if (owned->state != CELL_OPENING)
        set_state(self, cell, CELL_OPENING);
    self->service->take(self->service, cell, owned->token);
}

static void let_go(struct ownership *self, int cell)
{
    struct owned_cell *owned = &self->cells[cell];

    owned->disown = owned->claimed;
    owned->unwanted = false;
    owned->retry_ms = 0;
    self->picture.cells[cell].member = -1; /* until the next one shows who has it */
    set_state(self, cell, CELL_NOT_OURS);
}

void ownership_close(struct ownership *self, int cell)
{
    struct owned_cell *owned = &self->cells[cell];

    if (owned->state == CELL_OPENING && owned->asked)
        owned->unwanted = true;
    else if (owned->state == CELL_OPENING)
        let_go(self, cell);
    if (owned->state != CELL_OPEN)
        return;
    set_state(self, cell, CELL_CLOSING);
    self->service->give(self->service, cell);
}

static void on_taken(struct ownership *self, int cell, int error, int64_t now)
{
    struct owned_cell *owned = &self->cells[cell];
    bool unwanted = owned->unwanted || self->leaving;

    if (owned->state != CELL_OPENING || !owned->asked)
        return;
    owned->asked = false;
    if (error && unwanted) {
        let_go(self, cell);
    } else if (error) {
        owned->retry_ms = owned->retry_ms ? owned->retry_ms * 2 : self->settings.retry_ms;
        if (owned->retry_ms > self->settings.look_ms)
            owned->retry_ms = self->settings.look_ms;
        owned->retry_at = now + owned->retry_ms * US_PER_MS;
    } else {
        owned->retry_ms = 0;
        log_info("a cell is open", LOG_I("cell", cell), LOG_I("change", owned->token));
        set_state(self, cell, CELL_OPEN);
        if (unwanted)
            ownership_close(self, cell);
    }
}

static void on_given(struct ownership *self, int cell)
{
    enum cell_state state = self->cells[cell].state;

    if (state != CELL_OPEN && state != CELL_CLOSING)
        return;
    log_info("a cell is closed", LOG_I("cell", cell), LOG_T("why", state == CELL_OPEN ? "lost" : "given up"));
    let_go(self, cell);
}

/* --- the turn --- */

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
            on_taken(self, (int)i, report->error, now);
        if (report->given)
            on_given(self, (int)i);
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
