/** clock.h: the time, in microseconds. Any thread. The domain never includes this: it is told the time. */
#ifndef COFFEESHOP_CLOCK_H
#define COFFEESHOP_CLOCK_H

#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)
#define TIME_NEVER INT64_MAX

enum { TIME_TEXT_SIZE = 32 };

/** Microseconds since 1970-01-01T00:00:00Z; may jump when somebody sets the clock. For what people read. */
int64_t clock_wall(void);
/** Microseconds since some moment; never goes back. For durations and deadlines. */
int64_t clock_monotonic(void);
/** `us` since the epoch as RFC 3339, UTC, milliseconds, into `out` (TIME_TEXT_SIZE bytes, no NUL). Returns the length.
 *  Years 0000 to 9999; outside of them it is clamped. */
size_t time_text(int64_t us, char *out);
/** The reverse; any RFC 3339 date-time with Z or an offset. false when it isn't one. */
bool time_parse(struct str text, int64_t *us);

#endif
