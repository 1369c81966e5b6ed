#include "cells_core.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "sql_joint.h"

#include <string.h>

/* What a batch is for one cell. */
struct part {
    struct core *core; /* NULL: the cell isn't here */
    size_t begin, n;   /* its commands */
    bool decides;      /* takes part in this batch */
};

struct cells_core {
    struct core core;
    struct sql *joint;
    struct command **sorted; /* by cell; within one as they came */
    size_t room;
    int32_t n;
    int32_t decided; /* parts up to here were asked */
    struct part parts[];
};

static struct cells_core *of(struct core *core)
{
    return CONTAINER_OF(core, struct cells_core, core);
}

/* ---- sorting ---- */

static bool make_room(struct cells_core *self, size_t n)
{
    if (n <= self->room)
        return true;
    heap_free(self->sorted);
    self->sorted = heap_alloc(n * sizeof(struct command *));
    self->room = self->sorted ? n : 0;
    return self->sorted != NULL;
}

static void sort(struct cells_core *self, struct command *const *commands, size_t n)
{
    size_t begin = 0;

    for (int32_t i = 0; i < self->n; i++)
        self->parts[i].n = 0;
    for (size_t i = 0; i < n; i++) {
        ASSERT(core_has(&self->core, commands[i]->cell));
        self->parts[commands[i]->cell].n++;
    }
    for (int32_t i = 0; i < self->n; i++) {
        self->parts[i].begin = begin;
        begin += self->parts[i].n;
        self->parts[i].n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct part *part = &self->parts[commands[i]->cell];
        self->sorted[part->begin + part->n++] = commands[i];
    }
}

/* Those with commands, and those whose time has come; apart from each other only one. */
static void choose(struct cells_core *self, size_t n, int64_t now)
{
    struct part *earliest = NULL;
    int64_t due = now;

    for (int32_t i = 0; i < self->n; i++) {
        struct part *part = &self->parts[i];
        int64_t wish = part->core ? part->core->next_due(part->core) : INT64_MAX;
        part->decides = part->n > 0 || (self->joint && wish <= now);
        if (wish <= due) {
            earliest = part;
            due = wish;
        }
    }
    if (!self->joint && n == 0 && earliest)
        earliest->decides = true;
}

/* ---- the core ---- */

static int decide(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct cells_core *self = of(core);
    int rc = OK;

    self->decided = 0;
    if (!make_room(self, n))
        return E_MEMORY;
    sort(self, commands, n);
    choose(self, n, now);
    while (self->decided < self->n && !rc) {
        struct part *part = &self->parts[self->decided++];
        if (!part->decides)
            continue;
        ASSERT(self->joint || part->n == n);
        part->core->wall_ahead = core->wall_ahead;
        rc = part->core->decide(part->core, self->sorted + part->begin, part->n, now);
    }
    return self->joint ? sql_joint_end(self->joint, rc) : rc;
}

static void settle(struct core *core, struct command *const *commands, size_t n, int rc)
{
    struct cells_core *self = of(core);

    UNUSED(commands);
    UNUSED(n);
    for (int32_t i = 0; i < self->decided; i++) {
        struct part *part = &self->parts[i];
        if (part->decides)
            part->core->settle(part->core, self->sorted + part->begin, part->n, rc);
    }
}

static int64_t next_due(struct core *core)
{
    struct cells_core *self = of(core);
    int64_t due = INT64_MAX;

    for (int32_t i = 0; i < self->n; i++) {
        struct core *part = self->parts[i].core;
        int64_t wish = part ? part->next_due(part) : INT64_MAX;
        due = wish < due ? wish : due;
    }
    return due;
}

static bool has(struct core *core, int32_t cell)
{
    struct cells_core *self = of(core);

    return cell >= 0 && cell < self->n && self->parts[cell].core;
}

void cells_core_put(struct core *core, int32_t cell, struct core *of_cell)
{
    ASSERT(cell >= 0 && cell < of(core)->n);
    of(core)->parts[cell] = (struct part){.core = of_cell};
}

struct core *cells_core_new(int32_t n, struct sql *joint)
{
    struct cells_core *self = heap_alloc(sizeof(*self) + (size_t)n * sizeof(self->parts[0]));

    ASSERT(n > 0);
    if (!self)
        return NULL;
    *self = (struct cells_core){
        .core = {.decide = decide, .settle = settle, .next_due = next_due, .has = has}, .joint = joint, .n = n};
    return &self->core;
}

void cells_core_free(struct core *core)
{
    if (!core)
        return;
    heap_free(of(core)->sorted);
    heap_free(of(core));
}
