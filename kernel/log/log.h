/** log.h: one line per event, to standard error.
 *
 *  log.format = json: {"at":"2026-…Z","level":"info","service":"order","event":"order placed","order":42}
 *  log.format = human: 09:30:00.123 order  order placed  order=42
 *
 *  An event is a short fixed phrase; what varies is a field. Any thread; a line is written by one write(2), so lines
 * never mix. Nothing is logged per request or per order at level info: that is what metrics are for; `debug` shows
 * each.
 */
#ifndef COFFEESHOP_LOG_H
#define COFFEESHOP_LOG_H

#include "str.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_HUMAN, LOG_JSON };

struct log_field {
    const char *name;
    enum { LOG_FIELD_INT, LOG_FIELD_TEXT } kind;
    int64_t number;
    struct str text;
};

/** Once, before threads start. `service` has to outlive the program. */
void log_init(const char *service, enum log_level least, enum log_format format);
bool log_enabled(enum log_level level);
/** Use the macros below. */
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n);

/** What anybody can cause, as often as they like, must not fill the log: one line a minute for all of it. Zero at
 * first; of one thread. */
struct log_seldom {
    int64_t told_us, untold;
};
/** One more has come. True: it is to be told now, and `*n` have come since it was told last, this one among them. */
bool log_seldom(struct log_seldom *seldom, int64_t *n);

/** A reason that is met again and again, whatever succeeds in between, is told once a minute; another one at once. Zero
 * at first; any thread. */
struct log_reason {
    _Atomic int64_t reason, told_us;
};
/** `reason` is any number but 0. True: it is to be told now. */
bool log_is_news(struct log_reason *last, int64_t reason);

#define LOG_I(name_, number_) ((struct log_field){.name = (name_), .kind = LOG_FIELD_INT, .number = (int64_t)(number_)})
#define LOG_S(name_, str_) ((struct log_field){.name = (name_), .kind = LOG_FIELD_TEXT, .text = (str_)})
#define LOG_T(name_, ctext_) ((struct log_field){.name = (name_), .kind = LOG_FIELD_TEXT, .text = str_of(ctext_)})

/** log_at(LOG_INFO, "listening", LOG_S("address", address)); at least one field (what it is about). */
#define log_at(level, event, ...)                                                                                      \
    do {                                                                                                               \
        if (log_enabled(level)) {                                                                                      \
            const struct log_field log_fields_[] = {__VA_ARGS__};                                                      \
            log_write((level), (event), log_fields_, sizeof(log_fields_) / sizeof(log_fields_[0]));                    \
        }                                                                                                              \
    } while (0)
#define log_debug(event, ...) log_at(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_at(LOG_INFO, event, __VA_ARGS__)
#define log_warning(event, ...) log_at(LOG_WARNING, event, __VA_ARGS__)
#define log_error(event, ...) log_at(LOG_ERROR, event, __VA_ARGS__)

#endif
