/** ask_table.h: the tickets for which stock is being asked, or will be asked again: bounded, in memory only.
 *
 *  It can be forgotten at any time: what has to be asked is known from the tickets themselves (state and due_at), and
 * the questions are keyed, so asking again is harmless. What it adds is that a question isn't asked twice at once, who
 * waits for its answer, and when to try again. Writer thread only.
 */
#ifndef COFFEESHOP_ASK_TABLE_H
#define COFFEESHOP_ASK_TABLE_H

#include "ticket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct product_command;

struct ask {
    struct ticket ticket; /* as it was when it was asked; its name is the ask's own copy */
    char *name;
    bool release;
    bool in_flight;
    int64_t asked;                   /* the attempt last asked about; 0: none yet */
    int64_t goods_seen;              /* how often goods had come for the item when it was asked */
    int64_t retry_at;                /* us; when not in flight */
    int64_t pause;                   /* us; the next back-off */
    struct product_command *waiting; /* clients that wait for the answer, linked by `also` */
    uint32_t next;                   /* the table's */
};

struct ask_table {
    struct ask *asks; /* 1..capacity */
    uint32_t *bucket;
    size_t n_buckets;
    size_t capacity, n;
    uint32_t free;      /* list of unused asks */
    int64_t next_retry; /* no retry is due before this; may be earlier than the real one */
    uint64_t random;    /* of the jitter; begins the same in every table, so that a simulation can be repeated */
};

/** 0 or E_MEMORY. */
int ask_table_init(struct ask_table *table, size_t capacity);
void ask_table_free(struct ask_table *table);
/** NULL: nothing is asked for this ticket. */
struct ask *ask_table_find(const struct ask_table *table, int64_t ticket_id);
/** A new one; NULL when the table is full or there is no memory for the name. */
struct ask *ask_table_add(struct ask_table *table, const struct ticket *ticket);
/** The ticket has changed: what is asked next is about it as it is now. */
void ask_renew(struct ask *ask, const struct ticket *ticket);
void ask_table_remove(struct ask_table *table, struct ask *ask);
/** Not in flight any more; ask again after the back-off (100 ms doubling to 5 s, of which between half and all is
 * waited, so that those who failed together don't come back together). */
void ask_table_retry(struct ask_table *table, struct ask *ask, int64_t now);
/** The next ask whose retry is due, with its retry_at cleared; NULL: none. */
struct ask *ask_table_take_due(struct ask_table *table, int64_t now);
/** Whether a client with this idempotency key waits for an answer. */
bool ask_table_holds_key(const struct ask_table *table, struct str key);
/** Ends all clients that wait, with a failure. */
void ask_table_finish_all(struct ask_table *table, int error);

#endif
