#include "moving.h"

#include "clock.h"
#include "data_dir.h"
#include "service_files.h"

#include <unistd.h>

enum { TELL_EACH_MS = 1000 };

void moving_say(struct buf *line)
{
    buf_char(line, '\n');
    if (!line->failed)
        UNUSED(write(STDERR_FILENO, line->p, line->n)); /* nobody who reads it: no reason to stop */
    buf_free(line);
}

static void tell_rows(struct archive_progress *progress, struct str service, struct str table, int64_t rows, bool ends)
{
    struct moving *self = CONTAINER_OF(progress, struct moving, progress);
    int64_t now = clock_monotonic();
    struct buf line = {0};

    if (ends ? rows == 0 : now < self->told_at + TELL_EACH_MS * US_PER_MS)
        return;
    self->told_at = now;
    buf_printf(&line, "%.*s %.*s: %lld rows%s", STR_ARG(service), STR_ARG(table), (long long)rows,
               ends ? "" : " so far");
    moving_say(&line);
}

static void tell_going_on(struct archive_progress *progress, const char *path, int64_t at)
{
    struct buf line = {0};

    UNUSED(progress);
    buf_printf(&line, "going on behind line %lld of %s", (long long)at, path);
    moving_say(&line);
}

static bool keep_lock(struct moving *self, int fd)
{
    if (fd >= 0)
        self->locks[self->n_locks++] = fd;
    return fd >= 0;
}

bool moving_lock(struct moving *self, const struct shop_settings *settings)
{
    const char *data = settings->common.data;

    if (!data_dir_prepare(data, self->problem) || !keep_lock(self, data_dir_lock(data, self->problem)))
        return false;
    for (size_t i = 0; i < shop_programs_count; i++) {
        if (shop_programs[i]->open_archive &&
            !keep_lock(self, service_files_lock(data, shop_programs[i]->name, self->problem)))
            return false;
    }
    return true;
}

bool moving_open(struct moving *self, const struct shop_settings *settings, const struct program *program,
                 struct archive_opening *opening)
{
    struct archive_part *part = &self->parts[self->n_parts];
    size_t at = 0;

    while (shop_programs[at] != program)
        at++;
    *part = (struct archive_part){.service = program->name};
    part->store = program->open_archive(&settings->common, settings->program[at], opening, self->problem);
    self->n_parts += part->store != NULL;
    return part->store || opening->absent;
}

static int work_on(struct moving *self, const struct shop_settings *settings, moving_work *work)
{
    struct buf problem = {0};

    self->problem = &problem;
    bool fine = work(self, settings);
    for (size_t i = 0; i < self->n_parts; i++)
        self->parts[i].store->close(self->parts[i].store);
    while (self->n_locks > 0)
        close(self->locks[--self->n_locks]);
    if (problem.n > 0 || problem.failed)
        print_problem(&problem);
    buf_free(&problem);
    return fine ? EXIT_OK : EXIT_CANNOT;
}

int moving_run(int argc, char *const *argv, const char *doing, const char *usage, moving_work *work)
{
    struct moving moving = {.doing = doing, .progress = {.rows = tell_rows, .goes_on = tell_going_on}};
    struct shop_settings settings = {0};
    bool wants_help = false;
    bool has_path = argc > 0 && argv[0][0] != '-' && argv[0][0] != '\0';

    if (!has_path && !(argc == 1 && (str_is(str_of(argv[0]), "--help") || str_is(str_of(argv[0]), "-h"))))
        return print_usage(usage, EXIT_USAGE);
    int status = shop_settings_load(&settings, argc - has_path, argv + has_path, &wants_help);
    if (status == EXIT_OK) {
        log_init(doing, (enum log_level)settings.common.log_level, (enum log_format)settings.common.log_format);
        moving.path = argv[0];
        status = wants_help ? print_usage(usage, EXIT_OK) : work_on(&moving, &settings, work);
    }
    shop_settings_free(&settings);
    return status;
}
