/** payment_recent.h: the payments that were stored last, as they are stored. An order comes a few milliseconds behind
 * its authorisation, and its payment needn't be read again then.
 *
 *  A copy of rows that only the owner of this changes: it puts in what it has committed, and nothing else. What isn't
 * here is in the store; a newer payment takes the place of an older one. The writer's.
 */
#ifndef COFFEESHOP_PAYMENT_RECENT_H
#define COFFEESHOP_PAYMENT_RECENT_H

#include "arena.h"
#include "payment.h"

enum {
    PAYMENT_RECENT = 1024,     /* more than are on their way between two services at a time */
    PAYMENT_RECENT_TEXT = 160, /* bytes; whose texts are longer isn't kept */
};

struct payment_recent_slot {
    struct payment payment; /* PAYMENT_NONE: empty; its texts are behind it */
    size_t n_text;
    char text[PAYMENT_RECENT_TEXT];
};

/** All zero is an empty one. It needs no other memory, and of its own only what it has been used for. */
struct payment_recent {
    struct payment_recent_slot slots[PAYMENT_RECENT];
};

/** As it has been committed. */
void payment_recent_put(struct payment_recent *self, const struct payment *payment);
/** *out, with its texts in the arena; as it was when it isn't here. false: there is no memory. */
bool payment_recent_find(const struct payment_recent *self, int64_t id, struct payment *out, struct arena *arena);
/** Rows may have been changed in another way. */
void payment_recent_forget(struct payment_recent *self);

#endif
