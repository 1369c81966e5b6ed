#include "config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool refuse(const char *path, size_t number, const char *why, struct buf *problem)
{
    buf_printf(problem, "%s:%zu: %s", path, number, why);
    return false;
}

/* From the opening quote to the closing one; backslash takes the next byte as it is. Returns what is behind, or p NULL.
 */
static struct str unquote(struct str text, struct buf *value)
{
    for (size_t i = 1; i < text.n; i++) {
        if (text.p[i] == '"')
            return (struct str){text.p + i + 1, text.n - i - 1};
        if (text.p[i] == '\\' && ++i == text.n)
            break;
        buf_char(value, text.p[i]);
    }
    return (struct str){NULL, 0};
}

/* A comment begins at a # that is the first thing or stands behind a blank, so that a value may hold one inside. */
static struct str without_comment(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '#' && (i == 0 || text.p[i - 1] == ' ' || text.p[i - 1] == '\t'))
            return (struct str){text.p, i};
    }
    return text;
}

static bool parse_value(struct str text, struct buf *value)
{
    text = str_trim(text);
    if (text.n == 0 || text.p[0] != '"') {
        buf_add(value, str_trim(without_comment(text)));
        return !value->failed;
    }
    struct str behind = unquote(text, value);
    return behind.p && str_trim(without_comment(behind)).n == 0 && !value->failed;
}

static bool parse_line(const char *path, size_t number, struct str text, config_line *line, void *context,
                       struct buf *problem)
{
    struct str rest;
    struct str name = str_trim(str_split(text, '=', &rest));
    struct buf value = {0};
    struct buf where = {0};

    if (!rest.p || name.n == 0)
        return refuse(path, number, "this is not a line like `name = value`", problem);
    bool ok = parse_value(rest, &value);
    if (!ok) {
        refuse(path, number, "a quoted value has to end with a quote, and nothing may follow it", problem);
    } else {
        buf_printf(&where, "%s:%zu: %.*s", path, number, STR_ARG(name));
        ok = line(context, buf_str(&where), name, buf_str(&value));
    }
    buf_free(&value);
    buf_free(&where);
    return ok;
}

bool config_text_read(const char *path, struct str text, config_line *line, void *context, struct buf *problem)
{
    text = str_without_bom(text);
    for (size_t number = 1; text.n > 0; number++) {
        struct str one = str_split(text, '\n', &text);
        if (one.n > 0 && one.p[one.n - 1] == '\r')
            one.n--;
        one = str_trim(one);
        if (one.n == 0 || one.p[0] == '#')
            continue;
        if (!parse_line(path, number, one, line, context, problem))
            return false;
    }
    return true;
}

static bool read_all(int fd, struct buf *text)
{
    while (text->n <= CONFIG_FILE_MAX && buf_reserve(text, 4096)) {
        ssize_t n = read(fd, text->p + text->n, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        text->n += (size_t)n;
    }
    errno = text->failed ? ENOMEM : EFBIG;
    return false;
}

bool config_file_read(const char *path, config_line *line, void *context, struct buf *problem)
{
    struct buf text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && read_all(fd, &text);

    if (!ok)
        buf_printf(problem, "can't read the settings in %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    ok = ok && config_text_read(path, buf_str(&text), line, context, problem);
    buf_free(&text);
    return ok;
}

static bool reads_back(struct str value)
{
    if (value.n == 0)
        return true;
    return value.p[0] != '"' && str_trim(value).n == value.n && without_comment(value).n == value.n;
}

void config_file_write_value(struct str value, struct buf *out)
{
    if (reads_back(value)) {
        buf_add(out, value);
        return;
    }
    buf_char(out, '"');
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"' || value.p[i] == '\\')
            buf_char(out, '\\');
        buf_char(out, value.p[i]);
    }
    buf_char(out, '"');
}
