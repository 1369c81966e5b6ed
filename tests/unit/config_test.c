/* Settings: where they come from, which wins, and what is said of those that make no sense. */
#include "alloc.h"
#include "base.h"
#include "config.h"
#include "config_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

struct kitchen {
    int64_t brew_ms, max_body, cups, mode;
    bool open;
    const char *name, *listen, *stock_url, *order_urls, *peer_url, *secret, *server;
};

static const struct setting kitchen_rows[] = {
    SETTING(struct kitchen, brew_ms, "product.brew_ms", SETTING_MS, "5000", 0, 60000, "How long."),
    SETTING(struct kitchen, max_body, "http.max_body", SETTING_BYTES, "64KiB", 64, 1 << 30, "How large."),
    SETTING(struct kitchen, cups, "cups", SETTING_INT, "-3", -10, 10, "How many."),
    SETTING(struct kitchen, open, "open", SETTING_BOOL, "yes", 0, 0, "Whether."),
    SETTING(struct kitchen, name, "name", SETTING_TEXT, "Kim's", 0, 20, "Whose."),
    SETTING(struct kitchen, listen, "product.listen", SETTING_LISTEN, "127.0.0.1:8082", 0, 0, "Where."),
    SETTING(struct kitchen, stock_url, "product.stock_url", SETTING_URL, "http://127.0.0.1:8083", 1, 0,
            "Where stock is."),
    SETTING(struct kitchen, order_urls, "product.order_urls", SETTING_URLS, "http://127.0.0.1:8081", 1, 0,
            "Where the replicas of order are."),
    SETTING(struct kitchen, peer_url, "product.peer_url", SETTING_URL, "", 0, 0, "Where a peer is."),
    SETTING(struct kitchen, server, "product.server", SETTING_SERVER, "", 0, 100, "Where a server is."),
    SETTING(struct kitchen, secret, "product.secret", SETTING_SECRET, "", 8, 20, "What nobody may know."),
    {.name = "product.mode",
     .type = SETTING_CHOICE,
     .fallback = "auto",
     .choices = "auto|manual",
     .doc = "Who.",
     .offset = offsetof(struct kitchen, mode)},
};
static const struct setting other_rows[] = {
    {.name = "order.taste", .type = SETTING_INT, .fallback = "1", .min = 1, .max = 5, .doc = "Another service's."},
    {.name = "order.secret", .type = SETTING_SECRET, .fallback = "", .min = 8, .max = 20, .doc = "Another one's."},
};

/* One reading of settings, its result, and what was said. */
struct reading {
    struct kitchen kitchen;
    struct arena arena;
    struct buf problem;
    bool ok, wants_help;
    bool ran_out; /* the allocation asked to fail did */
};

enum { MOST = 8 };

/* `fail_at`: which allocation fails; 0: none. */
static void read_short_of_memory(struct reading *reading, char *const *flags, char *const *environment,
                                 uint64_t fail_at)
{
    struct setting_group mine = {kitchen_rows, COUNT_OF(kitchen_rows), &reading->kitchen, NULL};
    struct setting_group others = {other_rows, COUNT_OF(other_rows), NULL, NULL};
    struct config_source source = {0, flags, environment};

    *reading = (struct reading){.ok = false};
    mine.into = &reading->kitchen;
    arena_init(&reading->arena, 0);
    while (flags[source.argc])
        source.argc++;
    buf_reserve(&reading->problem, 1);
    heap_fail_at(fail_at);
    reading->ok = config_load(&mine, 1, &others, 1, &source, &reading->arena, &reading->wants_help, &reading->problem);
    reading->ran_out = fail_at && heap_has_failed();
    heap_fail_at(0);
    buf_char(&reading->problem, '\0');
    assert_int_equal(reading->ok, reading->problem.n == 1);
}

static void read_settings(struct reading *reading, char *const *flags, char *const *environment)
{
    read_short_of_memory(reading, flags, environment, 0);
}

static void put_away(struct reading *reading)
{
    arena_free(&reading->arena);
    buf_free(&reading->problem);
}

#define FLAGS(...) ((char *[MOST]){__VA_ARGS__})
#define ENVIRONMENT(...) ((char *[MOST]){__VA_ARGS__})

static void assert_refused(char *const *flags, char *const *environment, const char *sentence)
{
    struct reading reading;

    read_settings(&reading, flags, environment);
    assert_false(reading.ok);
    assert_string_equal(reading.problem.p, sentence);
    put_away(&reading);
}

/* A file with that text, whose flag --config=… is in `flag`. */
struct file {
    char path[32];
    struct buf flag;
};

static void write_file(struct file *file, const char *text)
{
    *file = (struct file){.path = "/tmp/config_test.XXXXXX"};
    int fd = mkstemp(file->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    buf_printf(&file->flag, "--config=%s", file->path);
}

static void remove_file(struct file *file)
{
    unlink(file->path);
    buf_free(&file->flag);
}

static void assert_file_refused(const char *text, const char *sentence)
{
    struct file file;
    struct buf whole = {0};

    write_file(&file, text);
    buf_printf(&whole, "%s%s", file.path, sentence);
    assert_refused(FLAGS(file.flag.p), ENVIRONMENT(NULL), whole.p);
    buf_free(&whole);
    remove_file(&file);
}

static void what_nobody_sets_has_its_default(void **state)
{
    struct reading reading;
    UNUSED(state);

    read_settings(&reading, FLAGS(NULL), ENVIRONMENT("HOME=/", "COFFEE=1", NULL));
    assert_true(reading.ok);
    assert_int_equal(reading.kitchen.brew_ms, 5000);
    assert_int_equal(reading.kitchen.max_body, 65536);
    assert_int_equal(reading.kitchen.cups, -3);
    assert_int_equal(reading.kitchen.mode, 0);
    assert_true(reading.kitchen.open);
    assert_string_equal(reading.kitchen.name, "Kim's");
    assert_string_equal(reading.kitchen.listen, "127.0.0.1:8082");
    assert_string_equal(reading.kitchen.peer_url, "");
    put_away(&reading);
}

static void a_flag_takes_its_value_behind_an_equals_sign_or_a_blank(void **state)
{
    struct reading reading;
    UNUSED(state);

    read_settings(&reading, FLAGS("--product.brew_ms=0", "--cups", "-10", "--name=", "--open", "off"),
                  ENVIRONMENT(NULL));
    assert_true(reading.ok);
    assert_int_equal(reading.kitchen.brew_ms, 0);
    assert_int_equal(reading.kitchen.cups, -10);
    assert_string_equal(reading.kitchen.name, "");
    assert_false(reading.kitchen.open);
    put_away(&reading);
}

static void a_flag_beats_the_environment_which_beats_the_file(void **state)
{
    struct reading reading;
    struct file file;
    UNUSED(state);

    write_file(&file, "cups = 1\nname = file\nproduct.brew_ms = 1\n");
    read_settings(&reading, FLAGS("--cups=3", file.flag.p),
                  ENVIRONMENT("COFFEESHOP_CUPS=2", "COFFEESHOP_NAME=environment", NULL));
    assert_true(reading.ok);
    assert_int_equal(reading.kitchen.cups, 3);
    assert_string_equal(reading.kitchen.name, "environment");
    assert_int_equal(reading.kitchen.brew_ms, 1);
    put_away(&reading);
    remove_file(&file);
}

static void the_environment_can_name_the_file(void **state)
{
    struct reading reading;
    struct file file;
    struct buf variable = {0};
    UNUSED(state);

    write_file(&file, "cups = 4");
    buf_printf(&variable, "COFFEESHOP_CONFIG=%s", file.path);
    read_settings(&reading, FLAGS(NULL), ENVIRONMENT(variable.p, NULL));
    assert_true(reading.ok);
    assert_int_equal(reading.kitchen.cups, 4);
    put_away(&reading);
    buf_free(&variable);
    remove_file(&file);
}

static void one_file_configures_the_whole_shop(void **state)
{
    struct reading reading;
    struct file file;
    UNUSED(state);

    write_file(&file, "# the shop\r\n\n  order.taste = 2 # another's\r\n\tcups=5\n");
    read_settings(&reading, FLAGS(file.flag.p), ENVIRONMENT("COFFEESHOP_ORDER_TASTE=3", NULL));
    assert_true(reading.ok);
    assert_int_equal(reading.kitchen.cups, 5);
    put_away(&reading);
    remove_file(&file);
    assert_file_refused("order.taste = 9", ":1: order.taste is \"9\" but has to be a whole number in 1..5");
    assert_refused(FLAGS("--order.taste=2"), ENVIRONMENT(NULL), "--order.taste is not a setting");
}

static void a_value_in_quotes_may_hold_what_would_else_be_cut_off(void **state)
{
    struct reading reading;
    struct file file;
    UNUSED(state);

    write_file(&file, "name = \" a # \\\"b\\\\ \" # the name");
    read_settings(&reading, FLAGS(file.flag.p), ENVIRONMENT(NULL));
    assert_true(reading.ok);
    assert_string_equal(reading.kitchen.name, " a # \"b\\ ");
    put_away(&reading);
    remove_file(&file);
    assert_file_refused("name = \"open", ":1: a quoted value has to end with a quote, and nothing may follow it");
    assert_file_refused("name = \"a\" b", ":1: a quoted value has to end with a quote, and nothing may follow it");
    assert_file_refused("name = \"a\\", ":1: a quoted value has to end with a quote, and nothing may follow it");
}

static void an_unknown_name_is_named_with_a_guess(void **state)
{
    UNUSED(state);
    assert_refused(FLAGS("--product.brew=0"), ENVIRONMENT(NULL),
                   "--product.brew is not a setting; did you mean product.brew_ms?");
    assert_refused(FLAGS("--quite.another=0"), ENVIRONMENT(NULL), "--quite.another is not a setting");
    assert_refused(FLAGS(NULL), ENVIRONMENT("COFFEESHOP_CUP=1", NULL),
                   "COFFEESHOP_CUP in the environment is not a setting");
    assert_file_refused("\ncup = 1", ":2: cup is not a setting; did you mean cups?");
    assert_file_refused("cups", ":1: this is not a line like `name = value`");
    assert_file_refused("= 1", ":1: this is not a line like `name = value`");
}

static void a_word_that_is_no_flag_is_refused(void **state)
{
    UNUSED(state);
    assert_refused(FLAGS("cups=1"), ENVIRONMENT(NULL), "\"cups=1\" is not a flag: they look like --data=DIR");
    assert_refused(FLAGS("--"), ENVIRONMENT(NULL), "\"--\" is not a flag: they look like --data=DIR");
    assert_refused(FLAGS("--cups"), ENVIRONMENT(NULL), "--cups needs a value");
    assert_refused(FLAGS("--cups", "--open=yes"), ENVIRONMENT(NULL), "--cups needs a value");
}

static void a_file_that_is_not_there_is_named(void **state)
{
    UNUSED(state);
    assert_refused(FLAGS("--config=/no/such/file"), ENVIRONMENT(NULL),
                   "can't read the settings in /no/such/file: No such file or directory");
    assert_refused(FLAGS("--config", "/tmp"), ENVIRONMENT(NULL), "can't read the settings in /tmp: Is a directory");
}

static void a_value_out_of_range_is_named_with_what_it_has_to_be(void **state)
{
    UNUSED(state);
    assert_refused(FLAGS("--product.brew_ms=60001"), ENVIRONMENT(NULL),
                   "--product.brew_ms is \"60001\" but has to be a time in milliseconds in 0..60000 ms");
    assert_refused(FLAGS(NULL), ENVIRONMENT("COFFEESHOP_PRODUCT_BREW_MS=-1", NULL),
                   "COFFEESHOP_PRODUCT_BREW_MS is \"-1\" but has to be a time in milliseconds in 0..60000 ms");
    assert_refused(FLAGS("--product.mode=both"), ENVIRONMENT(NULL),
                   "--product.mode is \"both\" but has to be one of auto|manual");
    assert_refused(FLAGS("--open=maybe"), ENVIRONMENT(NULL), "--open is \"maybe\" but has to be one of true|false");
    assert_refused(
        FLAGS("--http.max_body=1TiB"), ENVIRONMENT(NULL),
        "--http.max_body is \"1TiB\" but has to be a size in bytes (KiB, MiB and GiB are understood) in 64..1GiB");
    assert_refused(FLAGS("--product.stock_url="), ENVIRONMENT(NULL),
                   "--product.stock_url is \"\" but has to be the address of a server, like http://host:port");
    assert_refused(FLAGS("--name=a\nb"), ENVIRONMENT(NULL),
                   "--name is \"a\\nb\" but has to be a text without control characters, of 0..20 bytes");
}

/* A value of one setting, whether it is taken. */
struct value_case {
    const char *flag;
    bool taken;
};

static void assert_cases(const struct value_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct reading reading;
        read_settings(&reading, FLAGS((char *)cases[i].flag), ENVIRONMENT(NULL));
        if (reading.ok != cases[i].taken)
            fail_msg("%s is %s", cases[i].flag, reading.ok ? "taken" : "refused");
        put_away(&reading);
    }
}

static void an_address_to_listen_at_is_numeric_and_has_a_port(void **state)
{
    static const struct value_case cases[] = {
        {"--product.listen=0.0.0.0:8080", true},
        {"--product.listen=[::1]:8081", true},
        {"--product.listen=127.0.0.1:0", true},
        {"--product.listen=127.0.0.1:8081 [::1]:8081", true},
        {"--product.listen= 0.0.0.0:1  [::]:1 ", true},
        {"--product.listen=127.0.0.1:8081 [::1]", false},
        {"--product.listen=127.0.0.1:8081,[::1]:8081", false},
        {"--product.listen= ", false},
        {"--product.listen=127.0.0.1", false},
        {"--product.listen=127.0.0.1:", false},
        {"--product.listen=:8080", false},
        {"--product.listen=localhost:8080", false},
        {"--product.listen=127.0.0.1:65536", false},
        {"--product.listen=::1:8081", false},
        {"--product.listen=[::1]", false},
        {"--product.listen=[::1]x:1", false},
        {"--product.listen=[127.0.0.1]:1", false},
        {"--product.listen=127.0.0.1:+1", false},
        {"--product.listen=127.0.0.1:1;", false},
        {"--product.listen=", false},
        {"--product.listen=[", false},
    };
    UNUSED(state);
    assert_cases(cases, COUNT_OF(cases));
}

static void an_address_of_a_service_is_http_with_a_host_and_nothing_behind(void **state)
{
    static const struct value_case cases[] = {
        {"--product.stock_url=http://stock:8080", true},
        {"--product.stock_url=http://stock", true},
        {"--product.stock_url=http://[::1]:8083", true},
        {"--product.stock_url=http://a_b.c-d:1", true},
        {"--product.stock_url=http://stock:0", false},
        {"--product.stock_url=http://stock/", false},
        {"--product.stock_url=http://", false},
        {"--product.stock_url=https://stock", false},
        {"--product.stock_url=stock:8080", false},
        {"--product.stock_url=http://a b", false},
        {"--product.stock_url=http://a;b", false},
        {"--product.stock_url=http://u@h", false},
        {"--product.stock_url=http://[::1", false},
        {"--product.stock_url=http://-a", false},
        {"--product.peer_url=", true},
        {"--product.order_urls=http://a:1", true},
        {"--product.order_urls= http://a:1  http://[::1]:2 ", true},
        {"--product.order_urls=http://a:1,http://b:2", false},
        {"--product.order_urls=http://a:1 b:2", false},
        {"--product.order_urls=", false},
    };
    UNUSED(state);
    assert_cases(cases, COUNT_OF(cases));
}

static void a_size_may_have_a_unit(void **state)
{
    struct reading reading;
    UNUSED(state);

    read_settings(&reading, FLAGS("--http.max_body=3 mib"), ENVIRONMENT(NULL));
    assert_true(reading.ok);
    assert_int_equal(reading.kitchen.max_body, 3 << 20);
    put_away(&reading);
    assert_cases((const struct value_case[]){{"--http.max_body=9999999999GiB", false},
                                             {"--http.max_body=KiB", false},
                                             {"--http.max_body=1.5KiB", false},
                                             {"--http.max_body=-64", false}},
                 4);
}

static void help_is_all_that_is_looked_at_when_asked_for(void **state)
{
    struct reading reading;
    UNUSED(state);

    read_settings(&reading, FLAGS("--nonsense=1", "--help"), ENVIRONMENT("COFFEESHOP_NONSENSE=1", NULL));
    assert_true(reading.ok);
    assert_true(reading.wants_help);
    put_away(&reading);
    read_settings(&reading, FLAGS("--cups=1"), ENVIRONMENT(NULL));
    assert_false(reading.wants_help);
    put_away(&reading);
}

static void help_shows_name_default_range_and_sentence(void **state)
{
    const struct setting_group group = {kitchen_rows, 2, NULL, NULL};
    struct buf out = {0};
    UNUSED(state);

    config_print_help(&group, 1, &out);
    buf_char(&out, '\0');
    assert_string_equal(out.p, "  --product.brew_ms=5000  0..60000 ms  How long.\n"
                               "  --http.max_body=64KiB   64..1GiB     How large.\n");
    buf_free(&out);
}

static void the_values_printed_read_back_as_they_are(void **state)
{
    struct reading first;
    struct reading second;
    struct file file;
    struct buf printed = {0};
    struct buf again = {0};
    UNUSED(state);

    read_settings(&first,
                  FLAGS("--name= \"#\\ ", "--cups=7", "--product.mode=Manual", "--http.max_body=1000", "--open=0"),
                  ENVIRONMENT(NULL));
    config_print_values(&(struct setting_group){kitchen_rows, COUNT_OF(kitchen_rows), &first.kitchen, NULL}, 1,
                        &printed);
    buf_char(&printed, '\0');
    assert_non_null(strstr(printed.p, "product.mode = manual\n"));
    assert_non_null(strstr(printed.p, "http.max_body = 1000\n"));
    assert_non_null(strstr(printed.p, "open = false\n"));
    write_file(&file, printed.p);
    read_settings(&second, FLAGS(file.flag.p), ENVIRONMENT(NULL));
    assert_true(second.ok);
    assert_string_equal(second.kitchen.name, " \"#\\ ");
    config_print_values(&(struct setting_group){kitchen_rows, COUNT_OF(kitchen_rows), &second.kitchen, NULL}, 1,
                        &again);
    buf_char(&again, '\0');
    assert_string_equal(printed.p, again.p);
    buf_free(&printed);
    buf_free(&again);
    put_away(&first);
    put_away(&second);
    remove_file(&file);
}

static void another_program_of_the_shop_gets_the_values_in_force(void **state)
{
    struct reading first;
    struct reading second;
    UNUSED(state);

    read_settings(&first, FLAGS("--cups=7", "--name=a = b", "--product.mode=manual"), ENVIRONMENT(NULL));
    const struct setting_group group = {kitchen_rows, COUNT_OF(kitchen_rows), &first.kitchen, NULL};
    char **environment = config_to_environment(
        &group, 1, ENVIRONMENT("HOME=/", "COFFEESHOP_CUPS=1", "COFFEESHOP_CONFIG=/x", NULL), &first.arena);
    assert_non_null(environment);
    assert_string_equal(environment[0], "HOME=/");
    assert_string_equal(environment[1], "COFFEESHOP_PRODUCT_BREW_MS=5000");
    read_settings(&second, FLAGS(NULL), environment);
    assert_true(second.ok);
    assert_int_equal(second.kitchen.cups, 7);
    assert_int_equal(second.kitchen.mode, 1);
    assert_string_equal(second.kitchen.name, "a = b");
    put_away(&second);
    put_away(&first);
}

static void a_secret_is_taken_from_the_environment_and_shown_nowhere(void **state)
{
    struct reading reading;
    struct buf out = {0};
    UNUSED(state);

    assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
    read_settings(&reading, FLAGS(NULL), ENVIRONMENT("COFFEESHOP_PRODUCT_SECRET=hush hush", NULL));
    const struct setting_group group = {kitchen_rows, COUNT_OF(kitchen_rows), &reading.kitchen, NULL};
    assert_true(reading.ok);
    assert_string_equal(reading.kitchen.secret, "hush hush");
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0); /* no core, of which the environment is a part */
    config_print_values(&group, 1, &out);
    config_print_help(&group, 1, &out);
    buf_char(&out, '\0');
    assert_null(strstr(out.p, "hush"));
    assert_null(strstr(out.p, "--product.secret"));
    assert_non_null(strstr(out.p, "COFFEESHOP_PRODUCT_SECRET"));
    char **environment = config_to_environment(&group, 1, ENVIRONMENT(NULL), &reading.arena);
    bool handed_on = false;
    for (size_t i = 0; environment[i]; i++)
        handed_on |= strcmp(environment[i], "COFFEESHOP_PRODUCT_SECRET=hush hush") == 0;
    assert_true(handed_on);
    buf_free(&out);
    put_away(&reading);
}

static void a_secret_is_no_flag_and_stands_in_no_file_of_settings(void **state)
{
    static const char sentence[] = " is a secret: it is read from the environment variable COFFEESHOP_PRODUCT_SECRET "
                                   "alone, or from the file that product.secret_file names";
    struct buf whole = {0};
    UNUSED(state);

    buf_printf(&whole, "--product.secret%s", sentence);
    assert_refused(FLAGS("--product.secret=hush hush"), ENVIRONMENT(NULL), whole.p);
    assert_refused(FLAGS("--product.secret", "hush hush"), ENVIRONMENT(NULL), whole.p);
    buf_free(&whole);
    buf_printf(&whole, ":1: product.secret%s", sentence);
    assert_file_refused("product.secret = hush hush\n", whole.p);
    buf_free(&whole);
}

static void what_is_wrong_with_a_secret_is_said_without_it(void **state)
{
    UNUSED(state);
    assert_refused(FLAGS(NULL), ENVIRONMENT("COFFEESHOP_PRODUCT_SECRET=hush", NULL),
                   "COFFEESHOP_PRODUCT_SECRET has to be a secret without control characters, of 8..20 bytes");
}

static void the_address_of_a_server_has_no_password_in_it(void **state)
{
    static const char *const fine[] = {"",
                                       "postgresql://",
                                       "postgresql://kim@a.example:5432,b.example:5433/shop?sslmode=require",
                                       "host=a.example user=kim passfile=/etc/shop.pgpass",
                                       "redis://[::1]:6379",
                                       "dbname=password_store"};
    static const char *const refused[] = {
        "postgresql://kim:hush@a.example/shop", "redis://:hush@a.example",
        "postgresql://kim:hu@sh@a.example",     "host=a.example password=hush",
        "host=a.example PassWord  =  'hush'",   "postgresql:///shop?sslpassword=hush"};
    struct reading reading;
    UNUSED(state);

    for (size_t i = 0; i < COUNT_OF(fine); i++) {
        read_settings(&reading, FLAGS("--product.server", (char *)fine[i]), ENVIRONMENT(NULL));
        assert_true(reading.ok);
        assert_string_equal(reading.kitchen.server, fine[i]);
        put_away(&reading);
    }
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_refused(FLAGS("--product.server", (char *)refused[i]), ENVIRONMENT(NULL),
                       "--product.server has to be the address of a server without a password in it, like "
                       "postgresql://user@host/database");
}

static void a_secret_of_another_service_is_wiped(void **state)
{
    char variable[] = "COFFEESHOP_ORDER_SECRET=hush hush";
    struct reading reading;
    UNUSED(state);

    read_settings(&reading, FLAGS(NULL), ENVIRONMENT(variable, NULL));
    assert_true(reading.ok);
    assert_string_equal(variable, "COFFEESHOP_ORDER_SECRET=");
    put_away(&reading);
}

static void without_memory_nothing_is_half_read(void **state)
{
    UNUSED(state);
    for (uint64_t nth = 1; nth < 200; nth++) {
        struct reading reading;
        read_short_of_memory(&reading, FLAGS("--name=a"), ENVIRONMENT("COFFEESHOP_CUPS=2", NULL), nth);
        bool ran_out = reading.ran_out;
        assert_int_equal(reading.ok, !ran_out);
        if (reading.ok) {
            assert_string_equal(reading.kitchen.name, "a");
            assert_int_equal(reading.kitchen.cups, 2);
        }
        put_away(&reading);
        if (!ran_out)
            return;
    }
    fail_msg("it takes memory without end");
}

/* Kubernetes' own, for Services called coffeeshop and coffeeshop-order. */
static void variables_of_a_kubernetes_service_are_no_settings(void **state)
{
    struct reading reading;

    UNUSED(state);
    read_settings(&reading, FLAGS(NULL),
                  ENVIRONMENT("COFFEESHOP_PORT=tcp://10.0.0.1:80", "COFFEESHOP_SERVICE_HOST=10.0.0.1",
                              "COFFEESHOP_SERVICE_PORT_HTTP=80", "COFFEESHOP_PORT_80_TCP_ADDR=10.0.0.1",
                              "COFFEESHOP_ORDER_PORT=udp://10.0.0.2:53", "COFFEESHOP_CUPS=7"));
    assert_true(reading.ok);
    assert_int_equal(reading.kitchen.cups, 7);
    put_away(&reading);
    assert_refused(FLAGS(NULL), ENVIRONMENT("COFFEESHOP_PORTS=7"),
                   "COFFEESHOP_PORTS in the environment is not a setting");
}

static void a_word_is_made_of_letters_digits_and_little_else(void **state)
{
    static const struct setting word = SETTING(struct kitchen, name, "word", SETTING_WORD, "", 0, 8, "A word.");
    static const struct {
        const char *text;
        bool legal;
    } cases[] = {{"", true},    {"up-1.a_B", true}, {"up 1", false},
                 {"$x", false}, {"\"", false},      {"much-too-long", false}};
    struct kitchen kitchen = {0};
    struct arena arena;

    UNUSED(state);
    arena_init(&arena, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf problem = {0};
        assert_int_equal(config_value_set(&word, &kitchen, str_of(cases[i].text), &arena, &problem), cases[i].legal);
        buf_free(&problem);
    }
    arena_free(&arena);
}

static void it_is_known_which_settings_were_given(void **state)
{
    struct kitchen kitchen;
    bool given[COUNT_OF(kitchen_rows)] = {false};
    struct setting_group group = {kitchen_rows, COUNT_OF(kitchen_rows), &kitchen, given};
    char *flag[] = {"--cups=-3"}; /* its default: given all the same */
    char *environment[] = {"COFFEESHOP_OPEN=no", NULL};
    struct config_source source = {1, flag, environment};
    struct buf problem = {0};
    struct arena arena;
    bool wants_help;

    UNUSED(state);
    arena_init(&arena, 0);
    assert_true(config_load(&group, 1, NULL, 0, &source, &arena, &wants_help, &problem));
    for (size_t i = 0; i < COUNT_OF(kitchen_rows); i++)
        assert_int_equal(given[i],
                         strcmp(kitchen_rows[i].name, "cups") == 0 || strcmp(kitchen_rows[i].name, "open") == 0);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_sets_has_its_default),
        cmocka_unit_test(a_flag_takes_its_value_behind_an_equals_sign_or_a_blank),
        cmocka_unit_test(a_flag_beats_the_environment_which_beats_the_file),
        cmocka_unit_test(the_environment_can_name_the_file),
        cmocka_unit_test(one_file_configures_the_whole_shop),
        cmocka_unit_test(a_value_in_quotes_may_hold_what_would_else_be_cut_off),
        cmocka_unit_test(an_unknown_name_is_named_with_a_guess),
        cmocka_unit_test(a_word_that_is_no_flag_is_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(a_value_out_of_range_is_named_with_what_it_has_to_be),
        cmocka_unit_test(an_address_to_listen_at_is_numeric_and_has_a_port),
        cmocka_unit_test(an_address_of_a_service_is_http_with_a_host_and_nothing_behind),
        cmocka_unit_test(a_size_may_have_a_unit),
        cmocka_unit_test(help_is_all_that_is_looked_at_when_asked_for),
        cmocka_unit_test(help_shows_name_default_range_and_sentence),
        cmocka_unit_test(the_values_printed_read_back_as_they_are),
        cmocka_unit_test(another_program_of_the_shop_gets_the_values_in_force),
        cmocka_unit_test(a_secret_is_taken_from_the_environment_and_shown_nowhere),
        cmocka_unit_test(a_secret_is_no_flag_and_stands_in_no_file_of_settings),
        cmocka_unit_test(what_is_wrong_with_a_secret_is_said_without_it),
        cmocka_unit_test(the_address_of_a_server_has_no_password_in_it),
        cmocka_unit_test(a_secret_of_another_service_is_wiped),
        cmocka_unit_test(without_memory_nothing_is_half_read),
        cmocka_unit_test(variables_of_a_kubernetes_service_are_no_settings),
        cmocka_unit_test(a_word_is_made_of_letters_digits_and_little_else),
        cmocka_unit_test(it_is_known_which_settings_were_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
