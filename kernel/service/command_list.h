/** command_list.h: commands one behind the other, linked by `next`. Whoever has the list has the commands. Not
 * thread-safe. */
#ifndef COFFEESHOP_COMMAND_LIST_H
#define COFFEESHOP_COMMAND_LIST_H

#include "command.h"

struct command_list {
    struct command *first, *last;
    size_t n;
};

/** Adds `n` commands that are linked already, from `first` to `last`; nothing when `first` is NULL. */
void command_list_append(struct command_list *list, struct command *first, struct command *last, size_t n);
/** Takes the first off a list that isn't empty. */
struct command *command_list_shift(struct command_list *list);

#endif
