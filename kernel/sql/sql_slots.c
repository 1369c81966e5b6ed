#include "sql_slots.h"

#include "alloc.h"
#include "errors.h"

#include <string.h>

enum { FIRST_SLOTS = 64 };

int sql_slots_grow(struct sql_slots *self, size_t slot_size)
{
    size_t n_slots = self->n_slots ? self->n_slots * 2 : FIRST_SLOTS;
    void *slots = heap_alloc(n_slots * slot_size);

    if (!slots)
        return E_MEMORY;
    for (size_t i = 0; i < self->n_slots; i++) {
        void *slot = (unsigned char *)self->slots + i * slot_size;
        const struct sql_statement *statement = *(const struct sql_statement **)slot;
        if (statement)
            memcpy(sql_slots_place(slots, n_slots, slot_size, statement), slot, slot_size);
    }
    heap_free(self->slots);
    self->slots = slots;
    self->n_slots = n_slots;
    return OK;
}

void sql_slots_free(struct sql_slots *self)
{
    heap_free(self->slots);
    *self = (struct sql_slots){0};
}
