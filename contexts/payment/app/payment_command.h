/** payment_command.h: what payment is asked for, or told, on its way through the single writer. Payment's adapters make
 * it, its use cases fill in what came of it.
 */
#ifndef COFFEESHOP_PAYMENT_COMMAND_H
#define COFFEESHOP_PAYMENT_COMMAND_H

#include "command.h"
#include "payment_ports.h"

/** One thing asked for, and what came of it. */
struct payment_step {
    struct payment_intent intent;
    int64_t payment_id; /* of whom it is asked; AUTHORIZE: filled in */
    bool only_if_known; /* AUTHORIZE: nothing is begun; a key without a payment leaves payment_id 0 */

    /* what came out; valid from render() on */
    enum payment_verdict verdict;
    enum payment_refusal refusal;
    bool key_of_another;    /* AUTHORIZE: its key is another purchase's */
    struct payment payment; /* as it is after the step */
    int64_t valid_us;       /* AUTHORIZE: so long it is kept for its order */

    size_t key; /* the app's */
};

/** One command. Its texts and steps have to live until it is finished; the creator's `base.finish` frees it. */
struct payment_command {
    struct command base;
    struct payment_step *steps;
    size_t n;
    struct str correlation, traceparent;
    /** Says what came of it, before the commit; sent by finish() after it. NULL: nobody waits. Once more when it was
     * kept, or decided in the same batch. */
    void (*render)(struct payment_command *self);
    /** What lives as long as the command does. NULL: it isn't kept until its provider's answer is there. */
    struct arena *memory;
    int64_t waited_us; /* so long its customers have been waiting before it was asked again */

    int64_t wait_until; /* own time; payment_waiting.c's, like what follows */
    int64_t hurried_to; /* own time: so far at most; 0: it isn't hurried */
    struct payment_command *next_waiting;
};

#endif
