/* import.c: `coffeeshop import FILE`: an exported shop into stores that are empty. */
#include "moving.h"

#include "service_files.h"

#include <errno.h>

static const char usage[] =
    "coffeeshop import FILE   fill an empty shop with what `coffeeshop export` has written to FILE\n"
    "\n"
    "The whole file is verified before anything is changed. The same command goes on with an import that was "
    "interrupted;\n"
    "until it is finished no service opens what it fills. The shop must not run, and must not keep anything yet.\n"
    "Where it is to be is said by its own settings: --data, --config and so on.\n"
    "Exit status: 0 it was done, 1 it wasn't, 2 bad command line.\n";

static bool open_all(struct moving *self, const struct shop_settings *settings, const struct archive_head *head)
{
    const struct archive_service *services = head->services.items;

    for (size_t i = 0; i < head->services.n; i++) {
        const struct program *program = shop_find_program(services[i].name);
        struct archive_opening opening = {.imports = true, .schema = services[i].schema};
        if (!program || !program->open_archive) {
            buf_printf(self->problem, "%s, line 1: this version of coffeeshop has no service %.*s that keeps anything",
                       self->path, STR_ARG(services[i].name));
            return false;
        }
        if (!moving_open(self, settings, program, &opening))
            return false;
    }
    return true;
}

/* Before the stores are whole: from then on they are held against it. */
static bool write_epochs(struct moving *self, const struct shop_settings *settings, const struct archive_head *head)
{
    const struct archive_service *services = head->services.items;

    for (size_t i = 0; i < head->services.n; i++) {
        if (!services[i].epoch || service_files_write_epoch(settings->common.data, self->parts[i].service,
                                                            (struct feed_cursor){.epoch = (uint64_t)services[i].epoch}))
            continue;
        buf_printf(self->problem, "%s/%s.epoch can't be written: %s; the same command goes on from there",
                   settings->common.data, self->parts[i].service, strerror(errno));
        return false;
    }
    return true;
}

static bool fill(struct moving *self, const struct shop_settings *settings, const struct archive_contents *contents)
{
    bool begun = false;

    if (!open_all(self, settings, &contents->head))
        return false;
    bool fine = archive_fill(self->path, contents, self->parts, &self->progress, &begun, self->problem) &&
                write_epochs(self, settings, &contents->head) &&
                archive_finish(self->parts, self->n_parts, self->problem);
    return fine;
}

static bool verify_and_fill(struct moving *self, const struct shop_settings *settings,
                            struct archive_contents *contents, struct arena *arena)
{
    struct buf line = {0}, out = {0};

    if (!archive_verify(self->path, contents, &self->progress, arena, self->problem))
        return false;
    buf_printf(&line, "%s is verified: %lld lines, written by version %.*s", self->path, (long long)contents->lines,
               STR_ARG(contents->head.version));
    moving_say(&line);
    if (!moving_lock(self, settings) || !fill(self, settings, contents))
        return false;
    buf_printf(&out, "%zu services, %lld rows: all of %s is here\n", self->n_parts, (long long)contents->rows,
               self->path);
    bool told = print_out(&out) == EXIT_OK;
    buf_free(&out);
    return told;
}

static bool work(struct moving *self, const struct shop_settings *settings)
{
    struct archive_contents *contents;
    struct arena arena;
    bool fine = false;

    arena_init(&arena, 0);
    contents = ARENA_NEW(&arena, struct archive_contents);
    if (contents)
        fine = verify_and_fill(self, settings, contents, &arena);
    else
        BUF_LIT(self->problem, "out of memory");
    arena_free(&arena);
    return fine;
}

int run_import(int argc, char *const *argv)
{
    return moving_run(argc, argv, "import", usage, work);
}
