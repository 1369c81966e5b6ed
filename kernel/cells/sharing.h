/** sharing.h: which cells a member should take, and which it should give up, so that all come to have their fair share.
 *
 *  Pure: no I/O, no clock, no allocation, no state. Every member asks with the picture that it has, by itself; nobody
 * leads. Whoever has the same picture comes to the same answer, in which no two take the same cell. For a moment they
 * have different pictures: then two may want one cell, and its lock decides, or one gives up a cell more than it had
 * to, which somebody takes again. Once no member comes or goes and the pictures are true, it ends:
 *
 *      fair     every member that stays has floor(P/R) or ceil(P/R) of the P cells, R being the members that stay
 *      still    and from then on nothing moves
 *      stable   on the way no more cells leave a member that stays than have to, for any such end
 */
#ifndef COFFEESHOP_SHARING_H
#define COFFEESHOP_SHARING_H

#include <stdbool.h>
#include <stddef.h>

enum { SHARING_NOBODY = -1 };

/** Who has what. Members are numbered from 0 in an order that all of them agree upon (their ids'). */
struct sharing {
    size_t n_cells;
    const int *owners; /* of each cell: a member, or SHARING_NOBODY */
    size_t n_members;
    const bool *leaving; /* of each member: it gives up all that it has, and takes nothing */
};

/** How many cells each member is to have, in the end: `targets` has room for n_members. One that is leaving: 0. All: 0
 * when nobody stays. */
void sharing_targets(const struct sharing *now, int *targets);

/** Who is to take each cell that nobody has: `heirs` has room for n_cells; SHARING_NOBODY for those that somebody has,
 * and for all while nobody stays. `targets` as sharing_targets() gave them; it is used up. */
void sharing_heirs(const struct sharing *now, int *targets, int *heirs);

/** The cells that the member is to give up, `most` at most, into `cells`; returns how many. `targets` as
 * sharing_targets() gave them, not used up. */
size_t sharing_surplus(const struct sharing *now, const int *targets, int member, size_t most, int *cells);

#endif
