/** mutants.h: planted bugs of the domain: each cell of each of its tables, replaced by every other outcome that its
 * table knows. See README.md.
 *
 *  The linker puts us between the domain and whoever asks it (--wrap): in the chosen cell we ask for what happens in
 *  another one instead. The domain is the program's own, as it was compiled for it, and knows nothing of this.
 */
#ifndef COFFEESHOP_MUTANTS_H
#define COFFEESHOP_MUTANTS_H

#include <stdbool.h>
#include <stddef.h>

enum mutated {
    MUTATED_ORDER,
    MUTATED_TICKET,
    MUTATED_STOCK,
    MUTATED_RESERVATION,
    MUTATED_MYPAGE,
    MUTATED_PAYMENT,
    MUTATED_COUNT
};

/** A line of a table: in this state, on this command, that. */
struct table_cell {
    int state, command;
    const char *state_name, *command_name; /* static */
    const char *then;                      /* static; as it is written there */
};

struct mutant {
    enum mutated table;
    const struct table_cell *cell, *instead;
};

/** All there are; static. */
const struct mutant *mutants_all(size_t *n);
/** "ticket": static. */
const char *mutated_name(enum mutated table);
/** From now on `mutant` is planted; NULL: none. A process may also be started with the number of one in the variable
 * MUTANT. */
void mutant_plant(const struct mutant *mutant);
/** Whether its cell has been asked for since. */
bool mutant_was_met(void);

#endif
