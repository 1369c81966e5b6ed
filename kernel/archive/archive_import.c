#include "alloc.h"
#include "archive.h"
#include "archive_line.h"
#include "archive_reader.h"
#include "errors.h"

#include <fcntl.h>
#include <unistd.h>

enum { MOST_ROWS = 1024, MOST_BYTES = 512 * 1024, TELL_EACH = 10000 };

/* A store's way through the file. */
struct filling {
    bool is_empty;
    bool is_marked;
    int64_t line; /* up to which it has been filled */
};

struct importing {
    const char *path;
    const struct archive_contents *contents;
    const struct archive_part *parts;
    struct filling fillings[ARCHIVE_MOST_SERVICES];
    struct archive_progress *progress;
    struct buf *problem;
    bool *begun;
    /* the batch that is being gathered */
    size_t part;
    const struct archive_table *table;
    struct sql_value *rows;
    size_t n_rows, n_bytes;
    struct arena arena;
};

static bool fail(struct importing *self, size_t part, int64_t line, int error)
{
    buf_printf(self->problem, "%s, line %lld: what %s keeps can't be filled: %s; the same command goes on from there",
               self->path, (long long)line, self->parts[part].service, error_text(error));
    return false;
}

/* --- marks: the archive's checksum, and the last line that is in the store --- */

static void write_mark(const struct importing *self, int64_t line, struct buf *mark)
{
    buf_clear(mark);
    buf_printf(mark, "%016llx %lld", (unsigned long long)self->contents->sum, (long long)line);
}

static bool read_mark(const struct importing *self, struct str mark, int64_t *line)
{
    struct buf sum = {0};
    struct str number;

    buf_printf(&sum, "%016llx", (unsigned long long)self->contents->sum);
    bool ours = str_eq(str_split(mark, ' ', &number), buf_str(&sum)) && str_to_i64(number, line);
    buf_free(&sum);
    return ours;
}

static bool look_at(struct importing *self, size_t i)
{
    struct archive_store *store = self->parts[i].store;
    struct filling *filling = &self->fillings[i];
    struct buf mark = {0};

    int error = store->look(store, &mark, &filling->is_empty);
    filling->is_marked = mark.n > 0;
    bool ours = mark.n == 0 || read_mark(self, buf_str(&mark), &filling->line);
    buf_free(&mark);
    if (error)
        return fail(self, i, 1, error);
    if (!ours)
        buf_printf(self->problem,
                   "what %s keeps is half of another import: finish that one, or remove what it has written",
                   self->parts[i].service);
    return ours;
}

/* An import that is about to end has taken some marks away already; all that is left of them say so. */
static bool look_at_all(struct importing *self)
{
    size_t n = self->contents->head.services.n;
    bool is_ending = false;

    for (size_t i = 0; i < n; i++) {
        if (!look_at(self, i))
            return false;
        is_ending |= self->fillings[i].is_marked && self->fillings[i].line == self->contents->lines;
    }
    for (size_t i = 0; i < n; i++) {
        struct filling *filling = &self->fillings[i];
        if (filling->is_marked || filling->is_empty)
            continue;
        if (!is_ending) {
            buf_printf(self->problem,
                       "%s keeps something here already, and an import adds to nothing: give it a new data directory "
                       "(or an empty database)",
                       self->parts[i].service);
            return false;
        }
        filling->line = self->contents->lines;
    }
    return true;
}

static bool check_tables(struct importing *self)
{
    const struct archive_service *services = self->contents->head.services.items;

    for (size_t i = 0; i < self->contents->n_sections; i++) {
        const struct archive_section *section = &self->contents->sections[i];
        size_t part = 0;
        while (!str_eq(services[part].name, section->service))
            part++;
        const struct archive_table *table = archive_find_table(self->parts[part].store, section->table);
        if (table && str_eq(table->columns, section->columns))
            continue;
        buf_printf(self->problem, "%s, line %lld: ", self->path, (long long)section->line);
        if (table)
            buf_printf(self->problem, "the table %.*s of %.*s has other columns here: %.*s", STR_ARG(section->table),
                       STR_ARG(section->service), STR_ARG(table->columns));
        else
            buf_printf(self->problem, "%.*s has no table %.*s here", STR_ARG(section->service),
                       STR_ARG(section->table));
        return false;
    }
    return true;
}

static bool begin_all(struct importing *self)
{
    struct buf mark = {0};
    bool fine = true;

    write_mark(self, 0, &mark);
    for (size_t i = 0; i < self->contents->head.services.n && fine; i++) {
        struct archive_store *store = self->parts[i].store;
        if (self->fillings[i].is_marked || !self->fillings[i].is_empty)
            continue;
        *self->begun = true;
        int error = mark.failed ? E_MEMORY : store->begin(store, buf_str(&mark));
        fine = error ? fail(self, i, 1, error) : true;
    }
    buf_free(&mark);
    return fine;
}

/* --- batches --- */

static bool write_batch(struct importing *self, int64_t line)
{
    struct archive_store *store = self->parts[self->part].store;
    struct buf mark = {0};

    write_mark(self, line, &mark);
    *self->begun = true;
    int error = mark.failed ? E_MEMORY : store->write(store, self->table, self->rows, self->n_rows, buf_str(&mark));
    buf_free(&mark);
    self->n_rows = self->n_bytes = 0;
    arena_reset(&self->arena);
    return error ? fail(self, self->part, line, error) : true;
}

static bool add_row(struct importing *self, struct str text, int64_t line)
{
    size_t n = self->table->n_columns;
    struct str kept = arena_copy(&self->arena, text);
    struct buf why = {0};

    bool fine = kept.p && archive_row_read(kept, self->rows + self->n_rows * n, n, &self->arena, &why);
    if (!fine)
        buf_printf(self->problem, "%s, line %lld: %.*s", self->path, (long long)line,
                   STR_ARG(kept.p ? buf_str(&why) : STR("out of memory")));
    buf_free(&why);
    self->n_rows++;
    self->n_bytes += text.n;
    if (fine && (self->n_rows == MOST_ROWS || self->n_bytes >= MOST_BYTES))
        return write_batch(self, line);
    return fine;
}

static bool fill_table(struct importing *self, const struct archive_section *section, struct archive_reader *reader)
{
    int64_t filled = self->fillings[self->part].line;
    struct str text;
    int64_t n = 0;

    for (;;) {
        enum archive_reading reading = archive_read_line(reader, &text);
        if (reading != ARCHIVE_LINE) {
            archive_say_why(self->problem, self->path, reader, reading);
            return false;
        }
        if (reader->line > section->line && reader->line < section->last_line) {
            if (reader->line > filled && !add_row(self, text, reader->line))
                return false;
            if (++n % TELL_EACH == 0)
                self->progress->rows(self->progress, section->service, section->table, n, false);
        }
        if (reader->line == section->last_line)
            break;
    }
    if (self->n_rows > 0 && !write_batch(self, section->last_line - 1))
        return false;
    self->progress->rows(self->progress, section->service, section->table, section->rows, true);
    return true;
}

static bool fill_tables(struct importing *self, struct archive_reader *reader)
{
    const struct archive_service *services = self->contents->head.services.items;

    for (size_t i = 0; i < self->contents->n_sections; i++) {
        const struct archive_section *section = &self->contents->sections[i];
        self->part = 0;
        while (!str_eq(services[self->part].name, section->service))
            self->part++;
        self->table = archive_find_table(self->parts[self->part].store, section->table);
        if (!fill_table(self, section, reader))
            return false;
    }
    return true;
}

/* Only when every store has everything does any of them say that it has. */
static bool mark_all_filled(struct importing *self)
{
    for (size_t i = 0; i < self->contents->head.services.n; i++) {
        self->part = i;
        self->table = NULL;
        if (self->fillings[i].line < self->contents->lines && !write_batch(self, self->contents->lines))
            return false;
    }
    return true;
}

/* How far an interrupted run has got: the stores are filled one after the other. */
static int64_t filled_to(const struct importing *self)
{
    int64_t line = 0;

    for (size_t i = 0; i < self->contents->head.services.n; i++) {
        if (self->fillings[i].line > line)
            line = self->fillings[i].line;
    }
    return line;
}

static bool fill(struct importing *self)
{
    struct archive_reader reader = {.fd = open(self->path, O_RDONLY | O_CLOEXEC)};
    int64_t line = filled_to(self);

    if (reader.fd < 0) {
        archive_say_why(self->problem, self->path, &reader, ARCHIVE_FAILS);
        return false;
    }
    if (line)
        self->progress->goes_on(self->progress, self->path, line);
    bool fine = fill_tables(self, &reader);
    archive_reader_free(&reader);
    close(reader.fd);
    return fine && mark_all_filled(self);
}

bool archive_fill(const char *path, const struct archive_contents *contents, const struct archive_part *parts,
                  struct archive_progress *progress, bool *begun, struct buf *problem)
{
    struct importing self = {
        .path = path, .contents = contents, .parts = parts, .progress = progress, .problem = problem, .begun = begun};

    *begun = false;
    arena_init(&self.arena, 0);
    self.rows = heap_alloc(sizeof(*self.rows) * MOST_ROWS * ARCHIVE_MOST_COLUMNS);
    if (!self.rows)
        BUF_LIT(problem, "out of memory");
    bool fine = self.rows && look_at_all(&self) && check_tables(&self) && begin_all(&self) && fill(&self);
    heap_free(self.rows);
    arena_free(&self.arena);
    return fine;
}

bool archive_finish(const struct archive_part *parts, size_t n_parts, struct buf *problem)
{
    for (size_t i = 0; i < n_parts; i++) {
        int error = parts[i].store->end(parts[i].store);
        if (!error)
            continue;
        buf_printf(problem, "the import of what %s keeps can't be ended: %s; the same command does it",
                   parts[i].service, error_text(error));
        return false;
    }
    return true;
}
