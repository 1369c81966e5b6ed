/* feeds.c: `coffeeshop feeds SERVICE`: which feeds a running service follows, and going on behind a gap. */
#include "ask.h"
#include "shop.h"

static const char usage[] =
    "coffeeshop feeds SERVICE                   print which feeds SERVICE follows, how far, and what keeps it from "
    "that\n"
    "coffeeshop feeds SERVICE resume PRODUCER   go on with the oldest event that PRODUCER still keeps, when the ones "
    "before\n"
    "                                           it, which SERVICE needs, are gone (outbox.retain_hours)\n"
    "\n"
    "What the events in the gap said is never known to SERVICE: look what they were before (docs/operations.md).\n"
    "The service has to run; it is found by its own settings: --order.listen, --config and so on.\n"
    "Exit status: 0 it was done, 1 the service can't be asked or said no, 2 bad command line.\n";

struct wish {
    const struct program *service;
    struct str producer; /* empty: only look */
};

/* Takes the words in front of the settings. */
static bool read_wish(int *argc, char *const **argv, struct wish *wish)
{
    char *const *word = *argv;
    int n = 0;

    while (n < *argc && word[n][0] != '-')
        n++;
    *argc -= n;
    *argv += n;
    wish->service = n > 0 ? shop_find_program(str_of(word[0])) : NULL;
    if (n == 3 && str_is(str_of(word[1]), "resume"))
        wish->producer = str_of(word[2]);
    return wish->service && (n == 1 || wish->producer.n > 0);
}

static int work_on(const struct shop_settings *settings, const struct wish *wish)
{
    const char *listen = shop_listen_of(settings, wish->service);
    struct question question = {0};
    struct buf body = {0}, out = {0}, problem = {0};
    bool looks = wish->producer.n == 0;

    ask_begin(&question, listen, looks ? "/feeds" : "/feeds/resume");
    if (!looks) {
        BUF_LIT(&body, "{\"source\":");
        buf_json_string(&body, wish->producer);
        buf_char(&body, '}');
    }
    ask_service(&question, looks ? "GET" : "POST", buf_str(&body));
    bool fine = question.status == (looks ? 200 : 202);
    if (fine && looks) {
        buf_add(&out, buf_str(&question.reply));
        buf_char(&out, '\n');
    } else if (fine) {
        buf_printf(&out, "%s goes on with the oldest event that %.*s keeps\n", wish->service->name,
                   STR_ARG(wish->producer));
    } else {
        buf_printf(&problem, "%s, at %s: ", wish->service->name, listen);
        ask_add_reason(&question, &problem);
        print_problem(&problem);
    }
    if (print_out(&out) != EXIT_OK)
        fine = false;
    buf_free(&out);
    buf_free(&problem);
    buf_free(&body);
    buf_free(&question.url);
    buf_free(&question.reply);
    return fine ? EXIT_OK : EXIT_CANNOT;
}

int run_feeds(int argc, char *const *argv)
{
    struct shop_settings settings = {0};
    struct wish wish = {0};
    bool wants_help = false;
    bool understood = read_wish(&argc, &argv, &wish);

    if (!understood && !(argc == 1 && (str_is(str_of(argv[0]), "--help") || str_is(str_of(argv[0]), "-h"))))
        return print_usage(usage, EXIT_USAGE);
    int status = shop_settings_load(&settings, argc, argv, &wants_help);
    if (status == EXIT_OK)
        status = wants_help ? print_usage(usage, EXIT_OK) : work_on(&settings, &wish);
    shop_settings_free(&settings);
    return status;
}
