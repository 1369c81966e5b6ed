#include "shop.h"

/* The name of a service may come first; then only its settings and the common ones are printed. */
static bool take_service(int *argc, char *const **argv, const struct program **service)
{
    struct buf problem = {0};

    *service = NULL;
    if (*argc == 0 || (*argv)[0][0] == '-')
        return true;
    *service = shop_find_program(str_of((*argv)[0]));
    if (!*service) {
        BUF_LIT(&problem, "there is no service ");
        buf_json_string(&problem, str_of((*argv)[0]));
        print_problem(&problem);
        buf_free(&problem);
        return false;
    }
    (*argc)--;
    (*argv)++;
    return true;
}

static void print_group(const struct setting_group *group, bool with_help, struct buf *out)
{
    if (with_help)
        config_print_help(group, 1, out);
    else
        config_print_values(group, 1, out);
}

int run_settings(int argc, char *const *argv)
{
    const struct program *service;
    struct shop_settings settings = {0};
    struct buf out = {0};
    bool wants_help = false;

    if (!take_service(&argc, &argv, &service))
        return EXIT_USAGE;
    int status = shop_settings_load(&settings, argc, argv, &wants_help);
    if (status == EXIT_OK) {
        for (size_t i = 0; i < settings.n_groups; i++) {
            if (!service || i == 0 || settings.groups[i].rows == service->rows)
                print_group(&settings.groups[i], wants_help, &out);
        }
        status = print_out(&out);
    }
    buf_free(&out);
    shop_settings_free(&settings);
    return status;
}
