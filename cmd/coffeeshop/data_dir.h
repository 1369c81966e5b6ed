/** data_dir.h: the directory of everything that lasts: made when missing, recognised as the shop's, never mixed with
 * foreign files. */
#ifndef COFFEESHOP_DATA_DIR_H
#define COFFEESHOP_DATA_DIR_H

#include "buf.h"

#include <stdbool.h>

enum { DATA_FORMAT = 1 }; /* raised when an older program could not read the directory any more */

/** Makes `path` (and what leads to it) when it is missing, and marks an empty directory as the shop's by the file
 * coffeeshop.format. Several processes may do so at the same time. false with a sentence in `problem` when it holds
 * foreign files (which are not touched), was written by a newer version, or the system refuses. */
bool data_dir_prepare(const char *path, struct buf *problem);

/** Locks the directory for one shop (shop.lock), until the returned descriptor is closed or the process ends, however
 * it ends. -1 with a sentence in `problem`. */
int data_dir_lock(const char *path, struct buf *problem);

#endif
