/** sim_letters.h: dead letters: events that a consumer can't read until it is mended, and the operator who tries them
 * again.
 */
#ifndef COFFEESHOP_SIM_LETTERS_H
#define COFFEESHOP_SIM_LETTERS_H

#include "sim_service.h"

/** The consumer's decoder, as it is now: it may not be mended yet. */
struct command *sim_letter_decode(struct sim_service *consumer, size_t source, uint64_t position, struct str text,
                                  const char **reason);
/** An operator looks at everybody's dead letters, when they like. */
void sim_operator_comes(struct sim *sim);
/** Nothing is put aside but what couldn't be read. */
void sim_letters_check(const struct sim_service *service);
/** Everything is mended and has been tried again: nothing is left. */
void sim_letters_check_end(struct sim *sim);

#endif
