/** payment_ports.h: what payment's use cases need from the outside. An adapter embeds its port as the first member.
 */
#ifndef COFFEESHOP_PAYMENT_PORTS_H
#define COFFEESHOP_PAYMENT_PORTS_H

#include "batch.h"
#include "event_sink.h"
#include "payment.h"

struct payment_step;

struct payment_entry {
    struct payment payment;
    bool changed; /* to be stored */
    bool is_new;
};

/** Money that has moved, as the ledger has it: once, and never changed. */
struct payment_booking {
    int64_t payment_id, order_id;
    int64_t amount; /* into the till; negative: out of it */
    struct str currency;
    int64_t at; /* wall */
};

struct due_payment {
    int64_t due_at, id;
};

/** How many payments have come into each of these by a batch. */
struct payment_tally {
    int64_t authorized, declined, captured, voided, refunded;
};

/** A batch and the payments it concerns. */
struct payment_batch {
    struct batch base;
    struct working_set keys; /* of purchases */
    size_t *key_entry;       /* by key: the entry of its newest payment + 1; 0: there is none */
    struct working_set ids;  /* payment id -> entry */
    struct payment_entry *entries;
    struct due_payment *due; /* those whose time has come */
    size_t n_due;
    bool has_letters; /* with those: something of order's lies aside */
    struct payment_booking *bookings;
    size_t n_bookings;
    struct payment_tally tally;
};

/** Where payments are kept. Adapter: adapters/payment_repo_sql.c; fake: tests/lib/fake_payment_repo.c. Writer thread.
 *  Texts of loaded payments are copied to the arena. Errors: E_UNAVAILABLE, E_MEMORY, E_FULL, E_CONFLICT,
 *  E_OUTCOME_UNKNOWN. */
struct payment_repo {
    /** Each key's payment that is not over (payment_is_over); at most one is. `out[i]`: PAYMENT_NONE when there is
     * none.
     */
    int (*find_by_keys)(struct payment_repo *self, const struct str *keys, size_t n, struct payment *out,
                        struct arena *arena);
    /** The payments themselves (PAYMENT_NONE: never made). */
    int (*find_by_ids)(struct payment_repo *self, const int64_t *ids, size_t n, struct payment *out,
                       struct arena *arena);
    /** At most `limit` payments with due_at <= now that come after `after` in the order (due_at, id). */
    int (*find_due)(struct payment_repo *self, struct due_payment after, int64_t now, size_t limit,
                    struct due_payment *out, size_t *n);
    /** The earliest due_at after `after`; INT64_MAX: none. */
    int (*next_due)(struct payment_repo *self, struct due_payment after, int64_t *due_at);
    /** Whether dead letters lie aside. */
    int (*has_letters)(struct payment_repo *self, bool *yes);
    /** Changed entries, bookings, outbox, cursors, dead letters: all or nothing, durable when
     * it returns 0. */
    int (*commit)(struct payment_repo *self, struct payment_batch *batch);
    /** How the batch has ended, committed together with others or alone: 0: it is durable; only now what is kept of it
     * in memory may be believed. After each, whether commit() was called or not. NULL: nothing is kept. */
    void (*settle)(struct payment_repo *self, const struct payment_batch *batch, int rc);
    /** Once after the start: what is due later than `latest` (us) is due then. A transaction of its own. */
    int (*bring_back)(struct payment_repo *self, int64_t latest);
    /** At start: the highest id ever given, the last event's position, the cursors (their sources are filled in). */
    int (*restore)(struct payment_repo *self, int64_t *last_id, uint64_t *last_position, struct cursors *cursors);
};

enum provider_operation { PROVIDER_AUTHORIZE, PROVIDER_CAPTURE, PROVIDER_RETURN };

/** What the provider is asked to do. It is keyed by payment and operation, so that a repeat is harmless. A payment is
 * known outside by its number and its purchase's key: the number alone is given again after a restore. Texts are valid
 * during the call only. */
struct provider_question {
    enum provider_operation operation;
    int64_t payment_id;
    struct str key; /* its purchase's */
    int64_t amount;
    int64_t captured; /* RETURN: what we know to have been taken; the provider knows better */
    struct str currency, method;
    struct str reference; /* empty: it has given none */
};

/** Who moves the money. Adapters: adapters/ledger_provider.c, http_provider.c; its suite:
 * tests/contract/payment_provider_contract_test.c. Writer thread. */
struct payment_provider {
    /** For one that decides without asking anybody: fills in the answer (kind, reference, reason, was_taken; static
     * texts) and returns true; false: it has to be asked. */
    bool (*decide)(struct payment_provider *self, const struct provider_question *question,
                   struct payment_intent *answer);
    /** Takes a question; returns at once. Its answer, if there is one, comes back as a command FROM_EFFECT of a kind
     * that the question asks for, exactly once or not at all: what isn't known is asked again. */
    void (*ask)(struct payment_provider *self, const struct provider_question *question);
    /** All questions of this batch are asked. */
    void (*flush)(struct payment_provider *self);
    int64_t patience_us; /* so long order's question is kept for the answers; 0: whoever is asked doesn't answer soon */
};

/** Whether all that the order service had said at a moment is known here. Without that nobody can say that an order
 * never came. Adapter: adapters/payment_order_feed.c. Writer thread. */
struct order_feed {
    /** The latest moment (own time, us) of which it is known that all that this cell of order's had said by then is at
     * or before this cursor in its feed; INT64_MIN: there is none. Also sees to it that there is a later one soon. */
    int64_t (*complete_at)(struct order_feed *self, int32_t cell, uint64_t epoch, uint64_t position);
};

/** Writes a payment's event into the outbox. Implementation: adapters/payment_events.c. */
typedef void payment_write_event(struct outbox *outbox, const struct payment *payment,
                                 const struct payment_event *event, struct str correlation, struct str traceparent);

#endif
