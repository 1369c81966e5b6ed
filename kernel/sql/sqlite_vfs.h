/** sqlite_vfs.h: a checksum for every page of a database file, verified whenever the page is read from it.
 *
 *  SQLite leaves the last 8 bytes of each page alone when it is told so as the file is made (its "reserved space"); a
 * layer between SQLite and its own VFS fills them in as a page goes to the file, which in WAL mode is a checkpoint, and
 * compares them as it comes back. What SQLite itself gets to see there is zeros, so that a page that reaches the file
 * past this layer (another program's checkpoint, a copy of a page) carries zeros, and is taken as one that has no
 * checksum. The log has checksums of SQLite's own: sqlite_log.h. Why: docs/adr/0032. Not for others.
 */
#ifndef COFFEESHOP_SQLITE_VFS_H
#define COFFEESHOP_SQLITE_VFS_H

#include "sql.h"

#include <sqlite3.h>

/** The name to open databases by; registers the layer at its first call. NULL: memory is exhausted. */
const char *sqlite_vfs(void);
/** To be called before anything is read: a database that is going to be made gets room for checksums. */
void sqlite_vfs_ask_for_room(sqlite3 *db);
/** Whether the pages of the open database have checksums; those of files from before there were any don't. */
bool sqlite_vfs_guards(sqlite3 *db);

#endif
