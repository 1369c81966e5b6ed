/** view_meter.h: counts what is taken into the view and how late, on its way to another sink:
 * coffeeshop_view_events_total, coffeeshop_view_lag_seconds, coffeeshop_order_to_cup_seconds.
 */
#ifndef COFFEESHOP_VIEW_METER_H
#define COFFEESHOP_VIEW_METER_H

#include "view_ports.h"

struct view_meter {
    struct view_sink sink;  /* where the app publishes */
    struct view_sink *next; /* where it goes on */
};

void view_meter_init(struct view_meter *meter, struct view_sink *next);

#endif
