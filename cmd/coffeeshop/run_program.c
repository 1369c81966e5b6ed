#include "shop.h"

#include "data_dir.h"

#include <unistd.h>

/* What one service needs of the shop's settings; the rest is known (one file configures the whole shop) but goes
 * nowhere. */
struct program_settings {
    struct arena arena;
    struct common_settings common;
    void *own;
};

static bool load(struct program_settings *settings, const struct program *program, int argc, char *const *argv,
                 bool *wants_help, struct buf *problem)
{
    const struct config_source source = {argc, argv, environ};
    const struct setting_group groups[] = {
        {program->rows, program->n_rows, settings->own},
        {common_settings_rows, common_settings_count, &settings->common},
    };
    size_t n_known = shop_programs_count + 1;
    struct setting_group *known = ARENA_ARRAY(&settings->arena, struct setting_group, n_known);

    if (!known) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    for (size_t i = 0; i < shop_programs_count; i++)
        known[i] = (struct setting_group){shop_programs[i]->rows, shop_programs[i]->n_rows, NULL};
    known[shop_programs_count] = (struct setting_group){up_rows, up_rows_count, NULL};
    return config_load(groups, COUNT_OF(groups), known, n_known, &source, &settings->arena, wants_help, problem);
}

static int print_help(const struct program *program)
{
    const struct setting_group groups[] = {
        {program->rows, program->n_rows, NULL},
        {common_settings_rows, common_settings_count, NULL},
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
