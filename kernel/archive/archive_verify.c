#include "archive.h"
#include "archive_line.h"
#include "archive_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TELL_EACH = 100000 };

struct verifying {
    struct archive_contents *contents;
    struct archive_section *open; /* the table that has begun and not ended */
    bool is_complete;
    struct arena *arena; /* of the contents */
    struct arena line;
    struct buf why; /* what is wrong with the line, without its subject */
};

static bool refuse(struct verifying *self, const char *why)
{
    buf_add(&self->why, str_of(why));
    return false;
}

static bool knows_service(const struct archive_head *head, struct str name)
{
    const struct archive_service *services = head->services.items;

    for (size_t i = 0; i < head->services.n; i++) {
        if (str_eq(services[i].name, name))
            return true;
    }
    return false;
}

static size_t count_words(struct str text)
{
    size_t n = 0;

    while (text.n > 0) {
        n += str_split(text, ' ', &text).n > 0;
    }
    return n;
}

static bool begin_table(struct verifying *self, const struct archive_control *control, int64_t line)
{
    struct archive_contents *contents = self->contents;

    if (self->open)
        return refuse(self, "begins a table before the one before it has ended");
    if (!knows_service(&contents->head, control->service))
        return refuse(self, "names a service that the first line doesn't");
    if (contents->n_sections == ARCHIVE_MOST_SECTIONS)
        return refuse(self, "begins one table more than an archive can have");
    self->open = &contents->sections[contents->n_sections++];
    *self->open = (struct archive_section){
        .service = arena_copy(self->arena, control->service),
        .table = arena_copy(self->arena, control->table),
        .columns = arena_copy(self->arena, control->columns),
        .n_columns = count_words(control->columns),
        .line = line,
    };
    if (!self->open->service.p || !self->open->table.p || !self->open->columns.p)
        return refuse(self, "can't be kept: out of memory");
    return self->open->n_columns > 0 && self->open->n_columns <= ARCHIVE_MOST_COLUMNS
               ? true
               : refuse(self, "names no columns, or too many");
}

static bool end_table(struct verifying *self, int64_t rows, int64_t line)
{
    if (!self->open)
        return refuse(self, "ends a table, and none has begun");
    if (rows != self->open->rows) {
        buf_printf(&self->why, "says that the table %.*s has %lld rows, and %lld came", STR_ARG(self->open->table),
                   (long long)rows, (long long)self->open->rows);
        return false;
    }
    self->open->last_line = line;
    self->contents->rows += rows;
    self->open = NULL;
    return true;
}

static bool take_row(struct verifying *self, struct str text)
{
    struct sql_value row[ARCHIVE_MOST_COLUMNS];

    if (!self->open)
        return refuse(self, "is a row, and no table has begun");
    self->open->rows++;
    return archive_row_read(text, row, self->open->n_columns, &self->line, &self->why);
}

static bool take_line(struct verifying *self, struct str text, int64_t line)
{
    struct archive_control control;
    struct json_error error;

    if (self->is_complete)
        return refuse(self, "stands behind the line that says that the archive is complete");
    if (line == 1) { /* its texts point into it, or into the arena */
        struct str kept = arena_copy(self->arena, text);
        return kept.p ? archive_head_read(kept, &self->contents->head, self->arena, &self->why)
                      : refuse(self, "can't be kept: out of memory");
    }
    if (text.p[0] == '[')
        return take_row(self, text);
    if (!json_decode(&archive_control_desc, text, &control, &self->line, &error))
        return refuse(self, error.reason);
    if (control.service.n)
        return begin_table(self, &control, line);
    if (control.rows != JSON_ABSENT)
        return end_table(self, control.rows, line);
    if (self->open || control.lines != line)
        return refuse(self, "is none that can stand there");
    self->is_complete = true;
    return true;
}

static void say_line(struct verifying *self, const char *path, int64_t line, struct buf *problem)
{
    buf_printf(problem, "%s, line %lld: %.*s", path, (long long)line, STR_ARG(buf_str(&self->why)));
}

static bool verify(struct verifying *self, const char *path, struct archive_reader *reader,
                   struct archive_progress *progress, struct buf *problem)
{
    enum archive_reading reading;
    struct str text;

    while ((reading = archive_read_line(reader, &text)) == ARCHIVE_LINE) {
        if (!take_line(self, text, reader->line)) {
            say_line(self, path, reader->line, problem);
            return false;
        }
        arena_reset(&self->line);
        if (self->open && self->open->rows > 0 && self->open->rows % TELL_EACH == 0)
            progress->rows(progress, STR("verifying"), self->open->table, self->open->rows, false);
    }
    if (reading != ARCHIVE_ENDS || !self->is_complete) {
        archive_say_why(problem, path, reader, reading);
        return false;
    }
    self->contents->lines = reader->line;
    self->contents->sum = reader->chain;
    return true;
}

/* It is read twice, which a pipe isn't; not opened first, since that may wait for whoever writes into it. */
static bool can_be_read_twice(const char *path, struct buf *problem)
{
    struct stat is;

    if (stat(path, &is) != 0 || S_ISREG(is.st_mode))
        return true; /* what can't be looked at can't be opened either, which says why */
    buf_printf(problem,
               "%s is not a file: it is read twice, to verify it before anything is changed; put what comes out of a "
               "pipe into one first",
               path);
    return false;
}

bool archive_verify(const char *path, struct archive_contents *contents, struct archive_progress *progress,
                    struct arena *arena, struct buf *problem)
{
    struct verifying self = {.contents = contents, .arena = arena};

    *contents = (struct archive_contents){0};
    if (!can_be_read_twice(path, problem))
        return false;
    struct archive_reader reader = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (reader.fd < 0) {
        archive_say_why(problem, path, &reader, ARCHIVE_FAILS);
        return false;
    }
    arena_init(&self.line, 0);
    bool fine = verify(&self, path, &reader, progress, problem);
    arena_free(&self.line);
    archive_reader_free(&reader);
    buf_free(&self.why);
    close(reader.fd);
    return fine;
}
