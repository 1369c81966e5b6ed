#include "log.h"

#include "base.h"
#include "buf.h"
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* Set once before threads start (log_init), only read afterwards. */
static struct {
    const char *service;
    enum log_level least;
    enum log_format format;
} settings = {.service = "coffeeshop", .least = LOG_INFO, .format = LOG_HUMAN};

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_init(const char *service, enum log_level least, enum log_format format)
{
    settings.service = service;
    settings.least = least;
    settings.format = format;
}

bool log_enabled(enum log_level level)
{
    return level >= settings.least;
}

/* JSON has to be UTF-8 whatever a client sent: in a text that isn't, every byte past ASCII becomes a question mark. */
static void add_json_text(struct buf *line, struct str text)
{
    if (str_is_utf8(text)) {
        buf_json_string(line, text);
        return;
    }
    struct buf ascii = {0};
    for (size_t i = 0; i < text.n; i++) {
        bool is_ascii = (unsigned char)text.p[i] < 0x80;
        buf_add(&ascii, is_ascii ? (struct str){text.p + i, 1} : STR("?"));
    }
    buf_json_string(line, buf_str(&ascii));
    buf_free(&ascii);
}

/* Quoted when it would not read as one word, and so that no client can write lines or terminal commands into the log.
 */
static bool is_plain_word(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7f)
            return false;
    }
    return text.n > 0;
}

static void add_json_line(struct buf *line, enum log_level level, const char *event, const struct log_field *fields,
                          size_t n)
{
    BUF_LIT(line, "{\"at\":\"");
    buf_time(line, clock_wall());
    BUF_LIT(line, "\",\"level\":\"");
    buf_add(line, str_of(level_names[level]));
    BUF_LIT(line, "\",\"service\":");
    add_json_text(line, str_of(settings.service));
    BUF_LIT(line, ",\"event\":");
    add_json_text(line, str_of(event));
    for (size_t i = 0; i < n; i++) {
        buf_char(line, ',');
        add_json_text(line, str_of(fields[i].name));
        buf_char(line, ':');
        if (fields[i].kind == LOG_FIELD_INT)
            buf_i64(line, fields[i].number);
        else
            add_json_text(line, fields[i].text);
    }
    BUF_LIT(line, "}\n");
}

static void add_human_line(struct buf *line, enum log_level level, const char *event, const struct log_field *fields,
                           size_t n)
{
    enum { DATE_LENGTH = sizeof("2026-11-23T") - 1, CLOCK_LENGTH = sizeof("09:30:00.123") - 1 };
    char now[TIME_TEXT_SIZE];

    time_text(clock_wall(), now);
    buf_add(line, (struct str){now + DATE_LENGTH, CLOCK_LENGTH});
    buf_char(line, ' ');
    buf_add(line, str_of(settings.service));
    BUF_LIT(line, "  ");
    if (level != LOG_INFO) {
        buf_add(line, str_of(level_names[level]));
        BUF_LIT(line, ": ");
    }
    buf_add(line, str_of(event));
    for (size_t i = 0; i < n; i++) {
        buf_add(line, i == 0 ? STR("  ") : STR(" "));
        buf_add(line, str_of(fields[i].name));
        buf_char(line, '=');
        if (fields[i].kind == LOG_FIELD_INT)
            buf_i64(line, fields[i].number);
        else if (is_plain_word(fields[i].text))
            buf_add(line, fields[i].text);
        else
            add_json_text(line, fields[i].text);
    }
    buf_char(line, '\n');
}

/* One write, so that lines of several threads and processes never mix. A standard error that is closed, full, or that
 * nobody reads (a pipe to a program that is stopped) is no reason to stop or to wait: the line is left out. */
static void write_line(struct str line)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t written;

    if (poll(&out, 1, 0) == 0)
        return;
    do {
        written = write(STDERR_FILENO, line.p, line.n);
    } while (written < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    struct buf line = {0};

    if (!log_enabled(level))
        return;
    if (settings.format == LOG_JSON)
        add_json_line(&line, level, event, fields, n);
    else
        add_human_line(&line, level, event, fields, n);
    write_line(line.failed ? STR("a line is missing here: out of memory\n") : buf_str(&line));
    buf_free(&line);
}

enum { TOLD_EVERY_US = 60 * US_PER_S };

bool log_seldom(struct log_seldom *seldom, int64_t *n)
{
    int64_t now = clock_monotonic();

    seldom->untold++;
    if (seldom->told_us && now - seldom->told_us < TOLD_EVERY_US)
        return false;
    *n = seldom->untold;
    *seldom = (struct log_seldom){.told_us = now};
    return true;
}

bool log_is_news(struct log_reason *last, int64_t reason)
{
    int64_t now = clock_monotonic();

    if (atomic_exchange(&last->reason, reason) == reason && now - atomic_load(&last->told_us) < TOLD_EVERY_US)
        return false;
    atomic_store(&last->told_us, now);
    return true;
}
