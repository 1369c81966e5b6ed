/** metrics.h: counters, gauges and histograms, shown at GET /metrics as Prometheus text (exposition format 0.0.4).
 *
 *  A metric is a static struct that registers itself at first use (metric_register, idempotent, any thread). Updating
 * is one relaxed atomic operation. Names follow Prometheus' conventions: coffeeshop_ prefix, base units (seconds),
 * _total for counters. Labels are fixed at compile time: a metric with several label values is several structs of the
 * same name.
 */
#ifndef COFFEESHOP_METRICS_H
#define COFFEESHOP_METRICS_H

#include "buf.h"

#include <stdatomic.h>
#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_BUCKETS = 24 };

struct metric {
    const char *name;
    const char *help;
    const char *labels; /* "code=\"201\"" or NULL; escaped by whoever writes it */
    enum metric_kind kind;
    double scale;          /* shown value = stored value * scale; 1e-6 for microseconds shown as seconds; 0 means 1 */
    _Atomic int64_t value; /* counter, gauge; histogram: sum */
    _Atomic uint64_t
        bucket[METRIC_BUCKETS + 1]; /* histogram: value <= 2^i * 16 goes to bucket[i]; the last is the rest */
    struct metric *next;            /* the registry's */
    _Atomic int registered;
};

#define METRIC_COUNTER_INIT(name_, help_)                                                                              \
    {                                                                                                                  \
        .name = (name_), .help = (help_), .kind = METRIC_COUNTER                                                       \
    }
#define METRIC_GAUGE_INIT(name_, help_)                                                                                \
    {                                                                                                                  \
        .name = (name_), .help = (help_), .kind = METRIC_GAUGE                                                         \
    }
/** A duration, observed in microseconds and shown in seconds. */
#define METRIC_DURATION_INIT(name_, help_)                                                                             \
    {                                                                                                                  \
        .name = (name_), .help = (help_), .kind = METRIC_HISTOGRAM, .scale = 1e-6                                      \
    }
#define METRIC_SIZE_INIT(name_, help_)                                                                                 \
    {                                                                                                                  \
        .name = (name_), .help = (help_), .kind = METRIC_HISTOGRAM                                                     \
    }

/** Makes it show up in /metrics; also before it was ever updated. */
void metric_register(struct metric *metric);
void metric_add(struct metric *metric, int64_t amount);
void metric_set(struct metric *gauge, int64_t value);
void metric_observe(struct metric *histogram, int64_t value);
int64_t metric_value(const struct metric *metric);
/** All registered metrics, sorted by name, # HELP and # TYPE once a name; plus the process's own (rss, cpu seconds,
 * open fds, start time). */
void metrics_write(struct buf *out);

#endif
