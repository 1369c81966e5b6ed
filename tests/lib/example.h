/** example.h: the examples of the API's description (api/examples) in unit tests: what a producer writes and a consumer
 * reads is held against the same file (ADR 2). A file that isn't there, or isn't JSON, fails the test.
 */
#ifndef COFFEESHOP_EXAMPLE_H
#define COFFEESHOP_EXAMPLE_H

#include "arena.h"
#include "str.h"

/** api/examples/<name>.json, in the arena. */
struct str example_read(struct arena *arena, const char *name);
/** The written text says the same as the example: the same JSON, however it is laid out, the example's links aside. */
void example_assert_written(const char *name, struct str written);

#endif
