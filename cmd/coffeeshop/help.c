#include "shop.h"

static void write_line(struct buf *out, const char *name, const char *arguments, const char *doc)
{
    buf_printf(out, "  %-14s %-10s %s\n", name, arguments, doc);
}

static int refuse_arguments(const char *command)
{
    struct buf problem = {0};

    buf_printf(&problem, "`coffeeshop %s` takes no arguments", command);
    print_problem(&problem);
    buf_free(&problem);
    return EXIT_USAGE;
}

int run_help(int argc, char *const *argv)
{
    struct buf out = {0};

    UNUSED(argv);
    if (argc > 0)
        return refuse_arguments("help");
    BUF_LIT(&out,
            "coffeeshop: a coffee shop made of small services.\n\nUsage: coffeeshop COMMAND [--setting=value …]\n\n");
    BUF_LIT(&out, "Services, each a process of its own:\n");
    for (size_t i = 0; i < shop_programs_count; i++)
        write_line(&out, shop_programs[i]->name, "", shop_programs[i]->doc);
    BUF_LIT(&out, "\nCommands:\n");
    for (size_t i = 0; i < shop_commands_count; i++)
        write_line(&out, shop_commands[i].name, shop_commands[i].arguments, shop_commands[i].doc);
    BUF_LIT(&out,
            "\n`coffeeshop SERVICE --help` and `coffeeshop up --help` explain the settings.\n"
            "Exit status: 0 all went well, 1 it could not start or run, 2 the command line was not understood.\n");
    int status = print_out(&out);
    buf_free(&out);
    return status;
}

int run_version(int argc, char *const *argv)
{
    struct buf out = {0};

    UNUSED(argv);
    if (argc > 0)
        return refuse_arguments("version");
    BUF_LIT(&out, "coffeeshop " COFFEESHOP_VERSION "\n");
    int status = print_out(&out);
    buf_free(&out);
    return status;
}
