/** outbox_write.h: what a batch commits besides its states, whatever it is stored in. Pointers are the batch's.
 */
#ifndef COFFEESHOP_OUTBOX_WRITE_H
#define COFFEESHOP_OUTBOX_WRITE_H

#include "cursor.h"
#include "dead_letter.h"
#include "idempotency.h"
#include "outbox.h"

#include <stdbool.h>

struct outbox_write {
    const struct outbox *outbox;   /* skipped when it has no events */
    const struct cursors *cursors; /* all of them are written */
    bool cursors_moved;            /* false: left alone */
    const struct idempotency_record *records;
    size_t n_records;
    const struct dead_letter *dead;
    size_t n_dead;
    const struct dead_letter *replayed; /* by source and position; forgotten before `dead` is put aside */
    size_t n_replayed;
    int64_t now;  /* the moment that what is stored is kept from, us: see retention_clock.h */
    int64_t wall; /* for people to read */
};

static inline bool outbox_write_is_empty(const struct outbox_write *write)
{
    return write->outbox->count == 0 && !write->cursors_moved && write->n_records == 0 && write->n_dead == 0 &&
           write->n_replayed == 0;
}

#endif
