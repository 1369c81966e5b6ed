/* dead_letters.c: `coffeeshop dead-letters SERVICE`: what a running service has put aside, and trying it again. */
#include "ask.h"
#include "cell.h"
#include "dead_letters_topic.h"
#include "json.h"
#include "shop.h"

enum { MAX_SOURCE = 64 };

static const char usage[] =
    "coffeeshop dead-letters SERVICE                          list the events that SERVICE has put aside, and why\n"
    "coffeeshop dead-letters SERVICE replay SOURCE POSITION   try one of them again; of a shop of several cells its "
    "CELL behind it\n"
    "coffeeshop dead-letters SERVICE replay all               try all of them again\n"
    "coffeeshop dead-letters topic                            list what can't be read of Kafka's topic (kafka.*)\n"
    "\n"
    "The service has to run; it is found by its own settings: --order.listen, --config and so on. What is refused "
    "again\n"
    "is put aside again. Exit status: 0 all went well, 1 the service can't be asked or said no, 2 bad command line.\n";

/* ---- the letters ---- */

struct letter {
    struct str source, at, reason, event;
    int64_t cell, position;
};
static const struct json_field letter_fields[] = {
    JSON_FIELD(struct letter, "cell", cell, JSON_I64, 0, 0, CELLS_MOST - 1), /* of one cell it isn't said */
    JSON_FIELD(struct letter, "source", source, JSON_STRING, JSON_REQUIRED, 1, MAX_SOURCE),
    JSON_FIELD(struct letter, "position", position, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    JSON_FIELD(struct letter, "at", at, JSON_STRING, JSON_REQUIRED, 1, MAX_SOURCE),
    JSON_FIELD(struct letter, "reason", reason, JSON_STRING, JSON_REQUIRED, 0, INT64_MAX),
    JSON_FIELD(struct letter, "event", event, JSON_STRING, JSON_REQUIRED, 0, INT64_MAX),
};
static const struct json_desc letter_desc = {"dead letter", letter_fields, COUNT_OF(letter_fields),
                                             sizeof(struct letter)};

struct embedded {
    struct json_array letters;
};
static const struct json_field embedded_fields[] = {
    JSON_FIELD_OF(struct embedded, "deadLetters", letters, JSON_ARRAY, JSON_REQUIRED, &letter_desc, 0),
};
static const struct json_desc embedded_desc = {"_embedded", embedded_fields, COUNT_OF(embedded_fields),
                                               sizeof(struct embedded)};

struct page {
    struct embedded embedded;
};
static const struct json_field page_fields[] = {
    JSON_FIELD_OF(struct page, "_embedded", embedded, JSON_OBJECT, JSON_REQUIRED, &embedded_desc, 0),
};
static const struct json_desc page_desc = {"list", page_fields, COUNT_OF(page_fields), sizeof(struct page)};

/* What a command works on: a service, where it listens, and what is said at the end. */
struct work {
    const char *service, *listen;
    struct question question;
    struct buf out, problem;
    size_t n, n_failed;
};

static bool fail(struct work *work)
{
    buf_printf(&work->problem, "%s, at %s: ", work->service, work->listen);
    ask_add_reason(&work->question, &work->problem);
    return false;
}

/* As it is typed to try it again. */
static void add_place(struct buf *out, struct str source, int64_t position, int64_t cell)
{
    buf_printf(out, "%.*s %lld", STR_ARG(source), (long long)position);
    if (cell)
        buf_printf(out, " %lld", (long long)cell);
}

static void print_letter(struct work *work, const struct letter *letter)
{
    add_place(&work->out, letter->source, letter->position, letter->cell);
    buf_printf(&work->out, "  %.*s  %.*s\n    ", STR_ARG(letter->at), STR_ARG(letter->reason));
    dead_letters_add_text(&work->out, letter->event);
    buf_char(&work->out, '\n');
}

static bool replay(struct work *work, struct str source, int64_t position, int64_t cell)
{
    struct buf body = {0};

    ask_begin(&work->question, work->listen, "/dead-letters/replay");
    BUF_LIT(&body, "{\"source\":");
    buf_json_string(&body, source);
    buf_printf(&body, ",\"position\":%lld,\"cell\":%lld}", (long long)position, (long long)cell);
    ask_service(&work->question, "POST", buf_str(&body));
    buf_free(&body);
    if (!work->question.status)
        return fail(work);
    add_place(&work->out, source, position, cell);
    BUF_LIT(&work->out, ": ");
    if (work->question.status == 202) {
        BUF_LIT(&work->out, "is tried again");
    } else {
        ask_add_reason(&work->question, &work->out);
        work->n_failed++;
    }
    buf_char(&work->out, '\n');
    return true;
}

/* Goes through all letters, a page after the other, always behind the last one seen: one that is put aside again while
 * this runs isn't met twice. */
static bool for_each(struct work *work, bool again)
{
    struct buf source = {0};
    int64_t position = 0, cell = 0;
    bool fine = true, more = true;

    while (fine && more) {
        struct arena arena;
        struct page page;
        struct json_error error;

        arena_init(&arena, 0);
        ask_begin(&work->question, work->listen, "/dead-letters?source=");
        buf_url(&work->question.url, buf_str(&source));
        buf_printf(&work->question.url, "&position=%lld&cell=%lld", (long long)position, (long long)cell);
        ask_service(&work->question, "GET", (struct str){NULL, 0});
        fine = work->question.status == 200 &&
               json_decode(&page_desc, buf_str(&work->question.reply), &page, &arena, &error);
        if (!fine)
            fail(work);
        more = fine && page.embedded.letters.n > 0;
        for (size_t i = 0; fine && i < page.embedded.letters.n; i++) {
            const struct letter *letter = (const struct letter *)page.embedded.letters.items + i;
            work->n++;
            position = letter->position;
            cell = letter->cell;
            buf_clear(&source);
            buf_add(&source, letter->source);
            if (again)
                fine = replay(work, buf_str(&source), position, cell);
            else
                print_letter(work, letter);
        }
        arena_free(&arena);
    }
    if (fine && work->n == 0)
        buf_printf(&work->out, "%s has no dead letters\n", work->service);
    buf_free(&source);
    return fine;
}

/* ---- the command line ---- */

struct wish {
    const struct program *service;
    bool topic;
    bool again, all;
    struct str source;
    int64_t position, cell;
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
    wish->topic = n == 1 && str_is(str_of(word[0]), "topic");
    if (wish->topic)
        return true;
    wish->service = n > 0 ? shop_find_program(str_of(word[0])) : NULL;
    if (!wish->service || n > 5)
        return false;
    if (n == 1)
        return true;
    wish->again = str_is(str_of(word[1]), "replay");
    wish->all = n == 3 && str_is(str_of(word[2]), "all");
    if (wish->all)
        return wish->again;
    if (n < 4 || (n == 5 && !str_to_i64(str_of(word[4]), &wish->cell)))
        return false;
    wish->source = str_of(word[2]);
    return wish->again && str_to_i64(str_of(word[3]), &wish->position);
}

static int work_on(const struct shop_settings *settings, const struct wish *wish)
{
    struct work work = {.service = wish->service->name, .listen = shop_listen_of(settings, wish->service)};
    bool fine;

    if (wish->again && !wish->all)
        fine = replay(&work, wish->source, wish->position, wish->cell);
    else
        fine = for_each(&work, wish->again);
    if (print_out(&work.out) != EXIT_OK)
        fine = false;
    if (work.problem.n || work.problem.failed)
        print_problem(&work.problem);
    buf_free(&work.out);
    buf_free(&work.problem);
    buf_free(&work.question.url);
    buf_free(&work.question.reply);
    return fine && work.n_failed == 0 ? EXIT_OK : EXIT_CANNOT;
}

int run_dead_letters(int argc, char *const *argv)
{
    struct shop_settings settings = {0};
    struct wish wish = {0};
    bool wants_help = false;
    bool understood = read_wish(&argc, &argv, &wish);

    if (!understood && !(argc == 1 && (str_is(str_of(argv[0]), "--help") || str_is(str_of(argv[0]), "-h"))))
        return print_usage(usage, EXIT_USAGE);
    int status = shop_settings_load(&settings, argc, argv, &wants_help);
    if (status == EXIT_OK && wants_help)
        status = print_usage(usage, EXIT_OK);
    else if (status == EXIT_OK)
        status = wish.topic ? dead_letters_print_topic(&settings) : work_on(&settings, &wish);
    shop_settings_free(&settings);
    return status;
}
