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
    enum ownership_place place = owned->state == CELL_OPEN ? CELL_HERE : elsewhere ? CELL_ELSEWHERE : CELL_UNKNOWN;

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

void ownership_on_taken(struct ownership *self, int cell, int error, int64_t now)
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

void ownership_on_given(struct ownership *self, int cell)
{
    enum cell_state state = self->cells[cell].state;

    if (state != CELL_OPEN && state != CELL_CLOSING)
        return;
    log_info("a cell is closed", LOG_I("cell", cell), LOG_T("why", state == CELL_OPEN ? "lost" : "given up"));
    let_go(self, cell);
}
