/** customercenter_settings.h: the settings customercenter.*: of the service, and of the rebuild, which finds the
 * producers by them.
 */
#ifndef COFFEESHOP_CUSTOMERCENTER_SETTINGS_H
#define COFFEESHOP_CUSTOMERCENTER_SETTINGS_H

#include "config.h"

struct customercenter_settings {
    const char *listen;
    const char *order_url, *product_url, *stock_url, *payment_url;
    int64_t linger_ms;
    int64_t max_streams, streams_per_address, max_resume, heartbeat_ms, look_ms;
};

enum { CUSTOMERCENTER_ROWS = 11 };
/** How many producers there are to follow: the last one, payment, only where it is. */
size_t view_producers_of(const struct customercenter_settings *settings);
extern const struct setting customercenter_rows[CUSTOMERCENTER_ROWS];

#endif
