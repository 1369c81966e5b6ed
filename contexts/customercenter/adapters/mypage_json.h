/** mypage_json.h: a page as clients see it. Pure; any thread.
 */
#ifndef COFFEESHOP_MYPAGE_JSON_H
#define COFFEESHOP_MYPAGE_JSON_H

#include "hal.h"
#include "mypage.h"

struct mypage_entry_json {
    int64_t at;
    struct str type, status, reason;
};

struct mypage_json {
    int64_t id, order_id, product_id, qty;
    struct str order_status, product_status, product_name, payment_status;
    struct json_array timeline;
    struct mypage_entry_json entries[MYPAGE_TIMELINE_MAX]; /* what `timeline` points to */
};

extern const struct hal_type mypage_type;
/** Texts stay the page's. */
void mypage_to_json(const struct mypage *page, struct mypage_json *json);

#endif
