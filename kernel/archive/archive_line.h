/** archive_line.h: a line of an archive: one JSON value that ends with its checksum.
 *
 *      {"service":"order","table":"tally","columns":"name n","sum":"90f1c2f6a5c1d7e0"}
 *      ["orders",4,"1b0fd1f3a2c4e596"]
 *
 *  The checksum (checksum.h) is of the line's bytes before its sixteen digits, and of the checksum of the line before
 * it. So a line that isn't what was written is found where it is, and so is one that is missing, doubled or out of
 * place; the last line's is the whole file's. Pure.
 */
#ifndef COFFEESHOP_ARCHIVE_LINE_H
#define COFFEESHOP_ARCHIVE_LINE_H

#include "buf.h"
#include "sql.h"

enum { ARCHIVE_SUM_DIGITS = 16 };

/** Ends what `line` begins ("{…" or "[…", with at least one member), and moves `chain`, which begins as 0. Without the
 * newline. */
void archive_line_end(struct buf *line, uint64_t *chain);
/** Whether the line, without its newline, is what was written behind the one that `chain` is of; moves it. */
bool archive_line_is_right(struct str line, uint64_t *chain);

/** Appends a row without its end: integers as numbers, texts as strings, {"blob":base64}, null; a text that JSON can't
 * hold (bytes that aren't UTF-8, a NUL) is {"text":base64}. */
void archive_row_write(struct buf *line, const struct sql_value *row, size_t n);
/** Reads `n` values from a row's line; they point into the line or the arena. false with why, in a sentence without its
 * subject. */
bool archive_row_read(struct str line, struct sql_value *row, size_t n, struct arena *arena, struct buf *why);

#endif
