#include "shop.h"

#include "data_dir.h"
#include "original_messages.h"
#include "peer_urls.h"
#include "server_addresses.h"

#include <unistd.h>

/* What one service needs of the shop's settings. One file configures the whole shop: the other services' are read, too,
 * but all that matters of them is where they listen. */
struct program_settings {
    struct arena arena;
    struct common_settings common;
    void *own;
};

enum { GROUPS_OWN = 2, GROUPS_MOST = 16 };

static bool add_group(struct program_settings *settings, const struct setting *rows, size_t n_rows, void *into,
                      struct setting_group *groups, size_t *n)
{
    bool *given = ARENA_ARRAY(&settings->arena, bool, n_rows);

    ASSERT(*n < GROUPS_MOST);
    groups[(*n)++] = (struct setting_group){rows, n_rows, into, given};
    return given != NULL;
}

static bool load(struct program_settings *settings, const struct program *program, int argc, char *const *argv,
                 bool *wants_help, struct buf *problem)
{
    const struct config_source source = {argc, argv, environ};
    struct setting_group groups[GROUPS_MOST];
    size_t n = 0;

    /* the program's own and the common ones first: those may be flags */
    bool ok = add_group(settings, program->rows, program->n_rows, settings->own, groups, &n) &&
              add_group(settings, common_settings_rows, common_settings_count, &settings->common, groups, &n);
    for (size_t i = 0; ok && i < shop_programs_count; i++) {
        const struct program *peer = shop_programs[i];
        if (peer != program)
            ok = add_group(settings, peer->rows, peer->n_rows, arena_alloc(&settings->arena, peer->settings_size),
                           groups, &n);
    }
    ok = ok && add_group(settings, up_rows, up_rows_count, NULL, groups, &n);
    if (!ok) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    if (!config_load(groups, GROUPS_OWN, groups + GROUPS_OWN, n - GROUPS_OWN, &source, &settings->arena, wants_help,
                     problem))
        return false;
    if (!*wants_help && !server_addresses_check(groups, GROUPS_OWN, problem))
        return false;
    ok = *wants_help || peer_urls_derive(groups, n, &settings->arena);
    if (!ok)
        BUF_LIT(problem, "out of memory");
    return ok;
}

static int print_help(const struct program *program)
{
    const struct setting_group groups[] = {
        {program->rows, program->n_rows, NULL, NULL},
        {common_settings_rows, common_settings_count, NULL, NULL},
    };
    struct buf out = {0};

    buf_printf(&out,
               "coffeeshop %s: %s\n\nA setting is a flag, the environment variable COFFEESHOP_… or a line of the file "
               "given by --config FILE;\na flag beats the environment, which beats the file.\n\n",
               program->name, program->doc);
    config_print_help(groups, COUNT_OF(groups), &out);
    int status = print_out(&out);
    buf_free(&out);
    return status;
}

static int run(const struct program *program, const struct program_settings *settings, struct buf *problem)
{
    log_init(program->name, (enum log_level)settings->common.log_level, (enum log_format)settings->common.log_format);
    if (!data_dir_prepare(settings->common.data, problem))
        return EXIT_CANNOT;
    return program->run(program, &settings->common, settings->own, problem);
}

int run_program(const struct program *program, int argc, char *const *argv)
{
    struct program_settings settings = {0};
    struct buf problem = {0};
    bool wants_help = false;
    int status = EXIT_USAGE;

    arena_init(&settings.arena, 0);
    settings.common.foreign = original_messages;
    settings.own = arena_alloc(&settings.arena, program->settings_size);
    if (!settings.own) {
        BUF_LIT(&problem, "out of memory");
        status = EXIT_CANNOT;
    } else if (load(&settings, program, argc, argv, &wants_help, &problem)) {
        status = wants_help ? print_help(program) : run(program, &settings, &problem);
    }
    if (problem.n > 0 || problem.failed)
        print_problem(&problem);
    buf_free(&problem);
    arena_free(&settings.arena);
    return status;
}
