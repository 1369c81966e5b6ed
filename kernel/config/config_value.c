#include "config_value.h"

#include <arpa/inet.h>
#include <inttypes.h>

struct unit {
    const char *name;
    int64_t bytes;
};

static const struct unit units[] = {
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
};

static void store_number(const struct setting *row, void *into, int64_t number)
{
    if (into)
        memcpy((char *)into + row->offset, &number, sizeof(number));
}

static int64_t load_number(const struct setting *row, const void *from)
{
    int64_t number;

    memcpy(&number, (const char *)from + row->offset, sizeof(number));
    return number;
}

static bool store_text(const struct setting *row, void *into, struct str text, struct arena *arena, struct buf *problem)
{
    if (!into)
        return true;
    const char *copy = arena_copy(arena, text).p;
    if (!copy) {
        BUF_LIT(problem, "does not fit into memory");
        return false;
    }
    memcpy((char *)into + row->offset, &copy, sizeof(copy));
    return true;
}

static const char *load_text(const struct setting *row, const void *from)
{
    const char *text;

    memcpy(&text, (const char *)from + row->offset, sizeof(text));
    return text ? text : "";
}

static bool refuse(const struct setting *row, struct buf *problem)
{
    static const char *const kinds[] = {
        [SETTING_INT] = "a whole number in",
        [SETTING_MS] = "a time in milliseconds in",
        [SETTING_BYTES] = "a size in bytes (KiB, MiB and GiB are understood) in",
        [SETTING_BOOL] = "one of",
        [SETTING_TEXT] = "a text without control characters,",
        [SETTING_WORD] = "made of letters, digits and - _ .,",
        [SETTING_CHOICE] = "one of",
        [SETTING_LISTEN] = "an address and a port, like",
        [SETTING_URL] = "the address of a server, like",
        [SETTING_URLS] = "addresses of servers, separated by blanks, like",
        [SETTING_SERVER] = "the address of a server without a password in it, like",
        [SETTING_SECRET] = "a secret without control characters,",
    };

    buf_printf(problem, "has to be %s ", kinds[row->type]);
    config_value_range(row, problem);
    return false;
}

static bool parse_bytes(struct str text, int64_t *bytes)
{
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        struct str unit = str_of(units[i].name);
        if (text.n <= unit.n || !str_eq_nocase((struct str){text.p + text.n - unit.n, unit.n}, unit))
            continue;
        return str_to_i64(str_trim((struct str){text.p, text.n - unit.n}), bytes) &&
               !__builtin_mul_overflow(*bytes, units[i].bytes, bytes);
    }
    return str_to_i64(text, bytes);
}

static bool parse_bool(struct str text, bool *value)
{
    static const char *const yes[] = {"true", "on", "yes", "1"};
    static const char *const no[] = {"false", "off", "no", "0"};

    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        *value = str_eq_nocase(text, str_of(yes[i]));
        if (*value || str_eq_nocase(text, str_of(no[i])))
            return true;
    }
    return false;
}

static bool parse_choice(struct str text, struct str choices, int64_t *index)
{
    for (*index = 0; choices.n > 0; (*index)++) {
        if (str_eq_nocase(text, str_split(choices, '|', &choices)))
            return true;
    }
    return false;
}

static bool is_port(struct str text, uint64_t least)
{
    uint64_t port;

    return text.n <= 5 && str_to_u64(text, &port) && port >= least && port <= UINT16_MAX;
}

static bool is_ip(int family, struct str text)
{
    struct in6_addr address; /* large enough for both */
    char name[INET6_ADDRSTRLEN];

    if (text.n >= sizeof(name) || (text.n > 0 && memchr(text.p, '\0', text.n)))
        return false;
    memcpy(name, text.p, text.n);
    name[text.n] = '\0';
    return inet_pton(family, name, &address) == 1;
}

/* "host:port" or "[v6]:port" cut in two; the port is empty when there is none. False when brackets don't match. */
static bool cut_host_and_port(struct str text, struct str *host, struct str *port, bool *is_v6)
{
    *is_v6 = text.n > 0 && text.p[0] == '[';
    if (!*is_v6) {
        *host = str_split(text, ':', port);
        return host->n == text.n || port->n > 0;
    }
    *host = str_split((struct str){text.p + 1, text.n - 1}, ']', port);
    if (host->n + 2 == text.n && text.p[text.n - 1] == ']')
        return true;
    if (port->n < 2 || port->p[0] != ':')
        return false;
    *port = (struct str){port->p + 1, port->n - 1};
    return true;
}

static bool is_address(struct str text)
{
    struct str host;
    struct str port;
    bool is_v6;

    return cut_host_and_port(text, &host, &port, &is_v6) && is_port(port, 0) && is_ip(is_v6 ? AF_INET6 : AF_INET, host);
}

/* One or several, separated by blanks. */
static bool are_all(struct str text, bool (*is_one)(struct str text))
{
    size_t n = 0;

    while (text.n > 0) {
        struct str one = str_split(text, ' ', &text);
        if (one.n > 0 && !is_one(one))
            return false;
        n += one.n > 0;
    }
    return n > 0;
}

/* Letters, digits and - _ . */
static bool is_word(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_')
            return false;
    }
    return true;
}

static bool is_host_name(struct str text)
{
    return text.n > 0 && text.n < 254 && text.p[0] != '-' && text.p[0] != '.' && is_word(text);
}

static bool is_url(struct str text)
{
    const struct str scheme = STR("http://");
    struct str host;
    struct str port;
    bool is_v6;

    if (!str_starts_with(text, scheme))
        return false;
    text = (struct str){text.p + scheme.n, text.n - scheme.n};
    return cut_host_and_port(text, &host, &port, &is_v6) && (port.n == 0 || is_port(port, 1)) &&
           (is_v6 ? is_ip(AF_INET6, host) : is_host_name(host));
}

/* A line in the file and a word in the log: no control characters; and readable. */
static bool is_text(const struct setting *row, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return false;
    }
    return (int64_t)text.n >= row->min && (row->max == 0 || (int64_t)text.n <= row->max) && str_is_utf8(text);
}

/* user:password@host of an address, or the word of a list of words. */
static bool has_password(struct str text)
{
    static const char word[] = "password";
    const char *scheme = text.n ? memmem(text.p, text.n, "://", 3) : NULL;
    const char *at = scheme ? memrchr(scheme, '@', (size_t)(text.p + text.n - scheme)) : NULL;

    if (at && memchr(scheme + 3, ':', (size_t)(at - scheme - 3)))
        return true;
    for (size_t i = 0; i + sizeof(word) - 1 < text.n; i++) {
        size_t end = i + sizeof(word) - 1;
        if (!str_eq_nocase((struct str){text.p + i, sizeof(word) - 1}, str_of(word)))
            continue;
        while (end < text.n && text.p[end] == ' ')
            end++;
        if (end < text.n && text.p[end] == '=')
            return true;
    }
    return false;
}

static bool parse_number(const struct setting *row, struct str text, int64_t *number)
{
    bool understood = row->type == SETTING_BYTES ? parse_bytes(text, number) : str_to_i64(text, number);

    return understood && *number >= row->min && *number <= row->max;
}

static bool text_is_legal(const struct setting *row, struct str text)
{
    switch (row->type) {
    case SETTING_LISTEN:
        return are_all(text, is_address);
    case SETTING_URL:
        return (text.n == 0 && row->min == 0) || is_url(text);
    case SETTING_URLS:
        return are_all(text, is_url);
    case SETTING_WORD:
        return is_word(text) && is_text(row, text);
    case SETTING_SERVER:
        return is_text(row, text) && !has_password(text);
    default:
        return is_text(row, text);
    }
}

bool config_value_set(const struct setting *row, void *into, struct str text, struct arena *arena, struct buf *problem)
{
    int64_t number;
    bool flag;

    switch (row->type) {
    case SETTING_INT:
    case SETTING_MS:
    case SETTING_BYTES:
        if (!parse_number(row, text, &number))
            return refuse(row, problem);
        store_number(row, into, number);
        return true;
    case SETTING_CHOICE:
        if (!parse_choice(text, str_of(row->choices), &number))
            return refuse(row, problem);
        store_number(row, into, number);
        return true;
    case SETTING_BOOL:
        if (!parse_bool(text, &flag))
            return refuse(row, problem);
        if (into)
            memcpy((char *)into + row->offset, &flag, sizeof(flag));
        return true;
    case SETTING_SECRET:
        if (text.n > 0 && !is_text(row, text))
            return refuse(row, problem);
        if (into)
            memcpy((char *)into + row->offset, &text.p, sizeof(text.p)); /* not copied: the fewer there are … */
        return true;
    default:
        return text_is_legal(row, text) ? store_text(row, into, text, arena, problem) : refuse(row, problem);
    }
}

static void write_bytes(int64_t bytes, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (bytes == 0 || bytes % units[i].bytes != 0)
            continue;
        buf_i64(out, bytes / units[i].bytes);
        buf_add(out, str_of(units[i].name));
        return;
    }
    buf_i64(out, bytes);
}

static void write_choice(const char *choices, int64_t index, struct buf *out)
{
    struct str rest = str_of(choices);
    struct str choice = str_split(rest, '|', &rest);

    for (int64_t i = 0; i < index; i++)
        choice = str_split(rest, '|', &rest);
    buf_add(out, choice);
}

void config_value_write(const struct setting *row, const void *from, struct buf *out)
{
    bool flag;

    switch (row->type) {
    case SETTING_INT:
    case SETTING_MS:
        buf_i64(out, load_number(row, from));
        break;
    case SETTING_BYTES:
        write_bytes(load_number(row, from), out);
        break;
    case SETTING_CHOICE:
        write_choice(row->choices, load_number(row, from), out);
        break;
    case SETTING_BOOL:
        memcpy(&flag, (const char *)from + row->offset, sizeof(flag));
        buf_add(out, flag ? STR("true") : STR("false"));
        break;
    default:
        buf_add(out, str_of(load_text(row, from)));
    }
}

static void write_length(const struct setting *row, struct buf *out)
{
    if (row->max == 0 && row->min == 0)
        BUF_LIT(out, "of any length");
    else if (row->max == 0)
        buf_printf(out, "of at least %" PRId64 " bytes", row->min);
    else
        buf_printf(out, "of %" PRId64 "..%" PRId64 " bytes", row->min, row->max);
}

void config_value_range(const struct setting *row, struct buf *out)
{
    switch (row->type) {
    case SETTING_INT:
    case SETTING_MS:
        buf_printf(out, "%" PRId64 "..%" PRId64 "%s", row->min, row->max, row->type == SETTING_MS ? " ms" : "");
        break;
    case SETTING_BYTES:
        write_bytes(row->min, out);
        BUF_LIT(out, "..");
        write_bytes(row->max, out);
        break;
    case SETTING_CHOICE:
        buf_add(out, str_of(row->choices));
        break;
    case SETTING_BOOL:
        BUF_LIT(out, "true|false");
        break;
    case SETTING_LISTEN:
        BUF_LIT(out, "127.0.0.1:8081 or [::1]:8081");
        break;
    case SETTING_URL:
        buf_add(out, row->min == 0 ? STR("http://host:port or empty") : STR("http://host:port"));
        break;
    case SETTING_URLS:
        BUF_LIT(out, "http://host:port http://host:port");
        break;
    case SETTING_SERVER:
        buf_add(out, row->choices ? str_of(row->choices) : STR("postgresql://user@host/database"));
        break;
    case SETTING_TEXT:
    case SETTING_WORD:
    case SETTING_SECRET:
        write_length(row, out);
        break;
    }
}
