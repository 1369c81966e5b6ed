/* The driver on its thread: several replicas at once, and threads that ask all the time whose each cell is. */
#include "ownership.h"

#include "base.h"
#include "clock.h"
#include "fake_membership.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CELLS = 16, REPLICAS = 3, READERS = 2, NOBODY = -1, LIMIT_MS = 30000, LOOK_MS = 5 };

static const struct ownership_settings settings = {
    .lost_ms = 5000, .beat_ms = 500, .look_ms = 200, .retry_ms = 10, .moves = 4};
/* Of different lengths, so that a mixture of two is none of them. */
static const char *const addresses[REPLICAS] = {"a", "bb.bbbbbbbbbbbbbbbb:8081", "ccccccccccccccccccccccccc.cc:80"};

struct replica {
    struct ownership_service service;
    struct membership port; /* as the driver sees it: one at a time, on the real time */
    struct membership *membership;
    struct ownership *ownership;
    bool can_be_poked; /* under the world's lock */
    int number;
    atomic_int lefts;
};

static struct {
    pthread_mutex_t lock;
    struct fake_membership_store store;
    int locks[CELLS];
    struct replica replicas[REPLICAS];
    atomic_bool done;
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- the store, for many threads --- */

static struct membership *enter(struct membership *port)
{
    pthread_mutex_lock(&world.lock);
    world.store.now_ms = clock_monotonic() / US_PER_MS;
    return CONTAINER_OF(port, struct replica, port)->membership;
}

static int leave_with(int error)
{
    pthread_mutex_unlock(&world.lock);
    return error;
}

static int locked_join(struct membership *port, const char *address)
{
    struct membership *fake = enter(port);
    return leave_with(fake->join(fake, address));
}

static int locked_beat(struct membership *port)
{
    struct membership *fake = enter(port);
    return leave_with(fake->beat(fake));
}

static int locked_leave(struct membership *port)
{
    struct membership *fake = enter(port);
    return leave_with(fake->leave(fake));
}

static int locked_read(struct membership *port, struct picture *picture)
{
    struct membership *fake = enter(port);
    return leave_with(fake->read(fake, picture));
}

static int locked_own(struct membership *port, struct claim *claims, size_t n)
{
    struct membership *fake = enter(port);
    return leave_with(fake->own(fake, claims, n));
}

static int locked_disown(struct membership *port, const int *cells, size_t n)
{
    struct membership *fake = enter(port);
    return leave_with(fake->disown(fake, cells, n));
}

static void locked_close(struct membership *port)
{
    struct membership *fake = enter(port);
    fake->close(fake);
    leave_with(0);
}

/* --- the service --- */

static struct replica *of(struct ownership_service *service)
{
    return CONTAINER_OF(service, struct replica, service);
}

static void take(struct ownership_service *service, int cell, int64_t token)
{
    struct replica *self = of(service);

    assert_true(token > 0);
    pthread_mutex_lock(&world.lock);
    bool free = world.locks[cell] == NOBODY;
    if (free)
        world.locks[cell] = self->number;
    pthread_mutex_unlock(&world.lock);
    ownership_taken(self->ownership, cell, free ? 0 : 1);
}

static void give(struct ownership_service *service, int cell)
{
    struct replica *self = of(service);

    pthread_mutex_lock(&world.lock);
    assert_int_equal(world.locks[cell], self->number);
    world.locks[cell] = NOBODY;
    pthread_mutex_unlock(&world.lock);
    ownership_given(self->ownership, cell);
}

static void moved(struct ownership_service *service, int cell)
{
    char address[MEMBER_ADDRESS_SIZE];

    (void)ownership_find(of(service)->ownership, cell, address);
}

static void poke(struct ownership_service *service, const char *address)
{
    UNUSED(service);
    pthread_mutex_lock(&world.lock);
    for (int i = 0; i < REPLICAS; i++) {
        if (world.replicas[i].can_be_poked && strcmp(addresses[i], address) == 0)
            ownership_poke(world.replicas[i].ownership);
    }
    pthread_mutex_unlock(&world.lock);
}

static void left(struct ownership_service *service)
{
    atomic_fetch_add(&of(service)->lefts, 1);
}

/* --- replicas --- */

static void start(int number)
{
    struct replica *self = &world.replicas[number];

    pthread_mutex_lock(&world.lock);
    *self = (struct replica){
        .number = number,
        .service = {take, give, moved, poke, left},
        .port = {locked_join, locked_beat, locked_leave, locked_read, locked_own, locked_disown, locked_close}};
    pthread_mutex_unlock(&world.lock);
    self->membership = fake_membership_new(&world.store);
    self->ownership = ownership_new(&settings, &self->port, CELLS, addresses[number], &self->service);
    assert_non_null(self->ownership);
    pthread_mutex_lock(&world.lock);
    self->can_be_poked = true;
    pthread_mutex_unlock(&world.lock);
    assert_int_equal(ownership_start(self->ownership), 0);
}

static void end(int number)
{
    pthread_mutex_lock(&world.lock);
    world.replicas[number].can_be_poked = false;
    pthread_mutex_unlock(&world.lock);
    ownership_free(world.replicas[number].ownership);
}

static void *ask_on_and_on(void *context)
{
    struct replica *self = context;
    char address[MEMBER_ADDRESS_SIZE];

    for (int cell = 0; !atomic_load(&world.done); cell = (cell + 1) % CELLS) {
        enum ownership_place place = ownership_find(self->ownership, cell, address);
        bool known = address[0] == '\0';
        for (int i = 0; i < REPLICAS; i++)
            known = known || strcmp(address, addresses[i]) == 0;
        ASSERT(known && (place == CELL_ELSEWHERE) == (address[0] != '\0'));
    }
    return NULL;
}

/* Until each of those that run has so many. */
static void wait_for(const int *counts)
{
    int64_t latest = clock_monotonic() + LIMIT_MS * US_PER_MS;
    bool fits = false;

    while (!fits) {
        fits = true;
        for (int i = 0; i < REPLICAS; i++)
            fits = fits && (counts[i] < 0 || (int)ownership_count(world.replicas[i].ownership) == counts[i]);
        assert_true(clock_monotonic() < latest);
        poll(NULL, 0, fits ? 0 : LOOK_MS);
    }
}

static void wait_until_left(int number)
{
    int64_t latest = clock_monotonic() + LIMIT_MS * US_PER_MS;

    while (!atomic_load(&world.replicas[number].lefts)) {
        assert_true(clock_monotonic() < latest);
        poll(NULL, 0, LOOK_MS);
    }
}

static void replicas_come_and_go_while_everybody_asks_whose_a_cell_is(void **state)
{
    pthread_t readers[READERS];

    UNUSED(state);
    world.store = (struct fake_membership_store){.n_cells = CELLS, .lost_ms = settings.lost_ms};
    for (int i = 0; i < CELLS; i++)
        world.locks[i] = NOBODY;
    start(0);
    wait_for((int[]){CELLS, -1, -1});
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, ask_on_and_on, &world.replicas[0]), 0);
    for (int round = 0; round < 5; round++) {
        start(1);
        wait_for((int[]){CELLS / 2, CELLS / 2, -1});
        start(2);
        wait_for((int[]){6, 5, 5});
        for (int i = 1; i < REPLICAS; i++)
            ownership_leave(world.replicas[i].ownership);
        wait_until_left(1);
        wait_until_left(2);
        end(1);
        end(2);
        wait_for((int[]){CELLS, -1, -1});
    }
    atomic_store(&world.done, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    for (int i = 0; i < CELLS; i++)
        assert_int_equal(world.locks[i], 0);
    end(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_come_and_go_while_everybody_asks_whose_a_cell_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
