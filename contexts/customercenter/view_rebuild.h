/** view_rebuild.h: `coffeeshop view rebuild`: the view made anew from the producers' events, beside the one in use.
 *
 *  The same projection as the service's writes DATA/customercenter.rebuild.db, or on a server the schema
 * customercenter_rebuild, from position 0 on, in large batches, until it has all events that there were when it last
 * asked, or not at all: when a producer no longer keeps the first ones, or is away, it ends with the reason and leaves
 * the view in use alone. Then it takes the place of the view in use: by itself when the service doesn't run (its lock
 * is free), otherwise the service is asked (PUT /view/swap) and closes the one and opens the other between two
 * requests. What came in meanwhile it follows from the rebuilt cursors. Killed at any moment the view in use is as it
 * was; the next rebuild begins from the start.
 */
#ifndef COFFEESHOP_VIEW_REBUILD_H
#define COFFEESHOP_VIEW_REBUILD_H

#include "buf.h"
#include "customercenter_settings.h"
#include "program.h"

/** Prints progress to standard output. Until it is done or SIGINT or SIGTERM ends the process. Returns the exit status:
 * 0, or 1 with a sentence in `problem`. */
int view_rebuild(const struct common_settings *common, const struct customercenter_settings *settings,
                 struct buf *problem);

#endif
