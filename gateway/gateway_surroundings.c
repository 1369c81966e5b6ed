#include "gateway_surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

/* This machine's name, if it is one that may stand in the configuration; empty otherwise. */
static void find_host_name(char *name, size_t size)
{
    if (gethostname(name, size - 1) != 0)
        name[0] = '\0';
    for (const char *c = name; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (!plain && !strchr(".-_", *c)) {
            name[0] = '\0';
            return;
        }
    }
}

/* nginx would take a group of the user's name, which not every user has. */
static bool find_group(const char *user, struct buf *group, struct buf *problem)
{
    const struct passwd *entry = getpwnam(user);
    const struct group *primary = entry ? getgrgid(entry->pw_gid) : NULL;

    if (!primary) {
        buf_printf(problem, "gateway.user is \"%s\", and there is no such user with a group here", user);
        return false;
    }
    buf_printf(group, "%s", primary->gr_name);
    return true;
}

/* nginx works in a directory of its own, where a path that was relative to ours would lead elsewhere. */
static bool make_absolute(const char *name, const char *path, struct buf *absolute, struct buf *problem)
{
    char here[4096];

    if (path[0] != '/' && !getcwd(here, sizeof(here))) {
        buf_printf(problem, "gateway.%s is \"%s\", and the way to it can't be found: %s", name, path, strerror(errno));
        return false;
    }
    if (path[0] != '/')
        buf_printf(absolute, "%s/", here);
    buf_add(absolute, str_of(path));
    if (!absolute->failed && absolute->n > 0 &&
        (memchr(absolute->p, '"', absolute->n) || memchr(absolute->p, '$', absolute->n) ||
         memchr(absolute->p, '\\', absolute->n))) {
        buf_printf(problem, "gateway.%s is \"%s\" in a directory whose name nginx can't be told", name, path);
        return false;
    }
    return true;
}

/* "name:80" or "[::1]:80" or either without a port: the name. */
static struct str host_of(struct str url)
{
    struct str rest = {url.p + strlen("http://"), url.n - strlen("http://")};
    bool is_v6 = rest.n > 0 && rest.p[0] == '[';

    return is_v6 ? str_split((struct str){rest.p + 1, rest.n - 1}, ']', &rest) : str_split(rest, ':', &rest);
}

/* nginx looks for an address when it starts, and doesn't start without. */
static bool have_addresses(const char *name, const char *urls, struct buf *problem)
{
    const struct addrinfo by_number = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    const struct addrinfo by_name = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct str rest = str_of(urls);

    while (rest.n > 0) {
        struct str url = str_split(rest, ' ', &rest);
        struct addrinfo *found = NULL;
        char host[256];
        if (url.n == 0)
            continue;
        struct str text = host_of(url);
        ASSERT(text.n < sizeof(host));
        memcpy(host, text.p, text.n);
        host[text.n] = '\0';
        int rc = getaddrinfo(host, NULL, &by_number, &found);
        if (rc)
            rc = getaddrinfo(host, NULL, &by_name, &found);
        if (rc) {
            buf_printf(problem, "gateway.%s is \"%.*s\", and %s has no address: %s", name, STR_ARG(url), host,
                       gai_strerror(rc));
            return false;
        }
        freeaddrinfo(found);
    }
    return true;
}

static bool have_services(const struct gateway_settings *settings, struct buf *problem)
{
    return have_addresses("order_url", settings->order_url, problem) &&
           have_addresses("product_url", settings->product_url, problem) &&
           have_addresses("stock_url", settings->stock_url, problem) &&
           have_addresses("customercenter_url", settings->customercenter_url, problem) &&
           have_addresses("payment_url", settings->payment_url, problem);
}

static bool can_be_opened(const char *name, const char *path, int how, const char *what, struct buf *problem)
{
    int fd = open(path, how | O_CLOEXEC | O_NOCTTY, 0644);

    if (fd < 0)
        buf_printf(problem, "gateway.%s is \"%s\", which can't be %s: %s", name, path, what, strerror(errno));
    else
        close(fd);
    return fd >= 0;
}

static bool find_file(const char *name, const char *path, struct buf *absolute, struct buf *problem)
{
    return path[0] == '\0' ||
           (can_be_opened(name, path, O_RDONLY, "read", problem) && make_absolute(name, path, absolute, problem));
}

static bool find_log(const char *path, struct buf *absolute, struct buf *problem)
{
    return strcmp(path, "off") == 0 ||
           (can_be_opened("access_log", path, O_WRONLY | O_CREAT | O_APPEND, "written", problem) &&
            make_absolute("access_log", path, absolute, problem));
}

bool gateway_surroundings_find(const struct gateway_settings *settings, const struct common_settings *common,
                               struct gateway_texts *texts, struct nginx_surroundings *surroundings,
                               struct buf *problem)
{
    bool is_root = geteuid() == 0;

    find_host_name(texts->host_name, sizeof(texts->host_name));
    bool ok = have_services(settings, problem) && (!is_root || find_group(settings->user, &texts->group, problem)) &&
              find_file("tls_certificate", settings->tls_certificate, &texts->certificate, problem) &&
              find_file("tls_key", settings->tls_key, &texts->key, problem) &&
              find_log(settings->access_log, &texts->access_log, problem);
    buf_char(&texts->group, '\0');
    buf_char(&texts->certificate, '\0');
    buf_char(&texts->key, '\0');
    buf_char(&texts->access_log, '\0');
    if (texts->group.failed || texts->certificate.failed || texts->key.failed || texts->access_log.failed)
        return false;
    *surroundings = (struct nginx_surroundings){.stop_ms = common->stop_ms,
                                                .instance = common->instance,
                                                .host_name = texts->host_name,
                                                .group = texts->group.p,
                                                .tls_certificate = texts->certificate.p,
                                                .tls_key = texts->key.p,
                                                .access_log = texts->access_log.p,
                                                .is_root = is_root,
                                                .is_verbose = common->log_level == LOG_DEBUG};
    return ok;
}

void gateway_texts_free(struct gateway_texts *texts)
{
    buf_free(&texts->group);
    buf_free(&texts->certificate);
    buf_free(&texts->key);
    buf_free(&texts->access_log);
}
