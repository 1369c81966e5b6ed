#include "metrics.h"

#include "alloc.h"
#include "process_metrics.h"

#include <stdlib.h>

/* All registered metrics; only ever grows. A metric is pushed once, by whoever wins `registered`. */
static _Atomic(struct metric *) registry;

void metric_register(struct metric *metric)
{
    int expected = 0;

    if (atomic_load_explicit(&metric->registered, memory_order_relaxed) != 0)
        return;
    if (!atomic_compare_exchange_strong(&metric->registered, &expected, 1))
        return;
    struct metric *head = atomic_load(&registry);
    do {
        metric->next = head;
    } while (!atomic_compare_exchange_weak(&registry, &head, metric));
}

void metric_add(struct metric *metric, int64_t amount)
{
    metric_register(metric);
    atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

void metric_set(struct metric *gauge, int64_t value)
{
    metric_register(gauge);
    atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
}

/* The smallest i with value <= 16 * 2^i; past the last one, the bucket of the rest. */
static size_t bucket_of(int64_t value)
{
    if (value <= 16)
        return 0;
    size_t i = (size_t)(64 - __builtin_clzll((unsigned long long)(value - 1) >> 4));
    return i < METRIC_BUCKETS ? i : METRIC_BUCKETS;
}

void metric_observe(struct metric *histogram, int64_t value)
{
    metric_register(histogram);
    atomic_fetch_add_explicit(&histogram->bucket[bucket_of(value)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->value, value, memory_order_relaxed);
}

int64_t metric_value(const struct metric *metric)
{
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

static void write_number(struct buf *out, int64_t value, double scale)
{
    if (scale == 0.0 || scale == 1.0)
        buf_i64(out, value);
    else
        buf_printf(out, "%.15g", (double)value * scale);
}

/* name_suffix{labels,le="…"}, with only what there is of it */
static void write_series(struct buf *out, const struct metric *metric, const char *suffix, struct str le)
{
    buf_add(out, str_of(metric->name));
    buf_add(out, str_of(suffix));
    if (metric->labels || le.n > 0) {
        buf_char(out, '{');
        buf_add(out, str_of(metric->labels));
        if (le.n > 0) {
            if (metric->labels)
                buf_char(out, ',');
            BUF_LIT(out, "le=\"");
            buf_add(out, le);
            buf_char(out, '"');
        }
        buf_char(out, '}');
    }
    buf_char(out, ' ');
}

static void write_histogram(struct buf *out, const struct metric *metric)
{
    uint64_t count = 0;
    struct buf le = {0};

    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        count += atomic_load_explicit(&metric->bucket[i], memory_order_relaxed);
        buf_clear(&le);
        write_number(&le, INT64_C(16) << i, metric->scale);
        write_series(out, metric, "_bucket", buf_str(&le));
        buf_u64(out, count);
        buf_char(out, '\n');
    }
    out->failed = out->failed || le.failed;
    buf_free(&le);
    count += atomic_load_explicit(&metric->bucket[METRIC_BUCKETS], memory_order_relaxed);
    write_series(out, metric, "_bucket", STR("+Inf"));
    buf_u64(out, count);
    buf_char(out, '\n');
    write_series(out, metric, "_sum", STR(""));
    write_number(out, metric_value(metric), metric->scale);
    buf_char(out, '\n');
    write_series(out, metric, "_count", STR(""));
    buf_u64(out, count);
    buf_char(out, '\n');
}

static void write_head(struct buf *out, const struct metric *metric)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};

    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, types[metric->kind]);
}

static void write_metric(struct buf *out, const struct metric *metric)
{
    if (metric->kind == METRIC_HISTOGRAM) {
        write_histogram(out, metric);
        return;
    }
    write_series(out, metric, "", STR(""));
    write_number(out, metric_value(metric), metric->scale);
    buf_char(out, '\n');
}

static int by_name_and_labels(const void *a, const void *b)
{
    const struct metric *left = *(const struct metric *const *)a;
    const struct metric *right = *(const struct metric *const *)b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : str_compare(str_of(left->labels), str_of(right->labels));
}

void metrics_write(struct buf *out)
{
    struct metric *head = atomic_load(&registry);
    size_t n = 0;

    for (const struct metric *metric = head; metric; metric = metric->next)
        n++;
    const struct metric **sorted = heap_alloc((n + 1) * sizeof(const struct metric *));
    if (!sorted) {
        out->failed = true;
        return;
    }
    n = 0;
    for (const struct metric *metric = head; metric; metric = metric->next)
        sorted[n++] = metric;
    qsort(sorted, n, sizeof(const struct metric *), by_name_and_labels);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(sorted[i - 1]->name, sorted[i]->name) != 0)
            write_head(out, sorted[i]);
        write_metric(out, sorted[i]);
    }
    heap_free(sorted);
    process_metrics_write(out);
}
