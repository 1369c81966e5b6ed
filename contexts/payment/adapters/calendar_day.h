/** calendar_day.h: the days of the shop's calendar, in the process's time zone (tzset(3)).
 *
 *  A day is its number from 1970-01-01, so that days are counted and compared as numbers; how long it is, 23, 24 or 25
 * h, is what the zone says. Nothing is kept: any thread, once the zone is set.
 */
#ifndef COFFEESHOP_CALENDAR_DAY_H
#define COFFEESHOP_CALENDAR_DAY_H

#include "str.h"

#include <stdint.h>

enum { CALENDAR_DAY_TEXT = sizeof("2026-11-29") };

/** Of a moment: wall time, us. */
int64_t calendar_day_of(int64_t wall);
/** When a day begins, wall time in us: the first moment that is of this day or a later one. So the days of a zone are
 * without a gap and without an overlap, also where midnight is passed over or comes twice. */
int64_t calendar_day_begin(int64_t day);
/** As 2026-11-29 (ISO 8601), with a NUL behind it. */
void calendar_day_text(int64_t day, char out[CALENDAR_DAY_TEXT]);
/** false: it is no day of 1970 … 9999 as calendar_day_text() writes it. */
bool calendar_day_read(struct str text, int64_t *day);

#endif
