/* mutants.c: which mutants there are. */
#include "mutants.h"

#include "mutants_internal.h"

#include "base.h"
#include "mypage.h"
#include "order.h"
#include "payment.h"
#include "reservation.h"
#include "str.h"
#include "ticket.h"

#include <stdlib.h>

static const struct table_cell order_cells[] = {
#define CELL(state, command, ...) {ORDER_##state, ORDER_##command, #state, #command, #__VA_ARGS__},
#include "order_states.def"
#undef CELL
};
static const struct table_cell ticket_cells[] = {
#define CELL(state, command, ...) {TICKET_##state, TICKET_##command, #state, #command, #__VA_ARGS__},
#include "ticket_states.def"
#undef CELL
};
static const struct table_cell stock_cells[] = {
#define CELL(state, command, ...) {STOCK_##state, STOCK_##command, #state, #command, #__VA_ARGS__},
#include "stock_states.def"
#undef CELL
};
static const struct table_cell reservation_cells[] = {
#define CELL(state, command, ...) {RESERVATION_##state, RESERVATION_##command, #state, #command, #__VA_ARGS__},
#include "reservation_states.def"
#undef CELL
};
static const struct table_cell payment_cells[] = {
#define CELL(state, command, ...) {PAYMENT_##state, PAYMENT_##command, #state, #command, #__VA_ARGS__},
#include "payment_states.def"
#undef CELL
};
/* A fact of a producer's, and what the view makes of it. */
static const struct table_cell mypage_cells[] = {
#define FACT(name, type, reason, producer, rank, status, order, ticket)                                                \
    {MYPAGE_##producer, MYPAGE_FACT_##name, #producer, #name, #rank ", " #status ", " #order ", " #ticket},
#include "mypage_events.def"
#undef FACT
};

static const struct {
    const char *name;
    const struct table_cell *cells;
    size_t n;
    bool within_state; /* one state's outcomes make no sense in another */
} tables[MUTATED_COUNT] = {
    [MUTATED_ORDER] = {"order", order_cells, COUNT_OF(order_cells), false},
    [MUTATED_TICKET] = {"ticket", ticket_cells, COUNT_OF(ticket_cells), false},
    [MUTATED_STOCK] = {"stock", stock_cells, COUNT_OF(stock_cells), false},
    [MUTATED_RESERVATION] = {"reservation", reservation_cells, COUNT_OF(reservation_cells), false},
    [MUTATED_MYPAGE] = {"mypage", mypage_cells, COUNT_OF(mypage_cells), true},
    [MUTATED_PAYMENT] = {"payment", payment_cells, COUNT_OF(payment_cells), false},
};

enum { MOST_MUTANTS = 8192 };
static struct mutant mutants[MOST_MUTANTS];
static size_t n_mutants;
static const struct mutant *planted;
static bool met;

const char *mutated_name(enum mutated table)
{
    return tables[table].name;
}

static bool is_same(const struct table_cell *a, const struct table_cell *b)
{
    return str_eq(str_of(a->then), str_of(b->then));
}

/* How well `one` stands for its outcome in `cell`: the nearer it is, the less else is different. */
static int nearness(const struct table_cell *cell, const struct table_cell *one)
{
    return 2 * (one->command == cell->command) + (one->state == cell->state);
}

static void add_mutants_of(enum mutated table, const struct table_cell *cell)
{
    size_t first = n_mutants;

    for (size_t i = 0; i < tables[table].n; i++) {
        const struct table_cell *instead = &tables[table].cells[i];
        size_t at = first;
        if (is_same(instead, cell) || (tables[table].within_state && instead->state != cell->state))
            continue;
        while (at < n_mutants && !is_same(mutants[at].instead, instead))
            at++;
        ASSERT(at < MOST_MUTANTS);
        if (at == n_mutants)
            mutants[n_mutants++] = (struct mutant){table, cell, instead};
        else if (nearness(cell, instead) > nearness(cell, mutants[at].instead))
            mutants[at].instead = instead;
    }
}

const struct mutant *mutants_all(size_t *n)
{
    for (int table = 0; table < MUTATED_COUNT && (table > 0 || n_mutants == 0); table++) {
        for (size_t i = 0; i < tables[table].n; i++)
            add_mutants_of((enum mutated)table, &tables[table].cells[i]);
    }
    *n = n_mutants;
    return mutants;
}

void mutant_plant(const struct mutant *mutant)
{
    planted = mutant;
    met = false;
}

bool mutant_was_met(void)
{
    return met;
}

const struct table_cell *mutant_instead(enum mutated table, int state, int command)
{
    if (!planted || planted->table != table || planted->cell->state != state || planted->cell->command != command)
        return NULL;
    met = true;
    return planted->instead;
}

__attribute__((constructor)) static void plant_what_the_environment_names(void)
{
    const char *text = getenv("MUTANT");
    uint64_t number;
    size_t n;
    const struct mutant *all = mutants_all(&n);

    if (text && str_to_u64(str_of(text), &number) && number < n)
        mutant_plant(&all[number]);
}
