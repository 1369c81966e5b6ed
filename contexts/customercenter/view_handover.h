/** view_handover.h: the end of a rebuild: the new view takes the place of the one in use.
 */
#ifndef COFFEESHOP_VIEW_HANDOVER_H
#define COFFEESHOP_VIEW_HANDOVER_H

#include "buf.h"
#include "http_client.h"
#include "loop.h"
#include "view_place.h"

#include <stdint.h>

/** Locks the file until the process ends. -1: somebody else has it, or it can't be made. */
int view_lock(const char *path);

struct view_handover {
    struct loop *loop;
    struct http_client *client;
    const char *lock;          /* of the service */
    struct view_place current; /* its database */
    struct view_place rebuilt; /* closed, and whole */
    const char *listen;        /* where the service is when it runs */
    int64_t patience_ms;       /* how long it may take to end what is in flight */
};

/** Does it itself when the service doesn't run, else asks it to. Runs the loop. false and a sentence in `problem`. */
bool view_hand_over(const struct view_handover *handover, struct buf *problem);

#endif
