#include "ownership.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "ownership_internal.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

/* --- for any thread --- */

enum ownership_place ownership_find(struct ownership *self, int cell, char address[MEMBER_ADDRESS_SIZE])
{
    ASSERT(cell >= 0 && (size_t)cell < self->n_cells);
    return ownership_entry_get(&self->table[cell], address);
}

void ownership_taken(struct ownership *self, int cell, int error)
{
    ASSERT(cell >= 0 && (size_t)cell < self->n_cells);
    pthread_mutex_lock(&self->lock);
    self->reports[cell].taken = true;
    self->reports[cell].error = error;
    self->reported = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
}

void ownership_given(struct ownership *self, int cell)
{
    ASSERT(cell >= 0 && (size_t)cell < self->n_cells);
    pthread_mutex_lock(&self->lock);
    self->reports[cell].given = true;
    self->reported = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
}

static void raise_flag(struct ownership *self, bool *flag)
{
    pthread_mutex_lock(&self->lock);
    *flag = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
}

void ownership_poke(struct ownership *self)
{
    raise_flag(self, &self->poked);
}

void ownership_leave(struct ownership *self)
{
    raise_flag(self, &self->leave);
}

int ownership_trouble(const struct ownership *self, int64_t *since)
{
    *since = atomic_load_explicit(&self->trouble_since, memory_order_relaxed);
    return atomic_load_explicit(&self->trouble, memory_order_relaxed);
}

size_t ownership_count(const struct ownership *self)
{
    return atomic_load_explicit(&self->n_open, memory_order_relaxed);
}

/* --- the thread --- */

static bool is_wanted(const struct ownership *self)
{
    return self->stop || self->reported || self->poked || (self->leave && !self->leaving);
}

static void wait_until(struct ownership *self, int64_t due)
{
    const struct timespec until = {due / US_PER_S, due % US_PER_S * 1000};

    if (due == TIME_NEVER)
        pthread_cond_wait(&self->wake, &self->lock);
    else
        pthread_cond_timedwait(&self->wake, &self->lock, &until);
}

static void *run(void *context)
{
    struct ownership *self = context;

    pthread_mutex_lock(&self->lock);
    while (!self->stop) {
        pthread_mutex_unlock(&self->lock);
        int64_t next = ownership_turn(self, clock_monotonic());
        pthread_mutex_lock(&self->lock);
        while (!is_wanted(self) && clock_monotonic() < next)
            wait_until(self, next);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

int ownership_start(struct ownership *self)
{
    ASSERT(!self->running);
    if (pthread_create(&self->thread, NULL, run, self))
        return E_SYSTEM;
    self->running = true;
    return OK;
}

/* --- life --- */

static bool get_memory(struct ownership *self, size_t n)
{
    self->table = heap_alloc(n * sizeof(*self->table));
    self->cells = heap_alloc(n * sizeof(*self->cells));
    self->reports = heap_alloc(n * sizeof(*self->reports));
    self->taken_reports = heap_alloc(n * sizeof(*self->taken_reports));
    self->owners = heap_alloc(n * sizeof(*self->owners));
    self->heirs = heap_alloc(n * sizeof(*self->heirs));
    self->list = heap_alloc(n * sizeof(*self->list));
    self->claims = heap_alloc(n * sizeof(*self->claims));
    return picture_init(&self->picture, n) && self->table && self->cells && self->reports && self->taken_reports &&
           self->owners && self->heirs && self->list && self->claims;
}

static void make_lock(struct ownership *self)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self->wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct ownership *ownership_new(const struct ownership_settings *settings, struct membership *membership,
                                size_t n_cells, const char *address, struct ownership_service *service)
{
    struct ownership *self = heap_alloc(sizeof(*self));

    ASSERT(n_cells > 0 && n_cells <= CELLS_MOST && strlen(address) < MEMBER_ADDRESS_SIZE && settings->moves > 0);
    if (!self)
        return NULL;
    make_lock(self);
    self->settings = *settings;
    self->service = service;
    self->n_cells = n_cells;
    stpcpy(self->address, address);
    if (!get_memory(self, n_cells)) {
        ownership_free(self); /* the membership stays the caller's */
        return NULL;
    }
    self->membership = membership;
    return self;
}

static void stop(struct ownership *self)
{
    raise_flag(self, &self->stop);
    if (self->running)
        pthread_join(self->thread, NULL);
}

void ownership_free(struct ownership *self)
{
    if (!self)
        return;
    stop(self);
    if (self->membership)
        self->membership->close(self->membership);
    picture_free(&self->picture);
    heap_free(self->table);
    heap_free(self->cells);
    heap_free(self->reports);
    heap_free(self->taken_reports);
    heap_free(self->owners);
    heap_free(self->heirs);
    heap_free(self->list);
    heap_free(self->claims);
    heap_free(self->targets);
    heap_free(self->leavers);
    heap_free(self->pokes);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    heap_free(self);
}
