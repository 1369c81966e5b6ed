#include "calendar_day.h"

#include "clock.h"

#include <time.h>

enum { DAY_S = 24 * 3600, FAR_S = 36 * 3600 /* no zone is so far from UTC */ };

/* What the calendar shows, as a number. */
static int64_t number_of(const struct tm *shown)
{
    struct tm date = {.tm_year = shown->tm_year, .tm_mon = shown->tm_mon, .tm_mday = shown->tm_mday};

    return (int64_t)timegm(&date) / DAY_S;
}

static int64_t day_at(int64_t second)
{
    time_t moment = (time_t)second;
    struct tm shown;

    localtime_r(&moment, &shown);
    return number_of(&shown);
}

int64_t calendar_day_of(int64_t wall)
{
    return day_at(wall / US_PER_S);
}

/* Not by mktime(): of a midnight that doesn't exist, or exists twice, it may give either side. */
int64_t calendar_day_begin(int64_t day)
{
    int64_t before = day * DAY_S - FAR_S;
    int64_t within = day * DAY_S + FAR_S;

    while (within - before > 1) {
        int64_t middle = before + (within - before) / 2;
        if (day_at(middle) < day)
            before = middle;
        else
            within = middle;
    }
    return within * US_PER_S;
}

void calendar_day_text(int64_t day, char out[CALENDAR_DAY_TEXT])
{
    time_t moment = (time_t)(day * DAY_S);
    struct tm date;

    gmtime_r(&moment, &date);
    if (strftime(out, CALENDAR_DAY_TEXT, "%Y-%m-%d", &date) == 0)
        out[0] = '\0';
}

static bool take_number(struct str text, int64_t least, int64_t most, int *number)
{
    int64_t value;

    if (!str_to_i64(text, &value) || value < least || value > most)
        return false;
    *number = (int)value;
    return true;
}

bool calendar_day_read(struct str text, int64_t *day)
{
    int year, month, of_month;
    struct str rest;
    char back[CALENDAR_DAY_TEXT];

    if (!take_number(str_split(text, '-', &rest), 1970, 9999, &year) ||
        !take_number(str_split(rest, '-', &rest), 1, 12, &month) || !take_number(rest, 1, 31, &of_month))
        return false;
    *day = number_of(&(struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = of_month});
    calendar_day_text(*day, back);
    return str_is(text, back); /* the 30th of February would come back as another day, 2026-1-1 with zeros */
}
