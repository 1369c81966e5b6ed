#include "archive_writer.h"

#include "archive_line.h"

#include <errno.h>
#include <unistd.h>

enum { PIECE = 256 * 1024 };

static int flush(struct archive_writer *writer)
{
    struct str text = buf_str(&writer->text);

    while (text.n > 0) {
        ssize_t n = write(writer->fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        text = (struct str){text.p + n, text.n - (size_t)n};
    }
    buf_clear(&writer->text);
    return 0;
}

int archive_writer_end_line(struct archive_writer *writer)
{
    archive_line_end(&writer->line, &writer->chain);
    if (writer->line.failed)
        return ENOMEM;
    buf_add(&writer->text, buf_str(&writer->line));
    buf_char(&writer->text, '\n');
    buf_clear(&writer->line);
    writer->lines++;
    if (writer->text.failed)
        return ENOMEM;
    return writer->text.n < PIECE ? 0 : flush(writer);
}

int archive_writer_sync(struct archive_writer *writer)
{
    int error = flush(writer);

    if (!error && fsync(writer->fd) != 0)
        error = errno;
    return error;
}

void archive_writer_free(struct archive_writer *writer)
{
    buf_free(&writer->line);
    buf_free(&writer->text);
}
