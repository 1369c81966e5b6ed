/** topic_options.h: the shop's topic as the settings name it (kafka.*): how to reach it, and what its cursors are
 * called.
 */
#ifndef COFFEESHOP_TOPIC_OPTIONS_H
#define COFFEESHOP_TOPIC_OPTIONS_H

#include "arena.h"
#include "kafka_connection.h"
#include "program.h"
#include "secret.h"

enum { TOPIC_KIB = 1024 };

/** `client`: who asks. The password is taken from the settings, and is the caller's; NULL: there is none. false and a
 * sentence in `problem`. */
bool topic_options_take(const struct common_settings *common, const char *client, struct kafka_options *options,
                        struct secret **password, struct buf *problem);
/** "topic:coffeeshop", in the arena; NULL without memory. */
const char *topic_cursor_name(const struct common_settings *common, const char *what, struct arena *arena);
#define TOPIC_CURSOR "topic"     /* its position: the offset to go on from */
#define RELAYED_CURSOR "relayed" /* up to where what was said is on the topic */

#endif
