/** sim_world.h: what everything in the simulation stands on: virtual time, chance, memory, the trace, and the rule that
 * broke first. One thread; nothing here outlives sim_play().
 */
#ifndef COFFEESHOP_SIM_WORLD_H
#define COFFEESHOP_SIM_WORLD_H

#include "arena.h"
#include "clock.h"
#include "sim.h"
#include "sim_random.h"
#include "sim_settings.h"

/* Payment is the last one, because it is the one that a shop can do without. */
enum sim_who { SIM_ORDER, SIM_PRODUCT, SIM_STOCK, SIM_VIEW, SIM_PAYMENT, SIM_N_SERVICES, SIM_WORLD = SIM_N_SERVICES };

/** Where the money goes. */
enum sim_pays { SIM_AT_THE_COUNTER, SIM_BY_THE_TILL, SIM_BY_A_PROVIDER };

enum { SIM_ITEMS = 3, SIM_OPENING = 100, SIM_TRACE_KEPT = 120, SIM_MOST_STEPS = 100000 };
extern const struct str sim_items[SIM_ITEMS];

/** What this seed's shop is like, and how it is broken; chances are per mille. */
struct sim_shape {
    enum sim_pays pays;
    struct sim_settings settings; /* at first */
    int64_t n_customers, n_counter, n_keeper;
    int64_t n_counts, n_removals; /* of the shelf */
    int64_t n_strangers;
    int64_t unreadable; /* events, until the program that reads them is mended */
    int64_t busy_for;   /* us in which they come; then faults stop */
    bool drains;        /* orders are large: stock runs out */

    int64_t crash_every; /* us on average and service; 0: never */
    int64_t away_most;   /* us */
    int64_t commit_fails, read_fails, commit_unknown;
    int64_t call_lost, answer_lost, call_late, call_twice;
    int64_t feed_late, feed_cut, feed_again, cursor_back;
    int64_t restores;        /* data is replaced, once */
    int64_t settings_change; /* at a start */
    int64_t memory_ends;     /* in a batch, at a start, while an event is read */
    int64_t clock_wrong;     /* from the beginning */
    int64_t provider_late;   /* it has to think */
    int64_t clock_every;     /* us on average and service in which a wall clock is set; 0: never */
};

struct sim_timer {
    int64_t at;
    uint64_t number; /* first come, first served */
    bool set;
    void (*fire)(struct sim_timer *self);
};

struct sim_note {
    int64_t at;
    enum sim_who who;
    const char *what; /* static */
    int64_t a, b, c;
};

struct sim_service;
struct sim_rules;
struct sim_times;
struct sim_loss;
struct sim_backup;
struct sim_customers;

struct sim {
    struct sim_options options;
    struct sim_random random;
    struct sim_shape shape;
    struct arena arena;
    int64_t now, began;
    struct sim_timer **timers; /* a heap */
    size_t n_timers, timers_room;
    uint64_t n_timers_ever;
    bool calm; /* faults have stopped … */
    int64_t calm_since;
    struct sim_service *services[SIM_N_SERVICES];
    size_t n_services; /* that the shop has */
    struct sim_rules *rules;
    bool memory_failed;        /* an allocation of the program's, since sim_memory_may_fail() */
    struct sim_loss *losses;   /* sim_loss.c */
    struct sim_backup *backup; /* sim_restore.c */
    bool split; /* somebody has other data than the others know: but for the rules of `data`, nothing can be promised */
    struct sim_times *times; /* sim_rules_time.c */
    struct sim_customers *customers;
    int64_t price; /* 0 .. 3: order's menu is another one after a restart (sim_customers.h) */

    uint64_t step, hash;
    bool met[MET_COUNT];
    struct sim_note notes[SIM_TRACE_KEPT]; /* a ring */
    uint64_t n_notes;
    bool broken;
    const char *rule; /* static */
    struct buf why;
};

/** Zeroed memory until the end of the history; a copy that is kept so long. */
void *sim_alloc(struct sim *sim, size_t size);
struct str sim_copy(struct sim *sim, struct str text);
#define SIM_NEW(sim, type) ((type *)sim_alloc((sim), sizeof(type)))

/** `timer` fires at `at` (or now, when that has passed). One that is set already stays as it is. */
void sim_set_timer(struct sim *sim, struct sim_timer *timer, int64_t at);
/** As above, after a time between `least` and `most` us. */
void sim_set_timer_within(struct sim *sim, struct sim_timer *timer, int64_t least, int64_t most);
/** Fires timers until `until` or until a rule is broken; `after` is called behind each. */
void sim_go_on(struct sim *sim, int64_t until, void (*after)(struct sim *));

/** Notes that something happened: part of the history's hash, and of the report. `what` is static. */
void sim_note(struct sim *sim, enum sim_who who, const char *what, int64_t a, int64_t b, int64_t c);
/** One line about it. */
void sim_write_note(const struct sim *sim, const struct sim_note *note, struct buf *out);
/** A rule is broken: the history ends with this step. Only the first counts. `rule` is static. */
void sim_break(struct sim *sim, const char *rule, const char *format, ...) PRINTF_LIKE(3, 4);
const char *sim_who_name(enum sim_who who);

static inline bool sim_fault(struct sim *sim, int64_t per_mille)
{
    return !sim->calm && per_mille && sim_chance(&sim->random, per_mille);
}

static inline void sim_meet(struct sim *sim, enum sim_met met)
{
    sim->met[met] = true;
}

static inline bool sim_has_plant(const struct sim *sim, enum sim_plant plant)
{
    return sim->options.plant == plant;
}

#endif
