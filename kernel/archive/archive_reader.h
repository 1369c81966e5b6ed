/** archive_reader.h: the lines of an archive, one after the other, each held against its checksum. Memory: the longest
 *  line.
 */
#ifndef COFFEESHOP_ARCHIVE_READER_H
#define COFFEESHOP_ARCHIVE_READER_H

#include "buf.h"

enum archive_reading {
    ARCHIVE_LINE,  /* there it is */
    ARCHIVE_ENDS,  /* behind the last line */
    ARCHIVE_TORN,  /* the file ends in the middle of a line */
    ARCHIVE_WRONG, /* a line that isn't what was written there */
    ARCHIVE_FAILS, /* it can't be read; errno says why */
};

/** Starts with all zero but `fd`, at its beginning. */
struct archive_reader {
    int fd; /* the caller's */
    struct buf text;
    size_t at;     /* in text: the next line */
    int64_t line;  /* number of the line read last, from 1 */
    int64_t bytes; /* behind it */
    uint64_t chain;
    bool is_at_end;
};

/** `*line` is without its newline, and valid until the next call. What isn't ARCHIVE_LINE stays so. */
enum archive_reading archive_read_line(struct archive_reader *reader, struct str *line);
void archive_reader_free(struct archive_reader *reader);

/** "FILE, line N" and what `reading` means. */
void archive_say_why(struct buf *problem, const char *path, const struct archive_reader *reader,
                     enum archive_reading reading);

#endif
