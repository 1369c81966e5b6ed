#include "latencies.h"

/* Below LATENCIES_STEPS a bucket is one microsecond wide; above, every doubling has LATENCIES_STEPS buckets. */
static unsigned bucket_of(uint64_t us)
{
    unsigned doublings = 0;

    while (us >> doublings >= LATENCIES_STEPS * UINT64_C(2))
        doublings++;
    unsigned bucket = doublings * LATENCIES_STEPS + (unsigned)(us >> doublings);
    return bucket < LATENCIES_BUCKETS ? bucket : LATENCIES_BUCKETS - 1;
}

static int64_t top_of(unsigned bucket)
{
    if (bucket < 2 * LATENCIES_STEPS)
        return bucket;
    unsigned doublings = bucket / LATENCIES_STEPS - 1;
    int64_t step = bucket % LATENCIES_STEPS + LATENCIES_STEPS;
    return ((step + 1) << doublings) - 1;
}

void latencies_add(struct latencies *latencies, int64_t us)
{
    if (us < 0)
        us = 0;
    latencies->n++;
    latencies->bucket[bucket_of((uint64_t)us)]++;
    if (us > latencies->largest)
        latencies->largest = us;
}

int64_t latencies_quantile(const struct latencies *latencies, double part)
{
    uint64_t seen = 0;

    if (latencies->n == 0)
        return 0;
    /* the last bucket has no top: it holds all that is longer */
    for (unsigned i = 0; i < LATENCIES_BUCKETS - 1; i++) {
        seen += latencies->bucket[i];
        if ((double)seen >= part * (double)latencies->n)
            return top_of(i) < latencies->largest ? top_of(i) : latencies->largest;
    }
    return latencies->largest;
}
