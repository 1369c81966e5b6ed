/** fake_trap.h: a failure asked for: the nth call from now on returns an error and does nothing. For the fakes of
 * ports.
 */
#ifndef COFFEESHOP_FAKE_TRAP_H
#define COFFEESHOP_FAKE_TRAP_H

#include <stddef.h>

struct fake_trap {
    size_t left; /* 1: the next call; 0: off */
    int error;
};

/** Counts one call: the error when it is the one, else 0. */
static inline int fake_trap_sprung(struct fake_trap *trap)
{
    return trap->left && --trap->left == 0 ? trap->error : 0;
}

#endif
