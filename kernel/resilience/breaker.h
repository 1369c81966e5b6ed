/** breaker.h: a circuit breaker with Hystrix's semantics (Netflix Hystrix, "How it Works"; Nygard, Release It!).
 *
 *  Rolling window of 10 s in 10 buckets; with at least `volume` calls in it and at least `error_percent` of them
 * failed, it opens; after `sleep_window` one call is let through as a probe (half-open): success closes it and empties
 * the window, failure opens it for another sleep window. What comes back late, from a call let through before it
 * opened, is counted but decides nothing while it is open; in half-open it can't be told from the probe's answer and is
 * taken for it. A probe that never comes back is given up after a sleep window and another one let through. Forced, it
 * stays as it is said to be and goes on counting, so that it is up to date when it is let go. Pure: told the time, no
 * threads, no allocation. Who uses it wraps a port with it.
 */
#ifndef COFFEESHOP_BREAKER_H
#define COFFEESHOP_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_BUCKETS = 10 };
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

enum breaker_force { BREAKER_FREE, BREAKER_FORCED_OPEN, BREAKER_FORCED_CLOSED };

struct breaker_settings {
    int64_t window_ms;       /* 10000 */
    int64_t volume;          /* 20 */
    int64_t error_percent;   /* 50 */
    int64_t sleep_window_ms; /* 5000 */
    enum breaker_force force;
};

struct breaker {
    struct breaker_settings settings;
    enum breaker_state state;
    int64_t opened_at;
    int64_t probe_at; /* when the probe left; a probe lost for a sleep window is given up */
    struct {
        int64_t slot; /* which piece of time it counts */
        int64_t good, bad;
    } bucket[BREAKER_BUCKETS];
};

void breaker_init(struct breaker *breaker, const struct breaker_settings *settings);
/** Whether a call may be made now. When it says yes, breaker_record() has to follow. `now` in us, monotonic. */
bool breaker_allows(struct breaker *breaker, int64_t now);
/** `good` false for time-outs, refused connections and 5xx; a "no" of the domain is good. */
void breaker_record(struct breaker *breaker, int64_t now, bool good);
/** When the next call may be let through (us); now or earlier when it is closed; TIME_NEVER when it is forced open. */
int64_t breaker_opens_again_at(const struct breaker *breaker);

#endif
