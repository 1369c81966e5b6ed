/* up.c: `coffeeshop up`: the whole shop under one supervisor. */
#include "shop.h"

#include "data_dir.h"
#include "http_listen.h"
#include "peer_urls.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/random.h>
#include <unistd.h>

#define ROW(member, name, type, fallback, min, max, doc)                                                               \
    SETTING(struct up_settings, member, name, type, fallback, min, max, doc)

/* clang-format off: a table is read by its columns */
const struct setting up_rows[] = {
    ROW(supervisor.backoff_ms, "up.backoff_ms", SETTING_MS, "100", 1, 60000,
        "A service that died is started again so much later; doubles with each death."),
    ROW(supervisor.backoff_max_ms, "up.backoff_max_ms", SETTING_MS, "10000", 1, 600000, "But never later than this."),
    ROW(supervisor.steady_ms, "up.steady_ms", SETTING_MS, "30000", 1, 3600000,
        "A service that lived so long begins with the short wait again."),
    ROW(supervisor.stop_ms, "up.stop_ms", SETTING_MS, "5000", 1, 600000,
        "Services that have not stopped after so long are killed."),
};
/* clang-format on */
const size_t up_rows_count = COUNT_OF(up_rows);

/* The supervisor with what its announcement needs. */
struct shop {
    struct supervisor supervisor;
    struct shop_settings settings;
};

static const char *gateway_listen(const struct shop_settings *settings)
{
    for (size_t i = 0; i < shop_programs_count; i++) {
        if (strcmp(shop_programs[i]->name, "gateway") == 0)
            return shop_listen_of(settings, shop_programs[i]);
    }
    return "";
}

/* This machine's address in its network, for the phone in somebody's hand: the first of IPv4 that is up. */
static bool find_lan_address(char *text, socklen_t size)
{
    struct ifaddrs *all = NULL;
    bool found = false;

    if (getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *one = all; one && !found; one = one->ifa_next) {
        bool is_up = (one->ifa_flags & IFF_UP) && !(one->ifa_flags & IFF_LOOPBACK);
        if (!is_up || !one->ifa_addr || one->ifa_addr->sa_family != AF_INET)
            continue;
        struct sockaddr_in address;
        memcpy(&address, one->ifa_addr, sizeof(address));
        found = inet_ntop(AF_INET, &address.sin_addr, text, size) != NULL;
    }
    freeifaddrs(all);
    return found;
}

/* Whoever listens everywhere is found at the machine's own address, too. */
static void announce_lan(struct str listen, const char *scheme, struct buf *out)
{
    char address[INET_ADDRSTRLEN];

    while (listen.n > 0) {
        struct str one = str_split(listen, ' ', &listen);
        struct str port = {0};
        if (str_starts_with(one, STR("0.0.0.0:")))
            (void)str_split(one, ':', &port);
        if (port.n > 0 && find_lan_address(address, sizeof(address)))
            buf_printf(out, "From a phone in the same network: %s://%s:%.*s/\n\n", scheme, address, STR_ARG(port));
    }
}

static void say_what_lasts(const struct shop *shop, struct buf *out)
{
    const struct common_settings *common = &shop->settings.common;
    const char *places[] = {common->store_sql, shop_text_of(&shop->settings, "stock.redis")};

    buf_printf(out, "\nWhat lasts is kept in %s", common->data);
    for (size_t i = 0; i < COUNT_OF(places); i++)
        buf_printf(out, "%s%s", places[i][0] ? " and in " : "", places[i]);
    if (common->kafka.servers[0])
        buf_printf(out, ", and told through the topic %s of Kafka at %s", common->kafka.topic, common->kafka.servers);
    BUF_LIT(out, ". Ctrl-C stops it.\n\n");
}

static void announce(struct supervisor *supervisor)
{
    const struct shop *shop = CONTAINER_OF(supervisor, struct shop, supervisor);
    struct str listen = str_of(gateway_listen(&shop->settings));
    struct buf gateway = {0};
    struct buf out = {0};

    const char *scheme = shop_text_of(&shop->settings, "gateway.tls_certificate")[0] ? "https" : "http";
    reachable_address(listen, &gateway);
    struct str at = buf_str(&gateway);
    buf_printf(&out, "\nThe coffee shop is open: %s://%.*s/\n\n", scheme, STR_ARG(at));
    announce_lan(listen, scheme, &out);
    buf_printf(&out, "  order a coffee     %s POST %.*s/orders productName=Americano qty=1\n", scheme, STR_ARG(at));
    buf_printf(&out, "  see how it goes    %s %.*s/mypages\n", scheme, STR_ARG(at));
    buf_printf(&out, "  what is sold       %s %.*s/menu\n", scheme, STR_ARG(at));
    if (shop_text_of(&shop->settings, "order.payment_url")[0])
        buf_printf(&out, "  what is paid       %s %.*s/payments/summary\n", scheme, STR_ARG(at));
    buf_char(&out, '\n');
    for (size_t i = 0; i < shop_programs_count; i++) {
        buf_printf(&out, "  %-18s %s://", shop_programs[i]->name,
                   strcmp(shop_programs[i]->name, "gateway") == 0 ? scheme : "http");
        reachable_address(str_of(shop_listen_of(&shop->settings, shop_programs[i])), &out);
        buf_char(&out, '\n');
    }
    say_what_lasts(shop, &out);
    print_out(&out); /* nobody reading it is no reason to close the shop */
    buf_free(&out);
    buf_free(&gateway);
}

/* What tells this shop's processes from another's that has the same ports. */
static bool name_instance(struct shop_settings *settings)
{
    uint64_t random;
    struct buf name = {0};

    if (settings->common.instance[0])
        return true;
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return false;
    buf_printf(&name, "up-%016llx", (unsigned long long)random);
    settings->common.instance = name.failed ? NULL : arena_copy(&settings->arena, buf_str(&name)).p;
    buf_free(&name);
    return settings->common.instance != NULL;
}

static bool make_children(struct shop *shop, struct buf *problem)
{
    struct supervisor *supervisor = &shop->supervisor;

    if (!name_instance(&shop->settings)) {
        BUF_LIT(problem, "the operating system gives no memory or no random numbers");
        return false;
    }
    supervisor->n_children = shop_programs_count;
    supervisor->children = ARENA_ARRAY(&shop->settings.arena, struct child, shop_programs_count);
    supervisor->environment =
        config_to_environment(shop->settings.groups, shop->settings.n_groups, environ, &shop->settings.arena);
    if (!supervisor->children || !supervisor->environment) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    for (size_t i = 0; i < shop_programs_count; i++) {
        struct child *child = &supervisor->children[i];
        const char *listen = shop_listen_of(&shop->settings, shop_programs[i]);
        child->name = shop_programs[i]->name;
        if (probe_init(&child->probe, listen, shop->settings.common.instance))
            continue;
        buf_printf(problem, "%s.listen is %s: the services have to find each other, so it needs a port", child->name,
                   listen);
        return false;
    }
    return true;
}

/* Before anything is begun: where another shop answers, a service of ours would follow its feed. The gateway, whom
 * nobody follows, looks itself, once an nginx that an earlier one may have left is gone. */
static bool can_listen(const struct shop_settings *settings, struct buf *problem)
{
    for (size_t i = 0; i < shop_programs_count; i++) {
        if (strcmp(shop_programs[i]->name, "gateway") == 0)
            continue;
        buf_printf(problem, "%s can't start: ", shop_programs[i]->name);
        if (!http_can_listen(shop_listen_of(settings, shop_programs[i]), problem))
            return false;
        buf_clear(problem);
    }
    return true;
}

static int open_shop(struct shop *shop, struct buf *problem)
{
    const char *data = shop->settings.common.data;

    if (!data_dir_prepare(data, problem))
        return EXIT_CANNOT;
    int lock = data_dir_lock(data, problem);
    if (lock < 0)
        return EXIT_CANNOT;
    bool can = make_children(shop, problem) && can_listen(&shop->settings, problem);
    int status = can ? supervisor_run(&shop->supervisor, problem) : EXIT_CANNOT;
    close(lock);
    return status;
}

static int print_help(const struct shop_settings *settings)
{
    struct buf out = {0};

    BUF_LIT(&out, "coffeeshop up: every service and the gateway, each a process of its own. Every setting of every "
                  "service is a flag here:\n\n");
    config_print_help(settings->groups, settings->n_groups, &out);
    int status = print_out(&out);
    buf_free(&out);
    return status;
}

int run_up(int argc, char *const *argv)
{
    struct shop shop = {.supervisor = {.settings = &shop.settings.up.supervisor, .all_ready = announce}};
    struct buf problem = {0};
    bool wants_help = false;
    int status = shop_settings_load(&shop.settings, argc, argv, &wants_help);

    if (status == EXIT_OK) {
        log_init("up", (enum log_level)shop.settings.common.log_level,
                 (enum log_format)shop.settings.common.log_format);
        status = wants_help ? print_help(&shop.settings) : open_shop(&shop, &problem);
    }
    if (problem.n > 0 || problem.failed)
        print_problem(&problem);
    buf_free(&problem);
    shop_settings_free(&shop.settings);
    return status;
}
