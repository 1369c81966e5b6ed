#include "customercenter_settings.h"

#include "base.h"
#include "mypage.h"

#define ROW(member, name, type, fallback, min, max, doc)                                                               \
    SETTING(struct customercenter_settings, member, name, type, fallback, min, max, doc)

/* clang-format off: a table is read by its columns */
const struct setting customercenter_rows[CUSTOMERCENTER_ROWS] = {
    ROW(listen, "customercenter.listen", SETTING_LISTEN, "127.0.0.1:8084", 0, 0,
        "Where the customercenter service listens: addresses with ports, separated by blanks."),
    ROW(order_url, "customercenter.order_url", SETTING_URL, "http://127.0.0.1:8081", 1, 256,
        "Where the order service is."),
    ROW(product_url, "customercenter.product_url", SETTING_URL, "http://127.0.0.1:8082", 1, 256,
        "Where the product service is."),
    ROW(stock_url, "customercenter.stock_url", SETTING_URL, "http://127.0.0.1:8083", 1, 256,
        "Where the stock service is."),
    ROW(payment_url, "customercenter.payment_url", SETTING_URL, "", 0, 256,
        "Where the payment service is; empty: paid at the counter."),
    ROW(linger_ms, "customercenter.linger_ms", SETTING_MS, "3", 0, 1000,
        "Events are gathered for so long before they are committed together; longer costs less and shows later."),
    ROW(max_streams, "customercenter.max_streams", SETTING_INT, "2000", 1, 100000,
        "Followers of /mypages/stream at a time; more get 503."),
    ROW(streams_per_address, "customercenter.streams_per_address", SETTING_INT, "256", 1, 100000,
        "So many of them from one address; the next one ends its oldest. Loopback is free of it."),
    ROW(max_resume, "customercenter.max_resume", SETTING_INT, "10000", 1, 10000000,
        "A follower more changes behind than this is told to load the list again."),
    ROW(heartbeat_ms, "customercenter.heartbeat_ms", SETTING_MS, "5000", 50, 600000,
        "A comment is sent so often to a follower for whom there is nothing else."),
    ROW(look_ms, "customercenter.look_ms", SETTING_MS, "200", 10, 60000,
        "With store.sql: so often it is looked what other replicas have committed, while somebody follows."),
};
/* clang-format on */

size_t view_producers_of(const struct customercenter_settings *settings)
{
    return settings->payment_url[0] ? MYPAGE_PRODUCER_COUNT : MYPAGE_PAYMENT;
}
