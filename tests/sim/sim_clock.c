#include "sim_clock.h"

#include "sim_service.h"

static const int64_t hour = INT64_C(3600) * US_PER_S;
static const int64_t day = INT64_C(86400) * US_PER_S;

/* What somebody sets a clock to: right, a time zone off, days off, or a little. */
static int64_t some_offset(struct sim *sim)
{
    const int64_t offsets[] = {0, 9 * hour, -9 * hour, 8 * day, -8 * day, -day};
    int64_t choice = sim_between(&sim->random, 0, (int64_t)COUNT_OF(offsets));

    if (choice < (int64_t)COUNT_OF(offsets))
        return offsets[choice];
    return sim_between(&sim->random, -60, 60) * US_PER_S;
}

struct stepper {
    struct sim_timer timer;
    struct sim_service *service;
};

static void steps(struct sim_timer *timer)
{
    struct sim_service *service = CONTAINER_OF(timer, struct stepper, timer)->service;
    struct sim *sim = service->sim;
    int64_t before = service->clock.off;

    if (sim->calm)
        return;
    service->clock.off = some_offset(sim);
    sim_note(sim, service->who, "has its clock set", service->clock.off - before, 0, 0);
    if (service->clock.off - before >= day)
        sim_meet(sim, MET_CLOCK_AHEAD);
    if (before - service->clock.off >= day)
        sim_meet(sim, MET_CLOCK_BACK);
    sim_set_timer_within(sim, timer, 0, 2 * sim->shape.clock_every);
}

void sim_clocks_begin(struct sim *sim)
{
    for (size_t who = 0; who < sim->n_services; who++) {
        if (sim_fault(sim, sim->shape.clock_wrong))
            sim->services[who]->clock.off = some_offset(sim);
    }
}

void sim_clocks_step(struct sim *sim)
{
    for (size_t who = 0; who < sim->n_services && sim->shape.clock_every; who++) {
        struct stepper *stepper = SIM_NEW(sim, struct stepper);
        *stepper = (struct stepper){.timer = {.fire = steps}, .service = sim->services[who]};
        sim_set_timer_within(sim, &stepper->timer, 0, 2 * sim->shape.clock_every);
    }
}

void sim_clock_start(struct sim_service *service)
{
    int64_t now = service->sim->now;

    if (service->life > 1 && now + service->clock.off < steady_clock_at(&service->clock.own, now) - hour)
        sim_meet(service->sim, MET_STARTED_EARLIER);
    service->clock.own = (struct steady_clock){.wall = now + service->clock.off, .monotonic = now};
}

/* WALL_CLOCK_DECIDES: its own time is the wall clock's. */
static int64_t own_off(const struct sim_service *service)
{
    return sim_has_plant(service->sim, PLANT_WALL_CLOCK_DECIDES)
               ? service->clock.off
               : service->clock.own.wall - service->clock.own.monotonic;
}

int64_t sim_clock_now(const struct sim_service *service)
{
    if (sim_has_plant(service->sim, PLANT_WALL_CLOCK_DECIDES))
        return service->sim->now + service->clock.off;
    return steady_clock_at(&service->clock.own, service->sim->now);
}

int64_t sim_clock_wall_ahead(const struct sim_service *service)
{
    return service->sim->now + service->clock.off - sim_clock_now(service);
}

int64_t sim_clock_when(const struct sim_service *service, int64_t own)
{
    return own == INT64_MAX ? INT64_MAX : own - own_off(service);
}
