/** archive_resume.h: how far an interrupted export has got. Private to kernel/archive.
 */
#ifndef COFFEESHOP_ARCHIVE_RESUME_H
#define COFFEESHOP_ARCHIVE_RESUME_H

#include "buf.h"

/** Starts with all zero. */
struct archive_resumed {
    size_t tables;  /* that have ended */
    bool has_begun; /* the next one */
    bool is_complete;
    int64_t rows; /* of the one that has begun */
    int64_t all_rows;
    struct buf last; /* its last row's line; empty: none */
    uint64_t chain;
    int64_t lines, bytes; /* up to the last line that is right */
};

/** Reads the file up to the first line that isn't right. `head`: its first line if it were written now. false with a
 * sentence in `problem` when it is of another state of the shop, or can't be read. */
bool archive_resume(int fd, const char *path, struct str head, struct archive_resumed *resumed, struct buf *problem);

#endif
