/** view_events.h: order's, product's and stock's events as the view reads them. The shapes are api/asyncapi.yaml.
 */
#ifndef COFFEESHOP_VIEW_EVENTS_H
#define COFFEESHOP_VIEW_EVENTS_H

#include "view_app.h"

/** The producers in the order of the cursors, as enum mypage_producer names them. */
extern const char *const view_producers[MYPAGE_PRODUCER_COUNT];

/** What decoding needs at hand. One thread (the loop's). */
struct view_decoder {
    struct arena arena;
};

/** One event as a command (struct view_command); NULL when it concerns no customer's order and no item (*reason stays
 * NULL) or can't be read
 *  (*reason says why). `context` is a struct view_decoder. The command owns its memory and gives it back in finish. */
struct command *view_event_decode(void *context, size_t source, struct str text, const char **reason);

#endif
