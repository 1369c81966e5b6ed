/** core.h: what a context is to whoever drives it: the writer thread in the service, virtual time in the simulation.
 */
#ifndef COFFEESHOP_CORE_H
#define COFFEESHOP_CORE_H

#include "command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One thread at a time. */
struct core {
    /** Load, decide, commit. `n` may be 0: then only what is due is done. `now` is the service's own time
     * (steady_clock.h), us: it never goes back and never jumps. Returns 0 when everything is committed, or, for one of
     * several cells that commit together, when everything is written (cells_core.h); an errors.h code when nothing is.
     * A command that the domain refuses is not a failure: it fails only when the world breaks. */
    int (*decide)(struct core *self, struct command *const *commands, size_t n, int64_t now);
    /** How that has ended; once after each decide(), with the same commands. 0: it is durable, and only now anybody may
     * hear of it: announces. Otherwise nothing of it has happened, and it is forgotten. Doesn't finish the commands,
     * except those it kept from earlier batches.
     * NULL: nobody is told. */
    void (*settle)(struct core *self, struct command *const *commands, size_t n, int rc);
    /** When it wants to decide without commands: own time in us; INT64_MAX: no wish. */
    int64_t (*next_due)(struct core *self);
    /** Whether it has the command's cell; NULL: it has all that there are. */
    bool (*has)(struct core *self, int32_t cell);
    /** By how much the wall clock is ahead of `now`, us: what people read is `now` plus this. Set by the driver before
     * decide(). */
    int64_t wall_ahead;
};

static inline bool core_has(struct core *core, int32_t cell)
{
    return !core->has || core->has(core, cell);
}

/** A whole batch: decide() and settle(). What decide() has returned. */
static inline int core_run(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    int rc = core->decide(core, commands, n, now);

    if (core->settle)
        core->settle(core, commands, n, rc);
    return rc;
}

#endif
