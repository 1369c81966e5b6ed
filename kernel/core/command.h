/** command.h: one unit of intent on its way through the single writer. A context embeds it as the first member of its
 * own command. */
#ifndef COFFEESHOP_COMMAND_H
#define COFFEESHOP_COMMAND_H

#include "str.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command_origin {
    FROM_CLIENT, /* HTTP: answered with a failure when the commit fails */
    FROM_FEED,   /* another service's event: tried again until the commit succeeds, in order */
    FROM_EFFECT, /* the outcome of an effect ("unknown" included): tried again too */
    FROM_REPLAY, /* a dead letter tried again: `source` and `position` say which; it is forgotten in the same commit */
};

enum command_fate {
    COMMAND_NORMAL,
    COMMAND_SKIP,  /* an event that isn't for us: only the cursor moves, or a dead letter is forgotten */
    COMMAND_DEAD,  /* an event that can't be decoded: a dead letter */
    COMMAND_GAP,   /* events up to here are gone and never come: the cursor moves, and what they said isn't known */
    COMMAND_EPOCH, /* the producer is followed in the epoch `position`: what comes behind it was said in that one */
    /* Those four are bare (bare_command.h): they are not embedded in the context's own command. */
    COMMAND_TURN, /* no core gets to see it: its finish() is called between two batches, when all that was posted before
                     it is committed. FROM_EFFECT */
};

struct command {
    struct command *next; /* the queue's */
    enum command_origin origin;
    enum command_fate fate;
    int32_t cell;      /* whose it is (base/cell.h); 0 where there is but one */
    size_t source;     /* FROM_FEED: index into the cursors */
    uint64_t position; /* FROM_FEED: in that feed (COMMAND_EPOCH: the epoch) */
    struct str reason; /* COMMAND_DEAD */
    struct str frame;  /* COMMAND_DEAD: the event's text; in the command's own memory */
    int64_t posted_us; /* monotonic; set by the writer when it takes the command */
    /** Counts its source's commands that the writer still has, or NULL. Whoever posts adds one; the writer takes one
     * off when it lets go of the command (just before finish(), or when it is kept). It has to outlive the writer: that
     * is how a follower knows how much of it is queued although finish() belongs to the context. */
    _Atomic int64_t *waiting;
    bool kept; /* set by the core: it keeps the command beyond the batch (it waits for an effect) and finishes it
                  later itself; the writer doesn't call finish for it and doesn't try it again */
    /** Called by the writer when the command is over: rc 0 after the commit, the failure once it is sure that
     * nothing was committed, or E_OUTCOME_UNKNOWN. Writer thread. Answers the client and frees the command. */
    void (*finish)(struct command *self, int rc);
};

#endif
