/** config_file.h: the file given by --config: lines `name = value`, comments behind #, values in quotes when they need
 * it. Private to kernel/config.
 */
#ifndef COFFEESHOP_CONFIG_FILE_H
#define COFFEESHOP_CONFIG_FILE_H

#include "buf.h"

#include <stdbool.h>

enum { CONFIG_FILE_MAX = 1 << 20 };

/** `where` is for messages: "shop.conf:3: product.brew_ms". All texts live only during the call. Returns false to stop.
 */
typedef bool config_line(void *context, struct str where, struct str name, struct str value);

/** Calls `line` for each setting, in order. false with a sentence in `problem` when the file can't be read, is larger
 * than CONFIG_FILE_MAX or has a line that isn't `name = value`, or as soon as `line` returned false (which wrote the
 * sentence). */
bool config_file_read(const char *path, config_line *line, void *context, struct buf *problem);
/** The same for a text that is in memory; `path` is only for messages. */
bool config_text_read(const char *path, struct str text, config_line *line, void *context, struct buf *problem);
/** A value as the file takes it: in quotes when it would not read back otherwise. */
void config_file_write_value(struct str value, struct buf *out);

#endif
