/** provider_turns.h: whose turn it is with a provider: of each payment at most one question is under way at a time, so
 * that a provider which works through them one by one takes them in the order in which they were decided.
 *
 *  A question that comes while another of its payment is under way waits for its end; a newer one takes its place. One
 * that is under way already isn't asked a second time. What is embedded is the caller's. Loop thread.
 */
#ifndef COFFEESHOP_PROVIDER_TURNS_H
#define COFFEESHOP_PROVIDER_TURNS_H

#include "payment_ports.h"

enum { PROVIDER_TURNS_LISTS = 256 };

/** A question's place. */
struct provider_turn {
    int64_t payment_id;
    enum provider_operation operation;
    struct provider_turn *beside; /* under way: the next in its list */
    struct provider_turn *waits;  /* under way: the question that waits for its end; NULL: none */
};

/** Zero at first. */
struct provider_turns {
    struct provider_turn *under_way[PROVIDER_TURNS_LISTS];
};

/** True: it is its turn, until provider_turns_end(). False: not now; `*needless` is then what isn't going to be asked:
 * this one, or the one whose place it has taken; NULL: it waits, and took nobody's. */
bool provider_turns_take(struct provider_turns *turns, struct provider_turn *turn, struct provider_turn **needless);
/** Its question has ended. Whose turn it is now, as if by provider_turns_take(); NULL: nobody's. */
struct provider_turn *provider_turns_end(struct provider_turns *turns, struct provider_turn *turn);

#endif
