#include "archive_reader.h"

#include "archive_line.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 256 * 1024, LONGEST_LINE = 1 << 30 };

/* The rest of the text moves to the front; a piece of the file comes behind it. */
static enum archive_reading read_piece(struct archive_reader *reader)
{
    struct buf *text = &reader->text;
    ssize_t n;

    if (text->p && reader->at) {
        memmove(text->p, text->p + reader->at, text->n - reader->at);
        text->n -= reader->at;
        reader->at = 0;
    }
    if (text->n > LONGEST_LINE)
        return ARCHIVE_WRONG;
    if (!buf_reserve(text, PIECE)) {
        errno = ENOMEM;
        return ARCHIVE_FAILS;
    }
    do {
        n = read(reader->fd, text->p + text->n, PIECE);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return ARCHIVE_FAILS;
    text->n += (size_t)n;
    reader->is_at_end = n == 0;
    return ARCHIVE_LINE;
}

static enum archive_reading find_line(struct archive_reader *reader, struct str *line)
{
    size_t looked_at = 0; /* of the line */

    for (;;) {
        struct str rest = {reader->text.p + reader->at, reader->text.n - reader->at};
        const char *newline = rest.n > looked_at ? memchr(rest.p + looked_at, '\n', rest.n - looked_at) : NULL;
        if (newline) {
            *line = (struct str){rest.p, (size_t)(newline - rest.p)};
            return ARCHIVE_LINE;
        }
        if (reader->is_at_end)
            return rest.n ? ARCHIVE_TORN : ARCHIVE_ENDS;
        looked_at = rest.n;
        enum archive_reading reading = read_piece(reader);
        if (reading != ARCHIVE_LINE)
            return reading;
    }
}

enum archive_reading archive_read_line(struct archive_reader *reader, struct str *line)
{
    enum archive_reading reading = find_line(reader, line);

    if (reading != ARCHIVE_LINE)
        return reading;
    if (!archive_line_is_right(*line, &reader->chain))
        return ARCHIVE_WRONG;
    reader->at += line->n + 1;
    reader->line++;
    reader->bytes += (int64_t)line->n + 1;
    return ARCHIVE_LINE;
}

void archive_reader_free(struct archive_reader *reader)
{
    buf_free(&reader->text);
}

void archive_say_why(struct buf *problem, const char *path, const struct archive_reader *reader,
                     enum archive_reading reading)
{
    if (reading == ARCHIVE_FAILS) {
        buf_printf(problem, "%s can't be read: %s", path, strerror(errno));
        return;
    }
    if (reading == ARCHIVE_ENDS) {
        buf_printf(problem, "%s ends behind line %lld and isn't complete: its last line should say so", path,
                   (long long)reader->line);
        return;
    }
    buf_printf(problem, "%s, line %lld: %s", path, (long long)reader->line + 1,
               reading == ARCHIVE_TORN ? "the file ends in the middle of it"
                                       : "isn't what was written there (its checksum doesn't fit)");
}
