/** archive_writer.h: writes an archive's lines. Private to kernel/archive.
 */
#ifndef COFFEESHOP_ARCHIVE_WRITER_H
#define COFFEESHOP_ARCHIVE_WRITER_H

#include "buf.h"

/** Starts with all zero but `fd`, and for one that goes on `chain` and `lines`. */
struct archive_writer {
    int fd;          /* the caller's */
    struct buf line; /* is begun by the caller */
    struct buf text; /* of several lines, not written yet */
    uint64_t chain;
    int64_t lines;
};

/** Ends the line. 0, or an errno. */
int archive_writer_end_line(struct archive_writer *writer);
/** All of it is on the disk when it returns 0; otherwise an errno. */
int archive_writer_sync(struct archive_writer *writer);
void archive_writer_free(struct archive_writer *writer);

#endif
