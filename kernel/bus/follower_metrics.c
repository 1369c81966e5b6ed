#include "follower_metrics.h"

#include "metrics.h"
#include "str.h"

#include <pthread.h>

enum { MAX_PRODUCERS = 8, MAX_LABEL = 64 };

struct follower_metrics {
    char label[MAX_LABEL]; /* producer="order" */
    struct metric connected, position, ahead;
};

static struct follower_metrics all[MAX_PRODUCERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void init(struct follower_metrics *metrics, struct str label)
{
    memcpy(metrics->label, label.p, label.n);
    metrics->connected =
        (struct metric)METRIC_GAUGE_INIT("coffeeshop_follower_connected", "Whether the producer's feed is followed.");
    metrics->position = (struct metric)METRIC_GAUGE_INIT("coffeeshop_follower_position",
                                                         "The newest event received from the producer.");
    metrics->ahead = (struct metric)METRIC_GAUGE_INIT(
        "coffeeshop_follower_clock_ahead_seconds",
        "By how much the producer's clock is ahead of ours, in whole seconds, when its feed was last followed.");
    metrics->ahead.labels = metrics->label;
    metrics->connected.labels = metrics->label;
    metrics->position.labels = metrics->label;
    metric_register(&metrics->connected);
    metric_register(&metrics->position);
    metric_register(&metrics->ahead);
}

static struct follower_metrics *find_or_add(struct str label)
{
    for (size_t i = 0; i < MAX_PRODUCERS; i++) {
        if (all[i].label[0] == '\0')
            init(&all[i], label);
        if (str_is(label, all[i].label))
            return &all[i];
    }
    return NULL;
}

struct follower_metrics *follower_metrics_of(const char *producer)
{
    struct follower_metrics *found = NULL;
    struct buf label = {0};

    BUF_LIT(&label, "producer=");
    buf_json_string(&label, str_of(producer)); /* Prometheus escapes the same way */
    if (!label.failed && label.n < MAX_LABEL) {
        pthread_mutex_lock(&lock);
        found = find_or_add(buf_str(&label));
        pthread_mutex_unlock(&lock);
    }
    buf_free(&label);
    return found;
}

void follower_metrics_connected(struct follower_metrics *metrics, bool connected)
{
    if (metrics)
        metric_set(&metrics->connected, connected);
}

void follower_metrics_moved(struct follower_metrics *metrics, uint64_t position)
{
    if (metrics)
        metric_set(&metrics->position, (int64_t)position);
}

void follower_metrics_ahead(struct follower_metrics *metrics, int64_t seconds)
{
    if (metrics)
        metric_set(&metrics->ahead, seconds);
}
