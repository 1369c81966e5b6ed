#include "archive_resume.h"

#include "archive_format.h"
#include "archive_reader.h"

static bool is_control(struct str line, struct archive_control *control, struct arena *arena)
{
    struct json_error error;

    return json_decode(&archive_control_desc, line, control, arena, &error);
}

/* Its checksum is right, so it is what we have written. */
static bool take_line(struct archive_resumed *resumed, struct str line, struct arena *arena)
{
    struct archive_control control;

    if (line.p[0] == '[') {
        buf_clear(&resumed->last);
        buf_add(&resumed->last, line);
        resumed->rows++;
        return resumed->has_begun && !resumed->last.failed;
    }
    if (!is_control(line, &control, arena))
        return false;
    if (control.rows != JSON_ABSENT) {
        resumed->tables++;
        resumed->all_rows += resumed->rows;
    }
    resumed->is_complete = control.lines != JSON_ABSENT;
    resumed->has_begun = control.service.n > 0;
    resumed->rows = 0;
    buf_clear(&resumed->last);
    return true;
}

static bool refuse(const char *path, struct buf *problem)
{
    buf_printf(problem,
               "%s is the beginning of an export, but not of this shop as it is now (it has run since, or another "
               "version wrote it): remove it, or name another file",
               path);
    return false;
}

bool archive_resume(int fd, const char *path, struct str head, struct archive_resumed *resumed, struct buf *problem)
{
    struct archive_reader reader = {.fd = fd};
    enum archive_reading reading;
    struct arena arena;
    struct str line;
    bool fine = true;

    arena_init(&arena, 0);
    while (fine && (reading = archive_read_line(&reader, &line)) == ARCHIVE_LINE) {
        fine = reader.line == 1 ? str_eq(line, head) : take_line(resumed, line, &arena);
        resumed->chain = reader.chain;
        resumed->lines = reader.line;
        resumed->bytes = reader.bytes;
        arena_reset(&arena);
    }
    if (!fine)
        refuse(path, problem);
    else if (reading == ARCHIVE_FAILS) {
        archive_say_why(problem, path, &reader, reading);
        fine = false;
    }
    archive_reader_free(&reader);
    arena_free(&arena);
    return fine;
}
