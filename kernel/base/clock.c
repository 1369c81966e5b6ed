#include "clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t clock_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* Days since the epoch <-> civil date in the proleptic Gregorian calendar, counting years from March so that the leap
 * day is the last of its year (the usual 400-year-era arithmetic). */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;

    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

static char *put_digits(char *out, int64_t number, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return out + width;
}

size_t time_text(int64_t us, char *out)
{
    const int64_t first = INT64_C(-62167219200000000); /* 0000-01-01 */
    const int64_t last = INT64_C(253402300799999999);  /* 9999-12-31 */
    if (us < first)
        us = first;
    if (us > last)
        us = last;

    int64_t ms = us >= 0 ? us / 1000 : -((-us + 999) / 1000);
    int64_t days = ms >= 0 ? ms / 86400000 : -((-ms + 86399999) / 86400000);
    int64_t of_day = ms - days * 86400000;
    int64_t year, month, day;
    civil_from_days(days, &year, &month, &day);

    char *p = put_digits(out, year, 4);
    *p++ = '-';
    p = put_digits(p, month, 2);
    *p++ = '-';
    p = put_digits(p, day, 2);
    *p++ = 'T';
    p = put_digits(p, of_day / 3600000, 2);
    *p++ = ':';
    p = put_digits(p, of_day / 60000 % 60, 2);
    *p++ = ':';
    p = put_digits(p, of_day / 1000 % 60, 2);
    *p++ = '.';
    p = put_digits(p, of_day % 1000, 3);
    *p++ = 'Z';
    return (size_t)(p - out);
}

/* Reads `width` digits at *at; -1 when they aren't digits or the text ends. */
static int64_t take_digits(struct str text, size_t *at, size_t width)
{
    int64_t value = 0;

    if (text.n - *at < width)
        return -1;
    for (size_t i = 0; i < width; i++) {
        char c = text.p[(*at)++];
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    return value;
}

static bool take_char(struct str text, size_t *at, char c)
{
    if (*at >= text.n || text.p[*at] != c)
        return false;
    (*at)++;
    return true;
}

/* The fraction of a second in microseconds; digits past the sixth are dropped. */
static bool take_fraction(struct str text, size_t *at, int64_t *us)
{
    int64_t scale = 100000;
    size_t start;

    *us = 0;
    if (!take_char(text, at, '.'))
        return true;
    start = *at;
    while (*at < text.n && text.p[*at] >= '0' && text.p[*at] <= '9') {
        *us += (text.p[*at] - '0') * scale;
        scale /= 10;
        (*at)++;
    }
    return *at > start;
}

static bool take_offset(struct str text, size_t *at, int64_t *minutes)
{
    *minutes = 0;
    if (take_char(text, at, 'Z') || take_char(text, at, 'z'))
        return true;
    bool minus = *at < text.n && text.p[*at] == '-';
    if (!minus && !(*at < text.n && text.p[*at] == '+'))
        return false;
    (*at)++;
    int64_t hours = take_digits(text, at, 2);
    if (hours < 0 || hours > 23 || !take_char(text, at, ':'))
        return false;
    int64_t mins = take_digits(text, at, 2);
    if (mins < 0 || mins > 59)
        return false;
    *minutes = (hours * 60 + mins) * (minus ? -1 : 1);
    return true;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

bool time_parse(struct str text, int64_t *us)
{
    size_t at = 0;
    int64_t fraction, offset;
    int64_t year = take_digits(text, &at, 4);
    if (year < 0 || !take_char(text, &at, '-'))
        return false;
    int64_t month = take_digits(text, &at, 2);
    if (month < 1 || month > 12 || !take_char(text, &at, '-'))
        return false;
    int64_t day = take_digits(text, &at, 2);
    if (day < 1 || day > days_in_month(year, month) || (!take_char(text, &at, 'T') && !take_char(text, &at, 't')))
        return false;
    int64_t hour = take_digits(text, &at, 2);
    if (hour < 0 || hour > 23 || !take_char(text, &at, ':'))
        return false;
    int64_t minute = take_digits(text, &at, 2);
    if (minute < 0 || minute > 59 || !take_char(text, &at, ':'))
        return false;
    int64_t second = take_digits(text, &at, 2);
    if (second < 0 || second > 60 || !take_fraction(text, &at, &fraction) || !take_offset(text, &at, &offset) ||
        at != text.n)
        return false;
    *us = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 * US_PER_S + second * US_PER_S +
          fraction;
    return true;
}
