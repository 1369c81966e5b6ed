/** gateway_directory.h: nginx's working directory: its configuration, the pages, room for bodies. One thread. */
#ifndef COFFEESHOP_GATEWAY_DIRECTORY_H
#define COFFEESHOP_GATEWAY_DIRECTORY_H

#include "buf.h"

#include <stdbool.h>

/** Makes the directory itself. false with a sentence in `problem`. */
bool gateway_directory_make(const char *directory, struct buf *problem);
/** Writes all that nginx needs there, and takes away the sign of an earlier stop. Everything is readable to everybody
 * whatever the umask, for nginx's user: it is the pages and the configuration, no data. false with a sentence in
 * `problem`. */
bool gateway_directory_fill(const char *directory, struct str configuration, struct buf *problem);

#endif
