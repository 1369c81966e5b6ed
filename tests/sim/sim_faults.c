#include "sim_faults.h"

#include "sim_restore.h"
#include "sim_service.h"

/* Nothing, a little, or a lot: a shop in which everything breaks at once gets nowhere. */
static int64_t some(struct sim *sim, int64_t a_lot)
{
    switch (sim_between(&sim->random, 0, 3)) {
    case 0:
    case 1:
        return 0;
    case 2:
        return a_lot / 8;
    default:
        return a_lot;
    }
}

/* By the seed's last digit: who pays at the counter has the same history as ever. */
static enum sim_pays choose_pays(const struct sim *sim)
{
    uint64_t digit = sim->options.seed % 10;

    return digit < 6 ? SIM_AT_THE_COUNTER : digit < 7 ? SIM_BY_THE_TILL : SIM_BY_A_PROVIDER;
}

void sim_choose_shape(struct sim *sim)
{
    struct sim_random *random = &sim->random;

    sim->shape.pays = choose_pays(sim);
    sim->n_services = sim->shape.pays == SIM_AT_THE_COUNTER ? SIM_PAYMENT : SIM_N_SERVICES;
    sim->shape = (struct sim_shape){
        .pays = sim->shape.pays,
        .settings = sim_settings_choose(sim),
        .n_customers = sim_between(random, 4, 24),
        .n_counter = sim_chance(random, 600) ? sim_between(random, 1, 10) : 0,
        .n_keeper = sim_chance(random, 700) ? sim_between(random, 1, 8) : 0,
        .n_counts = sim_chance(random, 500) ? sim_between(random, 1, 6) : 0,
        .n_removals = sim_chance(random, 300) ? sim_between(random, 1, 4) : 0,
        .n_strangers = sim_chance(random, 400) ? sim_between(random, 1, 8) : 0,
        .busy_for = sim_between(random, 2, 40) * US_PER_S,
        .drains = sim_chance(random, 500),
        .crash_every = some(sim, 1) ? sim_between(random, 1, 20) * US_PER_S : 0,
        .away_most = sim_chance(random, 200) ? 120 * US_PER_S : 4 * US_PER_S,
        .commit_fails = some(sim, 120),
        .read_fails = some(sim, 40),
        .call_lost = some(sim, 200),
        .answer_lost = some(sim, 200),
        .call_late = some(sim, 200),
        .call_twice = some(sim, 200),
        .feed_late = some(sim, 100),
        .feed_cut = some(sim, 150),
        .feed_again = some(sim, 100),
        .cursor_back = some(sim, 500),
        .commit_unknown = some(sim, 40),
        .unreadable = some(sim, 40),
        .memory_ends = some(sim, 100),
        .restores = sim_chance(random, 150) ? 1000 : 0,
        .settings_change = some(sim, 400),
        .clock_wrong = some(sim, 500),
        .clock_every = some(sim, 1) ? sim_between(random, 1, 20) * US_PER_S : 0,
    };
    if (sim->shape.pays != SIM_AT_THE_COUNTER)
        sim->shape.provider_late = some(sim, 400);
}

struct crasher {
    struct sim_timer timer;
    struct sim *sim;
    enum sim_who who;
};

static void crashes(struct sim_timer *timer)
{
    struct crasher *crasher = CONTAINER_OF(timer, struct crasher, timer);
    struct sim *sim = crasher->sim;
    struct sim_service *service = sim->services[crasher->who];

    if (sim->calm)
        return;
    if (service->up && sim_chance(&sim->random, 300))
        sim_service_crash(service);
    else if (service->up)
        service->fuse = sim_between(&sim->random, 1, 20);
    sim_set_timer_within(sim, timer, 0, 2 * sim->shape.crash_every);
}

void sim_faults_begin(struct sim *sim)
{
    sim_clocks_step(sim);
    sim_restore_begin(sim);
    for (size_t who = 0; who < sim->n_services; who++) {
        if (!sim->services[who] || !sim->shape.crash_every)
            continue;
        struct crasher *crasher = SIM_NEW(sim, struct crasher);
        *crasher = (struct crasher){.timer = {.fire = crashes}, .sim = sim, .who = (enum sim_who)who};
        sim_set_timer_within(sim, &crasher->timer, 0, 2 * sim->shape.crash_every);
    }
}

void sim_faults_end(struct sim *sim)
{
    sim->calm = true;
    sim->calm_since = sim->now;
    sim_note(sim, SIM_WORLD, "calms down", 0, 0, 0);
    for (size_t who = 0; who < sim->n_services; who++) {
        struct sim_service *service = sim->services[who];
        if (!service)
            continue;
        service->fuse = 0;
        if (!service->up)
            sim_service_start(service);
    }
}
