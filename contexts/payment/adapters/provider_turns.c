#include "provider_turns.h"

#include "base.h"

/* Where the payment's question that is under way is linked; where NULL is when there is none. */
static struct provider_turn **place_of(struct provider_turns *turns, int64_t payment_id)
{
    struct provider_turn **place = &turns->under_way[(uint64_t)payment_id % PROVIDER_TURNS_LISTS];

    while (*place && (*place)->payment_id != payment_id)
        place = &(*place)->beside;
    return place;
}

bool provider_turns_take(struct provider_turns *turns, struct provider_turn *turn, struct provider_turn **needless)
{
    *needless = NULL;
    turn->beside = turn->waits = NULL;
    struct provider_turn **place = place_of(turns, turn->payment_id);
    struct provider_turn *first = *place;
    if (!first) {
        *place = turn;
    } else if (first->operation == turn->operation) {
        *needless = turn;
    } else {
        *needless = first->waits;
        first->waits = turn;
    }
    return !first;
}

struct provider_turn *provider_turns_end(struct provider_turns *turns, struct provider_turn *turn)
{
    struct provider_turn **place = place_of(turns, turn->payment_id);
    struct provider_turn *next = turn->waits;
    ASSERT(*place == turn);
    if (next)
        next->beside = turn->beside;
    *place = next ? next : turn->beside;
    return next;
}
