/** config_value.h: one setting's value: from text, checked, into its struct; and back to text. Private to
 * kernel/config. */
#ifndef COFFEESHOP_CONFIG_VALUE_H
#define COFFEESHOP_CONFIG_VALUE_H

#include "config.h"

/** Puts `text` into the row's place in `into` (NULL: only checks). Texts are copied to `arena`.
 *  false, and the end of a sentence in `problem` ("has to be …"), when it isn't a value of that row. */
bool config_value_set(const struct setting *row, void *into, struct str text, struct arena *arena, struct buf *problem);
/** The value in `from`, as config_value_set() takes it. */
void config_value_write(const struct setting *row, const void *from, struct buf *out);
/** What may be put there: "0..60000 ms", "auto|manual", "http://host:port". */
void config_value_range(const struct setting *row, struct buf *out);

/** The environment variable of a setting: COFFEESHOP_PRODUCT_BREW_MS. */
void config_variable_write(const struct setting *row, struct buf *out);
/** How a character of a setting's name is written in the environment: upper case, _ for a dot. */
char config_environment_letter(char c);

#endif
