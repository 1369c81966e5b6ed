/** bare_command.h: a command that is embedded in no context's: it moves a cursor, says an epoch, or puts an event aside
 * (enum command_fate). Made by whoever hears of other services' events. Any thread.
 */
#ifndef COFFEESHOP_BARE_COMMAND_H
#define COFFEESHOP_BARE_COMMAND_H

#include "command.h"

/** Texts are copied. Its finish() frees it. NULL when memory is exhausted. */
struct command *bare_command_new(enum command_fate fate, struct str reason, struct str frame);

#endif
