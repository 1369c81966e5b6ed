/* nginx's configuration as the gateway writes it; nginx itself is asked whether it is one. */
#include "arena.h"
#include "base.h"
#include "gateway_main.h"
#include "gateway_settings.h"
#include "nginx_conf.h"
#include "nginx_process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_FLAGS = 12 };

/* A configuration from these flags, NUL-terminated. */
static struct buf configured(char *const *flags, const struct nginx_surroundings *surroundings)
{
    struct gateway_settings settings;
    const struct setting_group group = {gateway_program.rows, gateway_program.n_rows, &settings, NULL};
    struct config_source source = {0, flags, NULL};
    struct arena arena;
    struct buf problem = {0};
    struct buf out = {0};
    bool help;

    assert_int_equal(gateway_program.settings_size, sizeof(settings));
    while (flags[source.argc])
        source.argc++;
    arena_init(&arena, 0);
    assert_true(config_load(&group, 1, NULL, 0, &source, &arena, &help, &problem));
    assert_true(gateway_settings_check(&settings, &problem));
    nginx_conf_write(&settings, surroundings, &out);
    buf_char(&out, '\0');
    assert_false(out.failed);
    buf_free(&problem);
    arena_free(&arena);
    return out;
}

static const struct nginx_surroundings plainly = {.stop_ms = 4000, .instance = "", .host_name = ""};

#define CONFIGURED(...) configured((char *[MOST_FLAGS]){__VA_ARGS__}, &plainly)

static void assert_has(const struct buf *text, const char *part)
{
    if (!strstr(text->p, part))
        fail_msg("there is no %s in\n%s", part, text->p);
}

static void assert_has_not(const struct buf *text, const char *part)
{
    if (strstr(text->p, part))
        fail_msg("there is %s in\n%s", part, text->p);
}

static void every_setting_is_filled_in(void **state)
{
    struct buf text = CONFIGURED("--gateway.listen=[::1]:18088", "--gateway.rate=7", "--gateway.burst=8",
                                 "--gateway.connections=9", "--gateway.streams=10");
    UNUSED(state);

    for (const char *at = strchr(text.p, '@'); at; at = strchr(at + 1, '@'))
        assert_int_equal(at[1], '-'); /* the one in a character class */
    assert_has(&text, "listen [::1]:18088 backlog=4096;");
    assert_has_not(&text, "ssl");
    assert_has(&text, "rate=7r/s;");
    assert_has(&text, "burst=8 nodelay;");
    assert_has(&text, "limit_conn connections 9;");
    assert_has(&text, "limit_conn streams 10;");
    assert_has(&text, "worker_shutdown_timeout 4000ms;");
    buf_free(&text);
}

static void a_path_goes_to_the_service_whose_shape_it_has(void **state)
{
    struct buf text = CONFIGURED("--gateway.stock_url=http://stock.example:9");
    UNUSED(state);

    assert_has(&text, "location = /orders { proxy_pass http://order; }");
    assert_has(&text, "location ~ \"^/products/[^/]+\\z\" { proxy_pass http://product; }");
    assert_has(&text, "location ~ \"^/stocks/[^/]+/movements\\z\" {");
    assert_has(&text, "location = /payments { if ($is_operator = 0) { return 403; } ");
    assert_has(&text, "upstream stock {\n        server stock.example:9 ");
    assert_has_not(&text, "/products/search/cancelByOrderId");
    assert_has(&text, "upstream menu {\n        server 127.0.0.1:8084 max_fails=0;\n"
                      "        server 127.0.0.1:8081 max_fails=0 backup;\n");
    buf_free(&text);
}

static void what_passes_is_marked_as_from_outside(void **state)
{
    struct buf text = CONFIGURED(NULL);
    UNUSED(state);

    assert_has(&text, "    proxy_set_header X-Gateway 1;\n");
    assert_has(&text, "    proxy_set_header If-None-Match $http_if_none_match;\n");
    assert_has_not(&text, "proxy_set_header Cookie");
    buf_free(&text);
}

static void the_limits_spare_who_is_listed(void **state)
{
    struct buf usual = CONFIGURED(NULL);
    struct buf nobody = CONFIGURED("--gateway.unlimited=", "--gateway.operators=");
    struct buf some = CONFIGURED("--gateway.unlimited=10.0.0.0/8  ::2");
    UNUSED(state);

    assert_has(&usual, "        127.0.0.0/8 1;\n        ::1 1;\n");
    assert_has_not(&nobody, "127.0.0.0/8 1;");
    assert_has(&some, "        10.0.0.0/8 1;\n        ::2 1;\n");
    buf_free(&usual);
    buf_free(&nobody);
    buf_free(&some);
}

static void the_services_figures_are_for_operators_only(void **state)
{
    struct buf some = CONFIGURED("--gateway.operators=10.1.0.0/16 ::3");
    UNUSED(state);

    assert_has(&some, "geo $is_operator {\n        default 0;\n        10.1.0.0/16 1;\n        ::3 1;\n    }");
    assert_has(&some, "location = /ops/stock/metrics {\n            if ($is_operator = 0) { return 403; }");
    buf_free(&some);
}

static void other_origins_may_ask_if_they_are_listed(void **state)
{
    struct buf none = CONFIGURED(NULL);
    struct buf any = CONFIGURED("--gateway.cors_origins=*");
    struct buf two = CONFIGURED("--gateway.cors_origins=https://a.example http://b.example:81");
    UNUSED(state);

    assert_has(&none, "map $http_origin $cors_origin {\n        default \"\";\n        \"\"      \"\";\n    }");
    assert_has(&any, "map $http_origin $cors_origin {\n        default \"*\";");
    assert_has(&two, "        \"https://a.example\" $http_origin;\n        \"http://b.example:81\" $http_origin;\n");
    assert_has(&two, "map $http_origin $cors_origin {\n        default \"\";");
    buf_free(&any);
    buf_free(&none);
    buf_free(&two);
}

static void names_are_added_to_those_that_nobody_can_give(void **state)
{
    const struct nginx_surroundings till = {.stop_ms = 1, .instance = "", .host_name = "till.shop.example"};
    struct buf usual = CONFIGURED(NULL);
    struct buf named = configured((char *[MOST_FLAGS]){"--gateway.hosts=a.example  *.b.example"}, &till);
    struct buf any = CONFIGURED("--gateway.hosts=*");
    UNUSED(state);

    assert_has(&named, ")till\\.shop\\.example\\.?(?::");
    assert_has(&named, ")a\\.example\\.?(?::");
    assert_has(&named, ")[^:]+\\.b\\.example\\.?(?::");
    assert_true(strstr(strstr(any.p, ")[^:]+(?::"), "$refused;") < strstr(any.p, "refused/421;"));
    assert_has_not(&usual, "example");
    buf_free(&usual);
    buf_free(&named);
    buf_free(&any);
}

static void a_certificate_brings_tls_and_http_2(void **state)
{
    const struct nginx_surroundings with = {
        .stop_ms = 1, .instance = "", .host_name = "", .tls_certificate = "/a/b.crt", .tls_key = "/a/b.key"};
    struct buf text = configured((char *[MOST_FLAGS]){"--gateway.tls_certificate=b.crt", "--gateway.tls_key=b.key",
                                                      "--gateway.listen=0.0.0.0:443  [::]:443"},
                                 &with);
    UNUSED(state);

    assert_has(&text, "listen 0.0.0.0:443 backlog=4096 ssl http2;\n        listen [::]:443 backlog=4096 ssl http2;\n");
    assert_has(&text, "ssl_certificate \"/a/b.crt\";");
    assert_has(&text, "ssl_certificate_key \"/a/b.key\";");
    assert_has(&text, "ssl_protocols TLSv1.2 TLSv1.3;");
    buf_free(&text);
}

static void only_root_names_a_user_and_never_root_by_itself(void **state)
{
    const struct nginx_surroundings root = {
        .stop_ms = 1, .instance = "", .host_name = "", .group = "staff", .is_root = true};
    struct buf plain = CONFIGURED("--gateway.user=barista");
    struct buf as_root = configured((char *[MOST_FLAGS]){"--gateway.user=barista"}, &root);
    struct buf nameless = configured((char *[MOST_FLAGS]){NULL}, &root);
    UNUSED(state);

    assert_has_not(&plain, "\nuser ");
    assert_has(&as_root, "\nuser barista staff;\n");
    assert_has(&nameless, "\nuser www-data staff;\n");
    buf_free(&plain);
    buf_free(&as_root);
    buf_free(&nameless);
}

static void a_setting_can_not_smuggle_directives_into_nginx(void **state)
{
    const struct gateway_settings fine = {.listen = "127.0.0.1:8088 [::1]:8088 127.0.0.1:8089",
                                          .unlimited = "",
                                          .operators = "",
                                          .trusted_proxy = "",
                                          .hosts = "",
                                          .cors_origins = "",
                                          .tls_certificate = "",
                                          .tls_key = "",
                                          .user = "www-data",
                                          .access_log = "off"};
    struct gateway_settings bad[23];
    static const char *const named[COUNT_OF(bad)] = {
        "gateway.unlimited",    "gateway.unlimited",    "gateway.unlimited",       "gateway.cors_origins",
        "gateway.user",         "gateway.access_log",   "gateway.operators",       "gateway.hosts",
        "gateway.hosts",        "gateway.hosts",        "gateway.trusted_proxy",   "gateway.cors_origins",
        "gateway.cors_origins", "gateway.cors_origins", "gateway.tls_certificate", "gateway.tls_key",
        "gateway.user",         "gateway.hosts",        "gateway.hosts",           "gateway.cors_origins",
        "gateway.listen",       "gateway.listen",       "gateway.listen"};
    char long_origin[700];
    struct buf problem = {0};
    UNUSED(state);

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        bad[i] = fine;
    bad[0].unlimited = "10.0.0.0/8 1; } load_module x";
    bad[1].unlimited = "10.0.0.0/33";
    bad[2].unlimited = "default";
    bad[3].cors_origins = "\" 1; } evil \"";
    bad[4].user = "root; evil";
    bad[5].access_log = "/tmp/$x";
    bad[6].operators = "10.0.0.0/8 1; } evil";
    bad[7].hosts = "a.example\" 1; } evil";
    bad[8].hosts = "a.*.example";
    bad[9].hosts = "shop.example:80";
    bad[10].trusted_proxy = "proxy.example";
    bad[11].cors_origins = "https://a.example *";
    bad[12].cors_origins = "https://a.example/";
    bad[13].cors_origins = "a.example";
    bad[14].tls_certificate = "/tls/\"; evil";
    bad[15].tls_key = "$key";
    bad[16].user = "";
    memset(long_origin, 'x', sizeof(long_origin) - 1);
    long_origin[sizeof(long_origin) - 1] = '\0';
    memcpy(long_origin, "http://", 7);
    bad[17].hosts = "shop.example *.";
    bad[18].hosts = long_origin + 7;
    bad[19].cors_origins = long_origin;
    bad[20].listen = "127.0.0.1:0";
    bad[21].listen = "[::1]:8088 127.0.0.1:8088 [0:0::1]:08088";
    bad[22].listen = "127.0.0.1:8088 0.0.0.0:8088";
    assert_true(gateway_settings_check(&fine, &problem));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        buf_clear(&problem);
        assert_false(gateway_settings_check(&bad[i], &problem));
        if (!str_starts_with(buf_str(&problem), str_of(named[i])))
            fail_msg("%zu: %.*s", i, STR_ARG(problem));
    }
    buf_free(&problem);
}

static void a_certificate_without_its_key_is_refused(void **state)
{
    const struct gateway_settings half = {.listen = "127.0.0.1:8088",
                                          .unlimited = "",
                                          .operators = "",
                                          .trusted_proxy = "",
                                          .hosts = "",
                                          .cors_origins = "",
                                          .tls_certificate = "/a.pem",
                                          .tls_key = "",
                                          .user = "www-data",
                                          .access_log = "off"};
    struct buf problem = {0};
    UNUSED(state);

    assert_false(gateway_settings_check(&half, &problem));
    assert_true(str_starts_with(buf_str(&problem), STR("gateway.tls_certificate and gateway.tls_key go together")));
    buf_free(&problem);
}

static void write_to(const char *directory, const char *name, struct str text)
{
    struct buf path = {0};

    buf_printf(&path, "%s/%s", directory, name);
    int fd = open(path.p, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.n), (ssize_t)text.n);
    close(fd);
    buf_free(&path);
}

/* `nginx -t` in that directory. */
static int ask_nginx(const char *nginx, const char *directory)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (chdir(directory) == 0)
            execl(nginx, "nginx", "-t", "-q", "-e", "stderr", "-p", "./", "-c", "nginx.conf", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void remove_tree(const char *directory)
{
    pid_t pid = fork();

    if (pid == 0) {
        execlp("rm", "rm", "-r", "--", directory, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

static void assert_nginx_takes(struct buf text)
{
    char directory[] = "/tmp/gateway_config_test.XXXXXX";
    struct buf nginx = {0};
    struct buf problem = {0};
    struct buf temp = {0};

    if (!nginx_find("nginx", &nginx, &problem))
        fail_msg("%.*s", STR_ARG(problem));
    assert_non_null(mkdtemp(directory));
    buf_printf(&temp, "%s/temp", directory);
    assert_int_equal(mkdir(temp.p, 0700), 0);
    write_to(directory, "nginx.conf", (struct str){text.p, text.n - 1});
    int status = ask_nginx(nginx.p, directory);
    remove_tree(directory);
    buf_free(&temp);
    buf_free(&nginx);
    buf_free(&text);
    assert_int_equal(status, 0);
}

static void nginx_takes_what_is_written(void **state)
{
    const struct nginx_surroundings mine = {.stop_ms = 4000,
                                            .instance = "up-1",
                                            .host_name = "till.example",
                                            .group = "www-data",
                                            .is_root = geteuid() == 0};
    struct nginx_surroundings chatty = mine;
    UNUSED(state);

    chatty.is_verbose = true;
    assert_nginx_takes(configured((char *[MOST_FLAGS]){NULL}, &mine));
    assert_nginx_takes(configured(
        (char *[MOST_FLAGS]){"--gateway.unlimited=", "--gateway.cors_origins=*", "--gateway.hosts=*"}, &chatty));
    assert_nginx_takes(configured(
        (char *[MOST_FLAGS]){"--gateway.unlimited=fd00::/8 10.1.2.3",
                             "--gateway.cors_origins=https://a.example http://b.example",
                             "--gateway.listen=127.0.0.1:18088 [::1]:18088", "--gateway.max_body=2MiB",
                             "--gateway.idle_ms=0", "--gateway.order_url=http://[::1]:9", "--gateway.burst=1",
                             "--gateway.hosts=a.example *.b.example", "--gateway.trusted_proxy=10.0.0.0/8 ::1"},
        &mine));
}

/* Numbers that are the same in every run. */
static uint32_t chance(uint32_t below)
{
    static uint64_t state = 20261129;

    state = state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(state >> 33) % below;
}

static void add_name(struct buf *out, uint32_t length)
{
    static const char letters[] = "abcXYZ019-_";

    for (uint32_t i = 0; i < length; i++)
        buf_add(out, i % 60 == 59 ? STR(".") : (struct str){&letters[chance(sizeof(letters) - 1)], 1});
}

static void add_origin(struct buf *out)
{
    buf_printf(out, "%s://", chance(2) ? "https" : "HTTP");
    add_name(out, 1 + chance(chance(4) ? 20 : 490));
    if (chance(2))
        buf_printf(out, ":%u", 1 + chance(65535));
}

static void add_host(struct buf *out)
{
    if (chance(9) == 0)
        buf_char(out, '*');
    else
        add_name(out, 1 + chance(chance(4) ? 20 : 253));
}

static void add_network(struct buf *out)
{
    if (chance(3) == 0)
        buf_printf(out, "%x::%x/%u", chance(4), chance(65536), chance(129));
    else if (chance(2))
        buf_printf(out, "%u.%u.%u.%u/%u", chance(256), chance(256), chance(4), chance(256), chance(33));
    else
        buf_printf(out, "10.0.0.%u", chance(8));
}

/* One of 127.*, which all are this machine's. */
static void add_listener(struct buf *out)
{
    buf_printf(out, "127.%u.%u.1:%05u", chance(256), chance(256), 1024 + chance(60000));
}

static void add_url(struct buf *out)
{
    if (chance(3) == 0)
        buf_printf(out, "http://[::%x]", chance(65536));
    else
        buf_printf(out, "http://127.0.0.%u", chance(4));
    if (chance(2))
        buf_printf(out, ":%u", 1 + chance(65535));
}

/* "--gateway.<name>=" and up to `most` of these, some of them twice, within 4000 characters. */
static char *random_list(const char *name, void (*add)(struct buf *out), uint32_t most)
{
    struct buf list = {0};
    struct buf one = {0};

    buf_printf(&list, "--gateway.%s=", name);
    for (uint32_t n = chance(most + 1); n > 0; n--) {
        buf_clear(&one);
        add(&one);
        for (uint32_t times = chance(5) == 0 && add != add_listener ? 2 : 1; times > 0; times--)
            if (list.n + one.n < 4000)
                buf_printf(&list, "%.*s ", STR_ARG(one));
    }
    buf_char(&list, '\0');
    buf_free(&one);
    assert_false(list.failed);
    return list.p;
}

static void nginx_takes_whatever_settings_are_allowed(void **state)
{
    enum { ROUNDS = 50 };
    struct nginx_surroundings mine = {.stop_ms = 4000,
                                      .instance = "up-1",
                                      .host_name = "till.example",
                                      .group = "www-data",
                                      .is_root = geteuid() == 0};
    UNUSED(state);

    for (int i = 0; i < ROUNDS; i++) {
        char *flags[MOST_FLAGS] = {random_list("cors_origins", add_origin, chance(2) ? 3 : 400),
                                   random_list("hosts", add_host, chance(2) ? 3 : 400),
                                   random_list("unlimited", add_network, 30),
                                   random_list("operators", add_network, 30),
                                   random_list("trusted_proxy", add_network, 30),
                                   random_list("listen", add_listener, 8),
                                   random_list("order_url", add_url, 8),
                                   random_list("payment_url", add_url, 3)};
        for (int last = 5; last < 8; last++) { /* these are never empty */
            if (flags[last][strlen(flags[last]) - 1] == '=') {
                free(flags[last]);
                flags[last] = strdup("--gateway.rate=1000000");
            }
        }
        assert_nginx_takes(configured(flags, &mine));
        for (int each = 0; flags[each]; each++)
            free(flags[each]);
    }
}

static void a_missing_nginx_is_explained(void **state)
{
    struct buf path = {0};
    struct buf problem = {0};
    UNUSED(state);

    assert_false(nginx_find("no-such-program-here", &path, &problem));
    assert_non_null(strstr(problem.p, "install the package nginx"));
    buf_clear(&problem);
    assert_false(nginx_find("/no/such/nginx", &path, &problem));
    assert_non_null(strstr(problem.p, "/no/such/nginx"));
    buf_free(&path);
    buf_free(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_is_filled_in),
        cmocka_unit_test(a_path_goes_to_the_service_whose_shape_it_has),
        cmocka_unit_test(what_passes_is_marked_as_from_outside),
        cmocka_unit_test(the_limits_spare_who_is_listed),
        cmocka_unit_test(the_services_figures_are_for_operators_only),
        cmocka_unit_test(other_origins_may_ask_if_they_are_listed),
        cmocka_unit_test(names_are_added_to_those_that_nobody_can_give),
        cmocka_unit_test(a_certificate_brings_tls_and_http_2),
        cmocka_unit_test(only_root_names_a_user_and_never_root_by_itself),
        cmocka_unit_test(a_setting_can_not_smuggle_directives_into_nginx),
        cmocka_unit_test(a_certificate_without_its_key_is_refused),
        cmocka_unit_test(nginx_takes_what_is_written),
        cmocka_unit_test(nginx_takes_whatever_settings_are_allowed),
        cmocka_unit_test(a_missing_nginx_is_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
