/** latencies.h: durations counted in buckets no wider than 1.6 % of their value, so that millions of them cost nothing.
 */
#ifndef COFFEESHOP_BENCH_LATENCIES_H
#define COFFEESHOP_BENCH_LATENCIES_H

#include <stdint.h>

enum { LATENCIES_STEPS = 64, LATENCIES_BUCKETS = LATENCIES_STEPS * 40 };

/** Starts with all zero. */
struct latencies {
    uint64_t n;
    int64_t largest; /* microseconds */
    uint64_t bucket[LATENCIES_BUCKETS];
};

void latencies_add(struct latencies *latencies, int64_t us);
/** The duration (microseconds) that `part` of all (0 to 1) do not exceed; 0 when there are none. */
int64_t latencies_quantile(const struct latencies *latencies, double part);

#endif
