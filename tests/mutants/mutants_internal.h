/** mutants_internal.h: what those who stand between the domain and its callers ask.
 */
#ifndef COFFEESHOP_MUTANTS_INTERNAL_H
#define COFFEESHOP_MUTANTS_INTERNAL_H

#include "mutants.h"

/** The cell whose outcome is to happen instead of this one's; NULL: this one's. */
const struct table_cell *mutant_instead(enum mutated table, int state, int command);

#endif
