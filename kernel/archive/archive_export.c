#include "archive.h"
#include "archive_line.h"
#include "archive_resume.h"
#include "archive_writer.h"
#include "errors.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STOP = -1, TELL_EACH = 10000 };

struct exporting {
    const char *path; /* of the partial file */
    const struct archive_part *parts;
    size_t n_parts;
    struct archive_progress *progress;
    struct archive_writer writer;
    struct archive_resumed resumed;
    const struct archive_part *part; /* that is being read */
    const struct archive_table *table;
    int64_t rows, all_rows;
    struct buf head; /* the first line, without its end */
    struct buf *problem;
};

static bool fail_writing(struct exporting *self, int error)
{
    buf_printf(self->problem, "%s can't be written: %s; the same command goes on from there", self->path,
               strerror(error));
    return false;
}

static bool fail_reading(struct exporting *self, int error)
{
    buf_printf(self->problem, "what %s keeps can't be read: %s", self->part->service, error_text(error));
    return false;
}

static bool end_line(struct exporting *self)
{
    int error = archive_writer_end_line(&self->writer);

    return error ? fail_writing(self, error) : true;
}

/* --- the head: the same as long as nothing has changed --- */

static bool write_states(struct exporting *self, struct archive_service *services, struct buf *states)
{
    uint64_t state = 0;

    for (size_t i = 0; i < self->n_parts; i++) {
        self->part = &self->parts[i];
        int error = self->part->store->state(self->part->store, &state);
        if (error)
            return fail_reading(self, error);
        buf_printf(states, "%016llx", (unsigned long long)state);
    }
    for (size_t i = 0; i < self->n_parts && !states->failed; i++)
        services[i] = (struct archive_service){
            .name = str_of(self->parts[i].service),
            .schema = self->parts[i].store->schema,
            .epoch = self->parts[i].epoch,
            .state = {states->p + i * ARCHIVE_SUM_DIGITS, ARCHIVE_SUM_DIGITS},
        };
    return true;
}

static bool write_head(struct exporting *self, struct buf *line)
{
    struct archive_service services[ARCHIVE_MOST_SERVICES];
    struct buf states = {0};

    bool fine = write_states(self, services, &states);
    if (fine) {
        const struct archive_head head = {.coffeeshop = STR("archive"),
                                          .format = ARCHIVE_FORMAT,
                                          .version = STR(COFFEESHOP_VERSION),
                                          .cells = ARCHIVE_CELLS,
                                          .services = {services, self->n_parts}};
        archive_head_write(line, &head);
    }
    buf_free(&states);
    return fine;
}

/* --- tables --- */

static int on_row(void *context, const struct sql_value *row)
{
    struct exporting *self = context;

    archive_row_write(&self->writer.line, row, self->table->n_columns);
    if (!end_line(self))
        return STOP;
    self->rows++;
    if (self->rows % TELL_EACH == 0)
        self->progress->rows(self->progress, str_of(self->part->service), self->table->name, self->rows, false);
    return 0;
}

static bool read_rows(struct exporting *self, const struct sql_value *after)
{
    struct archive_store *store = self->part->store;

    int error = store->read(store, self->table, after, on_row, self);
    if (error == STOP)
        return false; /* it has been said why */
    return error ? fail_reading(self, error) : true;
}

/* Behind the last row that is in the file already. */
static bool go_on(struct exporting *self, struct archive_resumed *resumed)
{
    struct sql_value row[ARCHIVE_MOST_COLUMNS];
    struct arena arena;
    struct buf why = {0};

    arena_init(&arena, 0);
    self->rows = resumed->rows;
    bool fine = archive_row_read(buf_str(&resumed->last), row, self->table->n_columns, &arena, &why);
    if (fine)
        fine = read_rows(self, row);
    else
        buf_printf(self->problem, "%s, line %lld: %.*s", self->path, (long long)resumed->lines, STR_ARG(buf_str(&why)));
    arena_free(&arena);
    buf_free(&why);
    return fine;
}

static bool export_table(struct exporting *self, bool has_begun)
{
    bool fine = true;

    self->rows = 0;
    if (!has_begun) {
        archive_table_write(&self->writer.line, str_of(self->part->service), self->table->name, self->table->columns);
        fine = end_line(self);
    }
    if (fine)
        fine = has_begun && self->resumed.last.n ? go_on(self, &self->resumed) : read_rows(self, NULL);
    if (!fine)
        return false;
    archive_rows_write(&self->writer.line, self->rows);
    self->all_rows += self->rows;
    self->progress->rows(self->progress, str_of(self->part->service), self->table->name, self->rows, true);
    return end_line(self);
}

static bool export_tables(struct exporting *self)
{
    size_t index = 0;

    for (size_t i = 0; i < self->n_parts; i++) {
        self->part = &self->parts[i];
        for (size_t k = 0; k < self->part->store->n_tables; k++, index++) {
            self->table = &self->part->store->tables[k];
            if (index < self->resumed.tables)
                continue;
            if (!export_table(self, index == self->resumed.tables && self->resumed.has_begun))
                return false;
        }
    }
    archive_complete_write(&self->writer.line, self->writer.lines + 1);
    return end_line(self);
}

/* --- the file --- */

static bool take_up(struct exporting *self)
{
    struct archive_resumed *resumed = &self->resumed;
    struct buf line = {0};
    uint64_t chain = 0;

    buf_add(&line, buf_str(&self->head));
    archive_line_end(&line, &chain);
    bool fine = archive_resume(self->writer.fd, self->path, buf_str(&line), resumed, self->problem);
    buf_free(&line);
    if (!fine)
        return false;
    if (ftruncate(self->writer.fd, resumed->bytes) != 0 || lseek(self->writer.fd, resumed->bytes, SEEK_SET) < 0)
        return fail_writing(self, errno);
    self->writer.chain = resumed->chain;
    self->writer.lines = resumed->lines;
    self->all_rows = resumed->all_rows;
    if (resumed->lines)
        self->progress->goes_on(self->progress, self->path, resumed->lines);
    return true;
}

/* Locks are this machine's; a store on a server may be used from another one. */
static bool nothing_has_changed(struct exporting *self)
{
    struct buf head = {0};

    bool fine = write_head(self, &head);
    if (fine && !str_eq(buf_str(&head), buf_str(&self->head))) {
        BUF_LIT(self->problem, "the shop has been used while it was exported: stop all of it, wherever it runs, and "
                               "export it anew");
        fine = false;
    }
    buf_free(&head);
    return fine;
}

static bool write_all(struct exporting *self)
{
    bool fine = write_head(self, &self->head) && take_up(self);

    if (fine && self->resumed.lines == 0) {
        buf_add(&self->writer.line, buf_str(&self->head));
        fine = end_line(self);
    }
    if (fine && !self->resumed.is_complete)
        fine = export_tables(self);
    if (!fine || !nothing_has_changed(self))
        return false;
    int error = archive_writer_sync(&self->writer);
    return error ? fail_writing(self, error) : true;
}

static bool name_it(struct exporting *self, const char *path)
{
    int error = rename(self->path, path) == 0 ? file_sync_parent(path) : errno;

    if (error)
        buf_printf(self->problem, "%s can't be renamed to %s: %s", self->path, path, strerror(error));
    return error == 0;
}

bool archive_export(const char *path, const struct archive_part *parts, size_t n_parts,
                    struct archive_progress *progress, int64_t *rows, struct buf *problem)
{
    struct exporting self = {.parts = parts, .n_parts = n_parts, .progress = progress, .problem = problem};
    struct buf name = {0};

    ASSERT(n_parts <= ARCHIVE_MOST_SERVICES);
    buf_printf(&name, "%s.partial%c", path, '\0');
    if (name.failed || access(path, F_OK) == 0) {
        buf_printf(problem, "%s is there already: remove it, or name another file", path);
        buf_free(&name);
        return false;
    }
    self.path = name.p;
    self.writer.fd = open(name.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool fine = self.writer.fd >= 0 ? write_all(&self) : fail_writing(&self, errno);
    if (self.writer.fd >= 0)
        close(self.writer.fd);
    fine = fine && name_it(&self, path);
    *rows = self.all_rows;
    archive_writer_free(&self.writer);
    buf_free(&self.head);
    buf_free(&self.resumed.last);
    buf_free(&name);
    return fine;
}
