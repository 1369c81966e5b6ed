/** kafka_foreign.h: messages of the original system, which have neither key nor headers of ours, in our words.
 *
 *  What they mean is the shop's to say, by a table: {"eventType":"Produced","status":"Out of stock","orderId":4,…} is
 * product's OutOfStock of 4. They carry no version; the table gives each type the place that it has in the life of its
 * aggregate, so one that comes twice, or after a later one, is recognised as any repeat is. Pure.
 */
#ifndef COFFEESHOP_KAFKA_FOREIGN_H
#define COFFEESHOP_KAFKA_FOREIGN_H

#include "str.h"

#include <stdint.h>

struct kafka_foreign_type {
    struct str event_type; /* what the message says; the first row that fits counts */
    struct str status;     /* and its "status"; empty: any */
    struct str producer;   /* whose event it is: "order" */
    struct str type;       /* what we call it */
    int64_t version;
    const char *key;           /* the member that it is keyed by, a whole number from 1 */
    const char *other_key;     /* where that is null; NULL: then it is unreadable */
    const char *other_subject; /* in front of the number then: "ticket-" */
};

#endif
