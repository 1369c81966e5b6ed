/** stored_events.h: the stored events of a feed, read where single rows are: at once, or for a store that the loop must
 * not wait for on a thread of their own. */
#ifndef COFFEESHOP_STORED_EVENTS_H
#define COFFEESHOP_STORED_EVENTS_H

#include "feed.h"
#include "reader.h"
#include "service.h"

/** Fills `reading` in, but for `error`, which it returns. On the loop's thread or the reader's. */
typedef int stored_events_read(void *context, struct sql *sql, struct feed_reading *reading);

/** What a feed_read_stored does with its reading: done() is called before this returns, or later. Loop thread. */
void stored_events_fetch(struct service *service, struct reader *reader, stored_events_read *read, void *context,
                         struct feed_reading *reading);

#endif
