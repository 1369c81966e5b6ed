/** view_place.h: where a view is kept: in a file, or in a schema of a PostgreSQL; and how a rebuilt one takes the place
 * of the one in use.
 */
#ifndef COFFEESHOP_VIEW_PLACE_H
#define COFFEESHOP_VIEW_PLACE_H

#include "program.h"
#include "sql.h"

#include <stdbool.h>

/** Either is all that is used of it. */
struct view_place {
    const char *file;
    const char *server; /* NULL: it is the file */
    const char *schema;
    int32_t cells; /* shop.cells */
};

/** Where the view in use is, and where a rebuild makes another, by the settings. The files' names are the caller's and
 * have to live as long; paths made of VIEW_FILE and VIEW_REBUILT_FILE. */
struct view_place view_place_in_use(const struct common_settings *common, const char *file);
struct view_place view_place_rebuilt(const struct common_settings *common, const char *file);

#define VIEW_FILE "customercenter.db"
#define VIEW_REBUILT_FILE "customercenter.rebuild.db"

/** Its name, for people: never what may have a password in it. */
const char *view_place_name(const struct view_place *place);
/** Opens it, made and migrated when it has to be. NULL and a sentence in `problem`. */
struct sql *view_place_open(const struct view_place *place, bool read_only, struct buf *problem);
/** Whether there is something. What is there isn't opened where that could be in somebody's way. */
bool view_place_exists(const struct view_place *place);
/** Whether it is a view that was rebuilt to its end. */
bool view_place_is_whole(const struct view_place *place);
/** Removes the view, and what SQLite keeps beside a file. false when something is left, with a sentence in `problem`.
 */
bool view_place_remove(const struct view_place *place, struct buf *problem);
/** `rebuilt` becomes `current`; nobody may have either open, and the caller holds the service's lock. The changes that
 * follow get higher numbers than any of both. Whenever it is interrupted, even by
 * a power cut, there is the one or the other, whole. false with a sentence in `problem`; the old one is then still in
 * place, if it was. */
bool view_place_replace(const struct view_place *current, const struct view_place *rebuilt, struct buf *problem);

#endif
