/** sim_settings.h: what a service is set to. It is read when a process starts, and may be another then.
 */
#ifndef COFFEESHOP_SIM_SETTINGS_H
#define COFFEESHOP_SIM_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;
struct sim_service;

struct sim_settings {
    int64_t start_after, brew; /* us */
    int64_t give_up_after;     /* us; 0: who waits for goods, waits */
    bool manual;
    int64_t most_asks, most_batch;
    int64_t call_timeout; /* us */
    int64_t payment_linger, authorization, provider_patience, provider_timeout,
        provider_retry;                                /* us; where it is paid first */
    int64_t keep_events, keep_keys, keep_reservations; /* us; 0: for ever */
};

/** What somebody may write into a shop's settings. */
struct sim_settings sim_settings_choose(struct sim *sim);
/** The process starts: its first settings are the shop's, later ones may be others. */
void sim_settings_read(struct sim_service *service);
/** Those of the kitchen. */
const struct sim_settings *sim_kitchen(const struct sim *sim);

#endif
