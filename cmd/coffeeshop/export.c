/* export.c: `coffeeshop export FILE`: a stopped shop as one file. */
#include "moving.h"

#include "service_files.h"

#include <unistd.h>

static const char usage[] =
    "coffeeshop export FILE   write all that the shop keeps, of all services together, to FILE: JSON Lines with "
    "checksums\n"
    "\n"
    "The shop has to be stopped; nothing of it is changed. Until it is complete the file is called FILE.partial; the "
    "same\n"
    "command goes on with one that was interrupted. FILE has customers' data in it: nobody else may read it.\n"
    "The shop is found by its own settings: --data, --config and so on.\n"
    "Exit status: 0 it was done, 1 it wasn't, 2 bad command line.\n";

static void take_epoch(struct archive_part *part, const char *data)
{
    struct feed_cursor noted;

    if (service_files_read_epoch(data, part->service, &noted) && noted.epoch <= INT64_MAX)
        part->epoch = (int64_t)noted.epoch;
}

/* A store that is gone while the epoch says that there was one is a loss, and no shop without that service. */
static bool is_lost(const struct moving *self, const char *data, const char *service)
{
    struct feed_cursor noted;

    if (!service_files_read_epoch(data, service, &noted))
        return false;
    buf_printf(self->problem,
               "what %s has kept in %s is gone (its %s.epoch is there): put the whole directory back from one backup "
               "(docs/operations.md, Restore)",
               service, data, service);
    return true;
}

static bool open_all(struct moving *self, const struct shop_settings *settings)
{
    for (size_t i = 0; i < shop_programs_count; i++) {
        const struct program *program = shop_programs[i];
        struct archive_opening opening = {0};
        struct buf line = {0};
        if (!program->open_archive)
            continue;
        if (!moving_open(self, settings, program, &opening))
            return false;
        if (!opening.absent) {
            take_epoch(&self->parts[self->n_parts - 1], settings->common.data);
            continue;
        }
        if (is_lost(self, settings->common.data, program->name))
            return false;
        buf_printf(&line, "%s keeps nothing here: it is left out", program->name);
        moving_say(&line);
    }
    if (self->n_parts == 0)
        buf_printf(self->problem, "there is no shop in %s", settings->common.data);
    return self->n_parts > 0;
}

static bool work(struct moving *self, const struct shop_settings *settings)
{
    struct buf out = {0};
    int64_t rows = 0;

    if (!settings->common.store_sql[0] && access(settings->common.data, F_OK) != 0) {
        buf_printf(self->problem, "there is no shop in %s", settings->common.data);
        return false;
    }
    if (!moving_lock(self, settings) || !open_all(self, settings) ||
        !archive_export(self->path, self->parts, self->n_parts, &self->progress, &rows, self->problem))
        return false;
    buf_printf(&out, "%zu services, %lld rows: %s is complete\n", self->n_parts, (long long)rows, self->path);
    bool told = print_out(&out) == EXIT_OK;
    buf_free(&out);
    return told;
}

int run_export(int argc, char *const *argv)
{
    return moving_run(argc, argv, "export", usage, work);
}
