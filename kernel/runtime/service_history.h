/** service_history.h: whether this service works with the data that it, and those who follow it, know of. Private to
 * kernel/runtime. Loop thread.
 *
 *  Two things tell that a store was lost, or put back from an older backup: the file DATA/<name>.epoch, which names the
 * epoch that was in force last and how far that had got (outbox/feed_history.h), and the services that follow us and
 * whom we follow too: they say how far they have read. Such a service would give the same ids again, and its events
 * would be taken for others: it makes no changes any more, isn't ready, and says what to do, until a human has acted.
 * Reads go on.
 */
#ifndef COFFEESHOP_SERVICE_HISTORY_H
#define COFFEESHOP_SERVICE_HISTORY_H

#include "service_internal.h"

/** What somebody has to do whose data fits together no more. */
#define SERVICE_PUT_BACK_DATA                                                                                          \
    "put back the whole data directory from one backup, or move the whole directory away to begin with an empty one "  \
    "(docs/operations.md, Restore)"

/** Compares with DATA/<name>.epoch and, unless this isn't the data that was there, writes it anew. Before anything is
 * served. */
void service_check_data(struct service *service);
/** Notes there how far it has got, now and then and at the end. */
void service_note_data(struct service *service);
/** Fills in what a follower needs to notice that its producer has read more of us than there is. */
void service_watch_producer(struct service *service, struct follower_options *options);
/** The writer's on_asked: the store has what was committed; `context` is the service. Writer thread. */
void service_store_asked(void *context);
/** What is wrong with our own data; NULL: nothing. */
const char *service_data_trouble(const struct service *service);

#endif
