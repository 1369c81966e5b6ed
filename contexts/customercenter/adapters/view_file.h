/** view_file.h: the view's database as a file: a rebuilt one takes the place of the one in use.
 */
#ifndef COFFEESHOP_VIEW_FILE_H
#define COFFEESHOP_VIEW_FILE_H

#include "buf.h"

#include <stdbool.h>

#define VIEW_FILE "customercenter.db"
#define VIEW_REBUILT_FILE "customercenter.rebuild.db"

/** Whether the file is a view that was rebuilt to its end. */
bool view_file_is_whole(const char *path);
/** Removes the file and what SQLite keeps beside it. false when something is left. */
bool view_file_remove(const char *path);
/** `rebuilt` becomes `current`; nobody may have either open, and the caller holds the service's lock. The changes that
 * follow get higher numbers than any of both. Whenever it is interrupted, even by
 * a power cut, there is the one or the other, whole. false with a sentence in `problem`; the old one is then still in
 * place, if it was. */
bool view_file_replace(const char *current, const char *rebuilt, struct buf *problem);

#endif
