/** core.h: what a context is to whoever drives it: the writer thread in the service, virtual time in the simulation.
 */
#ifndef COFFEESHOP_CORE_H
#define COFFEESHOP_CORE_H

#include "command.h"

#include <stddef.h>
#include <stdint.h>

/** One thread at a time. */
struct core {
    /** Load, decide, commit, announce. `n` may be 0: then only what is due is done. `now` is the service's own time
     * (steady_clock.h), us: it never goes back and never jumps. Returns 0 when everything is committed; an errors.h
     * code when nothing is. Doesn't finish the commands, except those it kept from earlier batches. A command that the
     * domain refuses is not a failure: run() fails only when the world breaks. */
    int (*run)(struct core *self, struct command *const *commands, size_t n, int64_t now);
    /** When run() wants to be called without commands: own time in us; INT64_MAX: no wish. */
    int64_t (*next_due)(struct core *self);
    /** By how much the wall clock is ahead of `now`, us: what people read is `now` plus this. Set by the driver before
     * run(). */
    int64_t wall_ahead;
};

#endif
