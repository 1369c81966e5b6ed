/* main.c: the command line: one table of commands, one of services. */
#include "shop.h"

#include "customercenter_main.h"
#include "gateway_main.h"
#include "open_files.h"
#include "order_main.h"
#include "payment_main.h"
#include "product_main.h"
#include "stock_main.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PROGRAM(name) &name##_program,
const struct program *const shop_programs[] = {
#include "programs.def"
};
#undef PROGRAM
const size_t shop_programs_count = COUNT_OF(shop_programs);

const struct command_row shop_commands[] = {
    {"up", "", "Run the whole shop: every service and the gateway, started again when they die.", run_up},
    {"settings", "[SERVICE]", "Print every setting with the value that up would use, as --config reads it.",
     run_settings},
    {"view", "rebuild", "Make the customers' view anew from the events.", run_view},
    {"dead-letters", "SERVICE", "List the events that a service has put aside, or try them again.", run_dead_letters},
    {"feeds", "SERVICE", "Show which feeds a service follows, or let it go on behind a gap in one.", run_feeds},
    {"export", "FILE", "Write a stopped shop, all that it keeps, to one file.", run_export},
    {"import", "FILE", "Fill an empty shop with what was exported.", run_import},
    {"version", "", "Print the version.", run_version},
    {"help", "", "Print this.", run_help},
};
const size_t shop_commands_count = COUNT_OF(shop_commands);

static const struct command_row *find_command(struct str name)
{
    for (size_t i = 0; i < shop_commands_count; i++) {
        if (str_is(name, shop_commands[i].name))
            return &shop_commands[i];
    }
    return NULL;
}

static int refuse(const char *command)
{
    struct buf problem = {0};

    BUF_LIT(&problem, "there is no command ");
    buf_json_string(&problem, str_of(command));
    BUF_LIT(&problem, "; `coffeeshop --help` lists them");
    print_problem(&problem);
    buf_free(&problem);
    return EXIT_USAGE;
}

/* Whoever starts us may have closed the standard streams: then a database would get the descriptor 2, and the log would
 * be written into it. And whoever read them may go away: that is an error of a write, not the end of a shop. */
static void take_streams(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    take_streams();
    prctl(PR_SET_NAME, "coffeeshop"); /* a child of `up` was started as /proc/self/exe, and would be listed as "exe" */
    (void)open_files_raise();         /* before anything is started that inherits it */
    if (argc < 2) {
        run_help(0, argv);
        return EXIT_USAGE;
    }
    struct str name = str_of(argv[1]);
    if (str_is(name, "--help") || str_is(name, "-h"))
        name = STR("help");
    if (str_is(name, "--version"))
        name = STR("version");

    const struct program *program = shop_find_program(name);
    if (program)
        return run_program(program, argc - 2, argv + 2);
    const struct command_row *command = find_command(name);
    return command ? command->run(argc - 2, argv + 2) : refuse(argv[1]);
}
