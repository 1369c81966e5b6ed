#include "nginx_conf.h"

#include "embedded.h"
#include "nginx_parts.h"

struct part {
    const char *name;
    write_part *write;
};

static void write_user(const struct filler *filler, struct buf *out)
{
    const struct nginx_surroundings *surroundings = filler->surroundings;

    if (surroundings->is_root)
        buf_printf(out, "user %s %s;", filler->settings->user, surroundings->group);
}

/* A line for every request that found a service down would bury everything else. */
static void write_error_level(const struct filler *filler, struct buf *out)
{
    buf_add(out, filler->surroundings->is_verbose ? STR("info") : STR("crit"));
}

/* A body that fits is never written to the disk. */
static void write_body_buffer(const struct filler *filler, struct buf *out)
{
    const int64_t most = 1 << 20;

    buf_i64(out, filler->settings->max_body < most ? filler->settings->max_body : most);
}

static void write_instance(const struct filler *filler, struct buf *out)
{
    buf_add(out, str_of(filler->surroundings->instance));
}

static void write_stop_ms(const struct filler *filler, struct buf *out)
{
    buf_i64(out, filler->surroundings->stop_ms);
}

static void write_access_log(const struct filler *filler, struct buf *out)
{
    if (strcmp(filler->settings->access_log, "off") == 0)
        BUF_LIT(out, "off");
    else
        buf_printf(out, "\"%s\"", filler->surroundings->access_log);
}

#define NUMBER_PART(member)                                                                                            \
    static void write_##member(const struct filler *filler, struct buf *out)                                           \
    {                                                                                                                  \
        buf_i64(out, filler->settings->member);                                                                        \
    }
NUMBER_PART(workers)
NUMBER_PART(max_connections)
NUMBER_PART(max_body)
NUMBER_PART(rate)
NUMBER_PART(burst)
NUMBER_PART(connections)
NUMBER_PART(streams)
NUMBER_PART(header_ms)
NUMBER_PART(body_ms)
NUMBER_PART(send_ms)
NUMBER_PART(idle_ms)
NUMBER_PART(connect_ms)
NUMBER_PART(answer_ms)
NUMBER_PART(menu_ms)
NUMBER_PART(stream_ms)

#define PART(name)                                                                                                     \
    {                                                                                                                  \
#name, write_##name                                                                                            \
    }
static const struct part parts[] = {
    PART(listen),          PART(tls),
    PART(access_log),      PART(workers),
    PART(max_body),        PART(rate),
    PART(burst),           PART(connections),
    PART(streams),         PART(header_ms),
    PART(body_ms),         PART(send_ms),
    PART(idle_ms),         PART(connect_ms),
    PART(answer_ms),       PART(stream_ms),
    PART(stop_ms),         PART(user),
    PART(body_buffer),     PART(unlimited),
    PART(operators),       PART(cors_default),
    PART(cors_origins),    PART(hosts),
    PART(real_ip),         PART(trusted_proxies),
    PART(upstreams),       PART(problem_paths),
    PART(problems),        PART(service_routes),
    PART(passed_headers),  PART(stream_headers),
    PART(passed_texts),    PART(page_headers),
    PART(error_level),     PART(instance),
    PART(max_connections), PART(menu_ms),
    PART(cors_headers),    PART(told_origin),
    PART(told_site),       PART(client_host),
    PART(client_scheme),   PART(is_name),
    PART(octet),           PART(port),
    PART(map_bucket),
};

static void write_named(const struct filler *filler, struct str name, struct buf *out)
{
    size_t i = 0;

    while (!str_is(name, parts[i].name)) {
        i++;
        ASSERT(i < COUNT_OF(parts)); /* the template names only what there is */
    }
    parts[i].write(filler, out);
}

/* @name@; an @ that no such name follows (as in a character class) is an @. */
static size_t name_length(struct str text)
{
    size_t n = 0;

    while (n < text.n && ((text.p[n] >= 'a' && text.p[n] <= 'z') || text.p[n] == '_'))
        n++;
    return n < text.n && text.p[n] == '@' ? n : 0;
}

void nginx_conf_write(const struct gateway_settings *settings, const struct nginx_surroundings *surroundings,
                      struct buf *out)
{
    const struct filler filler = {settings, surroundings};
    struct str rest = embedded_nginx_conf;

    while (rest.n > 0) {
        struct str after;
        struct str plain = str_split(rest, '@', &after);
        buf_add(out, plain);
        if (plain.n == rest.n)
            break;
        size_t n = name_length(after);
        if (n == 0) {
            buf_char(out, '@');
            rest = after;
            continue;
        }
        write_named(&filler, (struct str){after.p, n}, out);
        rest = (struct str){after.p + n + 1, after.n - n - 1};
    }
}
