/** sqlite_log.h: is the write-ahead log all there?
 *
 *  Recovery takes the log up to the first frame whose checksum is wrong and says nothing about what stands behind it: a
 * byte that was damaged silently takes away everything that was committed and acknowledged after it. Before SQLite gets
 * to see it the log is therefore held against two witnesses (docs/adr/0032):
 *
 *  - its index (`-shm`), which outlives a killed process and says how many frames were committed. SQLite counts them
 * there only after they were synced, so it is never ahead of the log; after a power cut it is behind it at most.
 *  - the frames behind the wrong one: a transaction is begun only after the one before it was synced, so a commit that
 *    another frame follows was durable, and so was all before it. What a power cut tears is the last one alone.
 *
 *  Formats: https://sqlite.org/walformat.html. Not for others.
 */
#ifndef COFFEESHOP_SQLITE_LOG_H
#define COFFEESHOP_SQLITE_LOG_H

#include "buf.h"

/** 0, or E_CORRUPT with a sentence in `problem`: acknowledged commits are missing from the log of the database `path`.
 * E_SYSTEM or E_MEMORY when it can't be told. Reads only; nobody else may have the database open. */
int sqlite_log_check(const char *path, struct buf *problem);

#endif
