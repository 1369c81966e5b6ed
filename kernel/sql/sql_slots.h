/** sql_slots.h: what an adapter keeps of each statement that it was asked for, found by the statement's address.
 *
 *  A slot is a struct of the adapter's whose first member is `const struct sql_statement *statement`; NULL: it is free.
 *  Open addressing in a power of two of slots, at most half of them taken; nothing is taken out, since statements are
 *  few and live as long as the program.
 *
 *  The table belongs to a connection, and to the thread that has it. It owns the slots; what they point to is the
 *  adapter's to give back before sql_slots_free(). For adapters, not for others.
 */
#ifndef COFFEESHOP_SQL_SLOTS_H
#define COFFEESHOP_SQL_SLOTS_H

#include "sql.h"

/** All zero is an empty one. */
struct sql_slots {
    void *slots; /* the adapter's structs, n_slots of them */
    size_t n_slots;
    size_t n_taken;
};

/** Twice as many slots, or the first. E_MEMORY: the table is as it was. For sql_slots_of(). */
int sql_slots_grow(struct sql_slots *self, size_t slot_size);

/** The statement's slot among `n_slots`, or the free one where it belongs. For sql_slots_of(). */
static inline void *sql_slots_place(void *slots, size_t n_slots, size_t slot_size,
                                    const struct sql_statement *statement)
{
    size_t at = (size_t)(((uintptr_t)statement >> 3) * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (n_slots - 1);

    for (;; at = (at + 1) & (n_slots - 1)) {
        void *slot = (unsigned char *)slots + at * slot_size;
        const struct sql_statement *there = *(const struct sql_statement **)slot;
        if (!there || there == statement)
            return slot;
    }
}

/** The statement's slot; the first time one that is zero but for `statement`. Good until the next one is asked for: the
 * table may grow. NULL: E_MEMORY, the table is as it was. `slot_size` is the same each time; inline, because every
 * statement that is run comes by here and its size is a constant then. */
static inline void *sql_slots_of(struct sql_slots *self, size_t slot_size, const struct sql_statement *statement)
{
    if (self->n_taken * 2 >= self->n_slots && sql_slots_grow(self, slot_size))
        return NULL;
    const struct sql_statement **slot = sql_slots_place(self->slots, self->n_slots, slot_size, statement);
    if (!*slot) {
        *slot = statement;
        self->n_taken++;
    }
    return slot;
}

void sql_slots_free(struct sql_slots *self);

#endif
