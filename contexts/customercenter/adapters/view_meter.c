#include "view_meter.h"

#include "base.h"
#include "clock.h"
#include "metrics.h"

static struct metric events_total = METRIC_COUNTER_INIT("coffeeshop_view_events_total", "Events taken into the view.");
static struct metric lag =
    METRIC_DURATION_INIT("coffeeshop_view_lag_seconds",
                         "From an event's time to its commit in the view; of each batch, the oldest event's.");
static struct metric order_to_cup =
    METRIC_DURATION_INIT("coffeeshop_order_to_cup_seconds", "From an order to its cup, as its customer waited for it.");

static void publish(struct view_sink *sink, const struct view_batch *batch)
{
    struct view_meter *meter = CONTAINER_OF(sink, struct view_meter, sink);

    if (batch->n_events) {
        int64_t late = clock_wall() - batch->oldest_at;
        metric_add(&events_total, (int64_t)batch->n_events);
        metric_observe(&lag, late > 0 ? late : 0);
    }
    for (size_t i = 0; i < batch->orders.n; i++) {
        if (batch->rows[i].cup_us)
            metric_observe(&order_to_cup, batch->rows[i].cup_us);
    }
    meter->next->publish(meter->next, batch);
}

void view_meter_init(struct view_meter *meter, struct view_sink *next)
{
    *meter = (struct view_meter){{publish}, next};
    metric_register(&events_total);
    metric_register(&lag);
    metric_register(&order_to_cup);
}
