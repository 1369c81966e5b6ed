/* run_view.c: `coffeeshop view rebuild`: the customers' view made anew from the events. */
#include "shop.h"

#include "customercenter_main.h"
#include "data_dir.h"
#include "view_rebuild.h"

static const char usage[] =
    "coffeeshop view rebuild: the customers' view is made anew from the events of order, product and stock, which have "
    "to run.\n"
    "It takes the place of the old one when it is whole; the customercenter service may go on running meanwhile.\n"
    "It is found by the service's own settings: --data, customercenter.listen, customercenter.order_url and so on.\n";

static const struct customercenter_settings *settings_of(const struct shop_settings *settings)
{
    for (size_t i = 0; i < shop_programs_count; i++) {
        if (shop_programs[i] == &customercenter_program)
            return settings->program[i];
    }
    return NULL;
}

static int rebuild(const struct shop_settings *settings, struct buf *problem)
{
    if (!data_dir_prepare(settings->common.data, problem))
        return EXIT_CANNOT;
    return view_rebuild(&settings->common, settings_of(settings), problem);
}

int run_view(int argc, char *const *argv)
{
    struct shop_settings settings = {0};
    struct buf problem = {0};
    bool wants_help = false;

    if (argc < 1 || !str_is(str_of(argv[0]), "rebuild"))
        return print_usage(usage, argc == 1 && str_is(str_of(argv[0]), "--help") ? EXIT_OK : EXIT_USAGE);
    int status = shop_settings_load(&settings, argc - 1, argv + 1, &wants_help);
    if (status == EXIT_OK) {
        log_init("view", (enum log_level)settings.common.log_level, (enum log_format)settings.common.log_format);
        status = wants_help ? print_usage(usage, EXIT_OK) : rebuild(&settings, &problem);
    }
    if (problem.n > 0 || problem.failed)
        print_problem(&problem);
    buf_free(&problem);
    shop_settings_free(&settings);
    return status;
}
