/** payment_meter.h: how many payments have come into which status, in /metrics: for alarms and graphs. What a day came
 * to is GET /payments/summary's to say, which adds up the rows.
 */
#ifndef COFFEESHOP_PAYMENT_METER_H
#define COFFEESHOP_PAYMENT_METER_H

#include "payment_ports.h"

/** Once, before the first batch. */
void payment_meter_init(void);
/** What a batch that is committed has done. Writer thread. */
void payment_meter_count(const struct payment_tally *tally);

#endif
