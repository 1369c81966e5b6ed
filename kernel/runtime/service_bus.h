/** service_bus.h: how what a service says reaches the others, and what they say reaches it: the feeds, or Kafka's topic
 * (docs/adr/0062). service.c takes the one that the settings name; nobody else knows which. Private to kernel/runtime.
 */
#ifndef COFFEESHOP_SERVICE_BUS_H
#define COFFEESHOP_SERVICE_BUS_H

#include "service_internal.h"

/** Loop thread, but where it says otherwise. */
struct service_bus {
    /** Before anything is made of the store: what has to be there is waited for, and `sources` gets what is kept beside
     * the producers' cursors. `says`: it has an outbox. false and a sentence in `problem`. */
    bool (*join)(struct service *service, struct cursors *sources, bool says, struct buf *problem);
    /** Before it listens: what is said has somewhere to go. false: no memory. */
    bool (*open)(struct service *service);
    /** Hears and tells from now on; just before the writer runs. Not called when the data isn't the one that it was.
     * false and a sentence in `problem`. */
    bool (*begin)(struct service *service, struct buf *problem);
    /** The cell's batch is committed. Writer thread. */
    void (*publish)(struct service *service, int32_t cell, struct outbox *outbox);
    /** Nothing more is heard. Harmless when repeated. */
    void (*stop)(struct service *service);
    /** After writer_stop(). Harmless when it never began. */
    void (*end)(struct service *service);

    /** How far a consumer has to have got to know all that the cell had said until now. */
    struct feed_cursor (*newest)(const struct service *service, int32_t cell);
    /** GET /events. */
    void (*serve_events)(struct service *service, struct http_request *request);
    /** Appends what only people can end, and what to do; nothing when all is well. */
    void (*add_trouble)(struct service *service, struct buf *out);
    /** Appends what is wrong and doesn't keep the service from its work. */
    void (*add_notice)(struct service *service, struct buf *out);
    /** Appends the elements of GET /feeds. */
    void (*list)(struct service *service, struct buf *out);
    /** Goes on behind what is gone. E_NOT_FOUND: it hears of no such source; E_CONFLICT: nothing is gone there. */
    int (*resume)(struct service *service, struct str source);
};

extern const struct service_bus service_feeds, service_on_topic;

#endif
