#include "sim_settings.h"

#include "sim_service.h"

static void choose_payment(struct sim_random *random, struct sim_settings *settings)
{
    /* at most half as long as a key's answer is kept (ADR 43) */
    settings->authorization = sim_between(random, 3, 20) * US_PER_S;
    settings->payment_linger = sim_between(random, 0, 200) * US_PER_MS;
    settings->provider_patience = sim_chance(random, 300) ? 0 : sim_between(random, 10, 700) * US_PER_MS;
    settings->provider_timeout = sim_between(random, 500, 5000) * US_PER_MS;
    settings->provider_retry = sim_between(random, 100, 1000) * US_PER_MS;
}

struct sim_settings sim_settings_choose(struct sim *sim)
{
    struct sim_random *random = &sim->random;
    struct sim_settings settings = {
        .start_after = sim_chance(random, 400) ? 0 : sim_between(random, 0, 5000) * US_PER_MS,
        .brew = sim_chance(random, 400) ? 0 : sim_between(random, 1, 5000) * US_PER_MS,
        .give_up_after = sim_chance(random, 700) ? 0 : sim_between(random, 1, 20) * US_PER_S,
        .manual = sim_chance(random, 200),
        .most_asks = sim_chance(random, 250) ? sim_between(random, 1, 4) : 64,
        .most_batch = sim_chance(random, 200) ? 1 : sim_between(random, 2, SIM_MOST_BATCH),
        /* longer than anybody goes on asking with a key, or stock is asked about a ticket */
        .keep_events =
            sim_chance(random, 650) ? 0 : sim_between(random, 2, sim_chance(random, 500) ? 8 : 60) * US_PER_S,
        .keep_keys = sim_chance(random, 300) ? 0 : sim_between(random, 60, 90) * US_PER_S,
        .keep_reservations = sim_chance(random, 500) ? 0 : 3600 * (int64_t)US_PER_S,
        .call_timeout = sim_chance(random, 800) ? 610 * US_PER_MS : sim_between(random, 20, 3000) * US_PER_MS,
    };
    if (sim->shape.pays != SIM_AT_THE_COUNTER)
        choose_payment(random, &settings);
    return settings;
}

void sim_settings_read(struct sim_service *service)
{
    struct sim *sim = service->sim;
    bool was_manual = service->settings.manual;

    if (service->life == 1) {
        service->settings = sim->shape.settings;
        return;
    }
    if (!sim_fault(sim, sim->shape.settings_change))
        return;
    service->settings = sim_settings_choose(sim);
    sim_meet(sim, MET_SETTINGS_CHANGED);
    if (service->who == SIM_PRODUCT && service->settings.manual != was_manual)
        sim_meet(sim, was_manual ? MET_GOES_AUTOMATIC : MET_GOES_MANUAL);
    sim_note(sim, service->who, "is set otherwise", service->settings.start_after, service->settings.brew,
             service->settings.manual);
}

const struct sim_settings *sim_kitchen(const struct sim *sim)
{
    return &sim->services[SIM_PRODUCT]->settings;
}
