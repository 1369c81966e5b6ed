/** mypage.h: one order as its customer sees it, put together from what order, product, stock and payment tell.
 *
 *  Pure: no I/O, no clock, no allocation. Each producer's events come in their own order, but those of different
 * producers in any interleaving, and perhaps twice. The result doesn't depend on that: every producer has its own part
 * of the row, recognises what was taken already by the version, and the timeline is sorted. What is seen doesn't go
 * back: "Canceled" is final, and a row is shown only from the order's own first event on (product's may come earlier).
 */
#ifndef COFFEESHOP_MYPAGE_H
#define COFFEESHOP_MYPAGE_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum mypage_status {
    MYPAGE_KEEP, /* none; of a fact: nothing new */
    MYPAGE_REQUESTED,
    MYPAGE_READY,
    MYPAGE_PRODUCING,
    MYPAGE_OUT_OF_STOCK,
    MYPAGE_COMPLETED,
    MYPAGE_CANCELED,
    MYPAGE_PAID, /* of the payment, these two */
    MYPAGE_REFUNDED,
    MYPAGE_STATUS_COUNT
};

/* Payment is the last one, because it is the one that a shop can do without. */
enum mypage_producer { MYPAGE_ORDER, MYPAGE_PRODUCT, MYPAGE_STOCK, MYPAGE_PAYMENT, MYPAGE_PRODUCER_COUNT };

enum mypage_fact {
#define FACT(name, type, reason, producer, rank, status, order, ticket) MYPAGE_FACT_##name,
#include "mypage_events.def"
#undef FACT
    MYPAGE_FACT_COUNT
};

enum {
    MYPAGE_NAME_MAX = 64,       /* bytes of a product's name */
    MYPAGE_TIMELINE_MAX = 200,  /* entries kept; only an order that runs out of stock over and over gets there */
    MYPAGE_TIMELINE_FIRST = 20, /* of those, the first ones that stay; of the others the oldest goes */
};

struct mypage_entry {
    int64_t at;
    int64_t version; /* of the producer's aggregate */
    enum mypage_fact fact;
};

struct mypage {
    int64_t id;     /* the order's */
    int64_t change; /* number of the last change that could be seen; 0: none yet */
    enum mypage_status order_status;
    enum mypage_status ticket_status;
    enum mypage_status payment_status; /* MYPAGE_KEEP: paid at the counter */
    int64_t ticket_id;                 /* 0: not known yet */
    struct str product_name;           /* memory is the loader's */
    int64_t qty;
    int64_t seen[MYPAGE_PRODUCER_COUNT]; /* the version of the last event taken of each */
    struct mypage_entry *timeline;       /* memory is the loader's */
    size_t n_timeline;
    size_t room; /* for so many entries */
};

/** What one event says of an order. */
struct mypage_event {
    enum mypage_fact fact;
    int64_t at; /* us since the epoch */
    int64_t version;
    int64_t ticket_id;       /* product's; 0: not told */
    struct str product_name; /* order's */
    int64_t qty;             /* order's */
    bool paid;               /* order's: it was paid for before it existed */
};

/** Whether the customer can see the row: the order itself has spoken. */
bool mypage_is_visible(const struct mypage *page);
/** How many entries `room` has to have before one more event is applied. */
size_t mypage_room_needed(const struct mypage *page);
/** Takes one event in. false: it was taken before, nothing changes. One that comes behind newer ones of its producer
 * (it was put aside) only takes its place in the timeline. `product_name` is kept as it is: it has to live as
 * long as the page. An entry's time is never before that of the same producer's last one, should its clock have been
 * set back. */
bool mypage_apply(struct mypage *page, const struct mypage_event *event);

/** The fact that a producer's event type, with its reason, names; false: the view has no use for it. */
bool mypage_fact_of(enum mypage_producer producer, struct str type, struct str reason, enum mypage_fact *fact);
enum mypage_producer mypage_producer_of(enum mypage_fact fact);
/** "ProductionStarted"; static. */
struct str mypage_fact_type(enum mypage_fact fact);
/** "Out of stock"; empty for what needs none; static. */
struct str mypage_fact_reason(enum mypage_fact fact);
/** The status that the timeline shows for it; MYPAGE_KEEP: none. */
enum mypage_status mypage_fact_status(enum mypage_fact fact);
/** "Out of stock"; empty for MYPAGE_KEEP; static. */
struct str mypage_status_text(enum mypage_status status);

#endif
