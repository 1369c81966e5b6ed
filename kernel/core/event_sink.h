/** event_sink.h: the port through which committed events become visible: the feed in the service, the simulated bus in
 * the simulation. */
#ifndef COFFEESHOP_EVENT_SINK_H
#define COFFEESHOP_EVENT_SINK_H

#include "outbox.h"

struct event_sink {
    /** The outbox's batch is committed: others may see it now. May take the outbox's `frames` buffer (leaving an empty
     * one). Writer thread. */
    void (*publish)(struct event_sink *self, struct outbox *outbox);
};

#endif
