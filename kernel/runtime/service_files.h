/** service_files.h: what a service keeps in the data directory beside its store: its lock, and how far it had got in
 * the epoch that was in force last.
 */
#ifndef COFFEESHOP_SERVICE_FILES_H
#define COFFEESHOP_SERVICE_FILES_H

#include "buf.h"
#include "feed_history.h"

#include <stdbool.h>

/** Locks DATA/<name>.lock until the descriptor that is returned is closed, or the process ends, however it ends; makes
 * DATA. One process a data file: two writers on the same state would undo each other. -1 with a sentence in `problem`.
 */
int service_files_lock(const char *data, const char *name, struct buf *problem);
/** What DATA/<name>.epoch says; false: there is none. One that can't be read names an epoch that no store has. One that
 * names an epoch alone says the position 0. */
bool service_files_read_epoch(const char *data, const char *name, struct feed_cursor *noted);
/** Whenever it is interrupted, the old one or the new one is there whole. false: errno says why not. */
bool service_files_write_epoch(const char *data, const char *name, struct feed_cursor noted);
/** A new position in the file as it was written, without waiting for the disk: after a power cut it may say an older
 * one. false: errno says why not. */
bool service_files_note_position(const char *data, const char *name, struct feed_cursor noted);

#endif
