/** base.h: the few macros that every file may use.
 *
 *  ASSERT stays on in release builds: a broken invariant ends the process (the supervisor starts it again from what is
 *  durable), because going on with a wrong state would lose somebody's coffee or money. It is for bugs only: what a
 *  client sends is refused, and what the world breaks is an error code (errors.h).
 */
#ifndef COFFEESHOP_BASE_H
#define COFFEESHOP_BASE_H

#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/** The struct that embeds `member` at `pointer`. */
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__, __func__))

/** Prints where and what to standard error, then aborts. Never returns. */
_Noreturn void assert_failed(const char *condition, const char *file, int line, const char *function);

#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define UNUSED(x) ((void)(x))

#endif
