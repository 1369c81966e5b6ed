/** event_command.h: a command made of another service's event: the context's own command and the texts it keeps, in one
 * block of memory.
 *
 *  A decoder reads an event whose texts are the feed's and its arena's, and are gone when it returns; the command lives
 * until the writer has finished it. Any thread; one at a time for one command.
 */
#ifndef COFFEESHOP_EVENT_COMMAND_H
#define COFFEESHOP_EVENT_COMMAND_H

#include "command.h"
#include "json.h"

/** A zeroed block of `size` bytes that begins with a struct command: FROM_FEED, from `source`, with a copy of the whole
 * event as its `frame`, and a finish() that frees it. NULL when memory is exhausted. */
struct command *event_command_new(size_t size, size_t source, struct str event);
/** A text that was read from the event, as the command may keep it: where it is in the frame's copy, or, when it isn't
 * a piece of the event (it was escaped there), copied behind it. Such pieces are never longer than the event. Empty
 * stays empty. */
struct str event_command_keep(struct command *command, struct str event, struct str text);
/** Why an event could not be decoded: `unreadable`, or that there is no memory (the follower asks for it again then).
 */
const char *event_command_reason(const struct json_error *error, const char *unreadable);

#endif
