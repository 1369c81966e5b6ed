/** membership.h: the port to where the replicas of a service find each other: who lives, at which address, and which of
 *  them each cell is to be asked of.
 *
 *  A replica joins and is a member from then on for as long as it gives signs of life; the store decides that by its
 * own means (a session that ends, its own clock), so no two hosts' clocks are compared. A member claims a cell before
 * it opens it: of the living only one has a claim, and each change of owner makes the cell's number larger. A claim
 * says whom to ask, and lets nobody else try; whether its owner may still write is decided elsewhere, where the cell
 * itself is kept (docs/adr/0064): by the session's lock of the connection that writes it (PostgreSQL), or by that very
 * number, which Redis compares in each commit (`token` of kv_redis.h).
 *
 *  Adapters: membership_postgres.c, membership_redis.c; fake: tests/lib/fake_membership.c. One thread at a time. Every
 * call may wait for the store, at most about `lost_ms`. Errors, of all calls:
 *
 *      E_UNAVAILABLE  the store can't be asked, or gave no answer: nothing is known. Above all not that there is nobody
 *                     else, or that a cell is free. Ask again.
 *      E_NOT_FOUND    we are no member, or not any more (beat, leave, own, disown): what we had claimed may be claimed
 *                     by others. Join again.
 *      E_MEMORY, and what the store's own adapter says (E_FULL, E_SYSTEM)
 */
#ifndef COFFEESHOP_MEMBERSHIP_H
#define COFFEESHOP_MEMBERSHIP_H

#include "cell.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEMBER_ADDRESS_SIZE = 128 };

struct member {
    int64_t id;                        /* grows with each that joins; never given twice */
    char address[MEMBER_ADDRESS_SIZE]; /* as it was given to join() */
    bool leaving;
};

struct cell_owner {
    int member;     /* its place in `members`; -1: nobody that lives has claimed it */
    int64_t change; /* the number of the last claim: grows with each change of owner; 0: there was none yet */
};

/** What the store showed at one moment. picture_init(), and picture_free() in the end; each read() fills it anew. */
struct picture {
    struct member *members; /* that live, by id */
    size_t n_members;
    size_t room;
    int me; /* our place in it; -1: we are no member (any more) */
    struct cell_owner *cells;
    size_t n_cells;
};

struct claim {
    int cell;
    bool granted;   /* own(): it is ours; false: somebody else that lives has it */
    int64_t change; /* own(), when granted: its number, the fencing token */
};

struct membership {
    /** Makes us a member, a new one each time; what an earlier one of ours had claimed is free for others. The address
     * is what others call us by, shorter than MEMBER_ADDRESS_SIZE. */
    int (*join)(struct membership *self, const char *address);
    /** A sign of life: at least every third of `lost_ms`. The other calls are none. */
    int (*beat)(struct membership *self);
    /** From now on we take no part in sharing out; what we have claimed stays ours until disown() or close(). */
    int (*leave)(struct membership *self);
    /** The picture stays what it was when this fails. */
    int (*read)(struct membership *self, struct picture *picture);
    /** Claims cells, in ascending order; `granted` says which. Ours already: granted, by the same number. After an
     * error any of them may have been claimed: the next picture shows it. */
    int (*own)(struct membership *self, struct claim *claims, size_t n);
    /** Gives claims back, in ascending order; of cells that aren't ours it does nothing. After an error: as own(). */
    int (*disown)(struct membership *self, const int *cells, size_t n);
    /** We are no member any more, and nothing is ours, as soon as the store can be told, after `lost_ms` otherwise. */
    void (*close)(struct membership *self);
};

/** Room for so many cells, all nobody's; false: no memory. */
bool picture_init(struct picture *picture, size_t n_cells);
void picture_free(struct picture *picture);
/** Nobody lives, no cell is anybody's: as an adapter begins to fill it. */
void picture_clear(struct picture *picture);
/** The next member, by id; false: no memory. An address that is too long is cut off. */
bool picture_add(struct picture *picture, int64_t id, const char *address, size_t n, bool leaving);
/** The place of the member with that id; -1: it doesn't live. */
int picture_place(const struct picture *picture, int64_t id);
/** The one takes the other's place. */
void picture_swap(struct picture *a, struct picture *b);

#endif
