/** dead_letters_topic.h: `coffeeshop dead-letters topic`: what lies on the dead letters' topic of a shop on Kafka. */
#ifndef COFFEESHOP_DEAD_LETTERS_TOPIC_H
#define COFFEESHOP_DEAD_LETTERS_TOPIC_H

#include "shop.h"

/** Prints them. The exit status. */
int dead_letters_print_topic(const struct shop_settings *settings);
/** A stranger's bytes in a line of their own: what a terminal would obey is a ?. */
void dead_letters_add_text(struct buf *out, struct str text);

#endif
