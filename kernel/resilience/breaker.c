#include "breaker.h"

#include "base.h"
#include "clock.h"

#include <stddef.h>

static int64_t slot_of(const struct breaker *breaker, int64_t now)
{
    int64_t width = breaker->settings.window_ms * US_PER_MS / BREAKER_BUCKETS;

    return now / (width > 0 ? width : 1);
}

static int64_t sleep_window(const struct breaker *breaker)
{
    return breaker->settings.sleep_window_ms * US_PER_MS;
}

static void empty_window(struct breaker *breaker)
{
    for (size_t i = 0; i < BREAKER_BUCKETS; i++) {
        breaker->bucket[i].good = 0;
        breaker->bucket[i].bad = 0;
    }
}

static void count(struct breaker *breaker, int64_t now, bool good)
{
    int64_t slot = slot_of(breaker, now);
    size_t at = (size_t)(slot % BREAKER_BUCKETS);

    if (breaker->bucket[at].slot != slot) {
        breaker->bucket[at].slot = slot;
        breaker->bucket[at].good = 0;
        breaker->bucket[at].bad = 0;
    }
    if (good)
        breaker->bucket[at].good++;
    else
        breaker->bucket[at].bad++;
}

/* Hystrix's health check: too few calls say nothing; from the volume on, the share of failures decides. */
static bool is_sick(const struct breaker *breaker, int64_t now)
{
    int64_t slot = slot_of(breaker, now);
    int64_t good = 0;
    int64_t bad = 0;

    for (size_t i = 0; i < BREAKER_BUCKETS; i++) {
        if (breaker->bucket[i].slot <= slot - BREAKER_BUCKETS || breaker->bucket[i].slot > slot)
            continue; /* rolled out of the window */
        good += breaker->bucket[i].good;
        bad += breaker->bucket[i].bad;
    }
    return good + bad >= breaker->settings.volume && bad > 0 &&
           bad * 100 >= breaker->settings.error_percent * (good + bad);
}

void breaker_init(struct breaker *breaker, const struct breaker_settings *settings)
{
    ASSERT(settings->window_ms > 0 && settings->sleep_window_ms >= 0);
    *breaker = (struct breaker){.settings = *settings, .state = BREAKER_CLOSED};
    if (settings->force == BREAKER_FORCED_OPEN)
        breaker->state = BREAKER_OPEN;
}

bool breaker_allows(struct breaker *breaker, int64_t now)
{
    if (breaker->state == BREAKER_CLOSED)
        return true;
    if (now < breaker_opens_again_at(breaker))
        return false;
    breaker->state = BREAKER_HALF_OPEN;
    breaker->probe_at = now;
    return true;
}

void breaker_record(struct breaker *breaker, int64_t now, bool good)
{
    count(breaker, now, good);
    switch (breaker->state) {
    case BREAKER_CLOSED:
        if (breaker->settings.force == BREAKER_FORCED_CLOSED || !is_sick(breaker, now))
            return;
        breaker->state = BREAKER_OPEN;
        breaker->opened_at = now;
        return;
    case BREAKER_OPEN: /* a straggler from before it opened: counted, but it decides nothing */
        return;
    case BREAKER_HALF_OPEN:
        if (good) {
            breaker->state = BREAKER_CLOSED;
            empty_window(breaker);
        } else {
            breaker->state = BREAKER_OPEN;
            breaker->opened_at = now;
        }
        return;
    }
}

int64_t breaker_opens_again_at(const struct breaker *breaker)
{
    if (breaker->settings.force == BREAKER_FORCED_OPEN)
        return TIME_NEVER;
    switch (breaker->state) {
    case BREAKER_OPEN:
        return breaker->opened_at + sleep_window(breaker);
    case BREAKER_HALF_OPEN: /* a probe that never came back must not keep it shut for ever */
        return breaker->probe_at + sleep_window(breaker);
    case BREAKER_CLOSED:
        break;
    }
    return 0;
}
