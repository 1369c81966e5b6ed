/** file.h: what a store asks of the file system besides reading and writing. Any thread; results are 0 or an errno.
 */
#ifndef COFFEESHOP_FILE_H
#define COFFEESHOP_FILE_H

#include <stdbool.h>
#include <stddef.h>

/** Makes the file, empty, when it isn't there, and its directory entry durable; nobody but its owner may read it
 * (0600), whatever the umask, also when it was there. */
int file_make_private(const char *path);
/** 0600 for a file that is there; one that isn't is fine. */
int file_hide(const char *path);
/** Opens a file for reading, or says in `*wrong` why not: also that it is none. A FIFO would be waited for by open(2)
 * itself, before any signal is looked at. The descriptor, or -1; the text is static or strerror()'s. */
int file_open(const char *path, const char **wrong);
/** fsync of the directory that `path` lies in: a file's name is durable only when its directory is (fsync(2)). */
int file_sync_parent(const char *path);
/** mkdir -p: what is missing is made with mode 0700, and each new entry is durable when it returns. */
int file_make_directories(const char *path);
/** Writes the first `most` bytes of the file again, as they are read, and syncs them. A file that isn't there is fine.
 *  After a failed fsync the page cache may hold as clean what never reached the disk (Rebello et al., "Can Applications
 *  Recover from fsync Failures?", USENIX ATC 2020): what is read there isn't durable until it is written once more. */
int file_write_again(const char *path, size_t most);
/** Whether `path` still names the open file. False when it can't be told. */
bool file_is_still(int fd, const char *path);

#endif
