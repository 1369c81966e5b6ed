/** stock_ports.h: what stock's use cases need from the outside. An adapter embeds its port as the first member.
 */
#ifndef COFFEESHOP_STOCK_PORTS_H
#define COFFEESHOP_STOCK_PORTS_H

#include "batch.h"
#include "event_sink.h"
#include "reservation.h"
#include "stock.h"

struct stock_command;

struct stock_entry {
    struct stock stock;
    bool changed; /* to be stored */
};

/** Which row has a name. Its key is the name folded (text.h): no two rows are the same text. */
struct stock_name_entry {
    bool known;       /* there was a row at some time */
    int64_t stock_id; /* the row that has the name now; 0: none */
    bool changed;
};

struct reservation_entry {
    struct reservation reservation;
    bool changed;
};

/** A batch, and the names, rows and reservations that it concerns; each working set gives a key its entry. */
struct stock_batch {
    struct batch base;
    struct working_set names; /* folded */
    struct stock_name_entry *name_entries;
    struct working_set reservations;
    struct reservation_entry *reservation_entries;
    struct working_set stocks;
    struct stock_entry *entries;
    size_t n_loaded; /* rows up to here are filled in by load(); those behind are new */
    int64_t moment;  /* of this batch by the retention's clock; no two batches have the same */
};

/** Where stock is kept. Adapter: adapters/stock_repo_kv.c (fake: the same over tests/lib/fake_kv.c). Writer thread. */
struct stock_repo {
    /** Looks up names, reservations and base.records. What is missing stays zero (a reservation's id is filled in).
     *  One round trip whatever the size. Texts are copied to the batch's arena. 0, or E_UNAVAILABLE,
     *  E_CORRUPT, E_MEMORY. */
    int (*find)(struct stock_repo *self, struct stock_batch *batch);
    /** Fills entries 0..n_loaded-1 by the ids in `stocks`; an id that was never given stays STOCK_NONE (its id is
     *  filled in). The same errors. */
    int (*load)(struct stock_repo *self, struct stock_batch *batch);
    /** Changed names, reservations and rows, outbox, cursors, new idempotency records: all or nothing, durable when it
     * returns 0; nothing is written when there is nothing. E_FULL, E_UNAVAILABLE, E_MEMORY. */
    int (*commit)(struct stock_repo *self, struct stock_batch *batch);
    /** Removes a bite of that whose time is over at `now` (the retention's clock, us): reservations, idempotency keys,
     * outbox batches. A commit of its own,
     *  because a full store takes removals only. True when there is more to remove now. A failure is the adapter's to
     *  tell; it is tried again at the next call. */
    bool (*tidy)(struct stock_repo *self, int64_t now);
    /** At start: the highest id ever given, the last event's position, the newest moment stored, the cursors (their
     * sources are filled in). */
    int (*restore)(struct stock_repo *self, int64_t *last_id, uint64_t *last_position, int64_t *last_moment,
                   struct cursors *cursors);
};

/** Writes a row's event into the outbox. `command` is NULL for what nobody asked for. See adapters/stock_events.c. */
typedef void stock_write_event(struct outbox *outbox, const struct stock *stock, const struct stock_event *event,
                               const struct stock_command *command);

#endif
