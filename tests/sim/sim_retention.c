#include "sim_retention.h"

#include "sim_shop.h"

static const int64_t tidy_every = US_PER_S;
static const int64_t stock_tidies_every = 10 * (int64_t)US_PER_S;

/* RETENTION_BY_WALL_CLOCK: that is what it goes by. */
static int64_t moment_of(struct sim_service *service, int64_t now)
{
    if (sim_has_plant(service->sim, PLANT_RETENTION_BY_WALL_CLOCK))
        return service->sim->now + service->clock.off;
    return retention_clock_at(&service->retention.clock, now);
}

void sim_retention_start(struct sim_service *service)
{
    bool forgotten = sim_has_plant(service->sim, PLANT_RETENTION_BEGINS_ANEW);

    service->retention = (struct sim_retention){.clock.newest = forgotten ? 0 : fake_outbox_newest(service->store)};
    service->store->retention = &service->retention.clock;
}

void sim_retention_tidy(struct sim_service *service, int64_t now)
{
    const struct sim_settings *set = &service->settings;
    struct fake_outbox *store = service->store;
    size_t keys = store->n_records;
    int64_t moment = moment_of(service, now);

    if (moment < service->retention.next_at || sim_has_plant(service->sim, PLANT_COMMIT_NOT_DURABLE))
        return; /* that one puts back what was */
    service->retention.next_at = moment + tidy_every;
    fake_outbox_expire(store, set->keep_keys ? moment - set->keep_keys : 0,
                       set->keep_events ? moment - set->keep_events : 0);
    if (store->n_records < keys)
        sim_meet(service->sim, MET_KEY_EXPIRED);
}

static void check_events(struct sim *sim, struct sim_service *service)
{
    struct sim_feed *feed = &service->feed;
    uint64_t oldest = sim_feed_oldest(service);

    if (oldest <= feed->oldest)
        return;
    feed->oldest = oldest;
    if (oldest < 2)
        return;
    ASSERT(oldest - 2 < feed->n);
    sim_meet(sim, MET_EVENTS_EXPIRED);
    int64_t age = sim->now - feed->events[oldest - 2].told_at;
    if (!service->settings.keep_events || age < service->settings.keep_events)
        sim_break(sim, "time: what is kept is kept as long as is set", "%s has removed event %llu after %lld us",
                  sim_who_name(service->who), (unsigned long long)(oldest - 1), (long long)age);
}

void sim_rules_check_retention(struct sim *sim)
{
    for (size_t who = 0; who < sim->n_services; who++) {
        if (who != SIM_VIEW)
            check_events(sim, sim->services[who]);
    }
}

/* Nobody has broken anything for so long that what was too old then has been seen to be. */
void sim_rules_check_removed(struct sim *sim)
{
    struct sim_service *stock = sim->services[SIM_STOCK];
    const struct sim_feed *feed = &stock->feed;
    int64_t keep = stock->settings.keep_events;
    uint64_t oldest = sim_feed_oldest(stock);
    int64_t latest = sim->now - keep - stock_tidies_every - US_PER_S;

    if (!keep || !oldest || sim->now - sim->calm_since < sim->now - latest)
        return;
    int64_t told_at = feed->events[oldest - 1].told_at;
    if (told_at < latest && told_at != feed->events[feed->n - 1].told_at)
        sim_break(sim, "time: what is too old is removed", "stock still has event %llu after %lld us",
                  (unsigned long long)oldest, (long long)(sim->now - told_at));
}
