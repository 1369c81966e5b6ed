/** stored_events.h: the stored events of a feed, read on the thread for single rows, for a store that the loop must not
 * wait for. */
#ifndef COFFEESHOP_STORED_EVENTS_H
#define COFFEESHOP_STORED_EVENTS_H

#include "feed.h"
#include "reader.h"
#include "service.h"

/** Fills `reading` in, but for `error`, which it returns. On the reader's thread. */
typedef int stored_events_read(void *context, struct sql *sql, struct feed_reading *reading);

/** What a feed_read_stored does with its reading: done() is called later. Loop thread. */
void stored_events_fetch(struct service *service, struct reader *reader, stored_events_read *read, void *context,
                         struct feed_reading *reading);

#endif
