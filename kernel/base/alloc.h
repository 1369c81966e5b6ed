/** alloc.h: the one door to the heap, so that tests can make the nth allocation fail.
 *
 *  Any thread. What is returned is freed with heap_free(). The failure switch is for tests; it counts every thread's
 * calls.
 */
#ifndef COFFEESHOP_ALLOC_H
#define COFFEESHOP_ALLOC_H

#include <stddef.h>
#include <stdint.h>

/** `size` zeroed bytes, or NULL. */
void *heap_alloc(size_t size);
/** As realloc(); new bytes are not zeroed. On NULL the old block is still the caller's. */
void *heap_resize(void *block, size_t size);
void heap_free(void *block);

/** The `nth` allocation from now on (1 = the next) fails once; 0 switches it off. Returns how many were left until the
 * one asked for before; 0: none. Tests only. */
uint64_t heap_fail_at(uint64_t nth);
/** Whether the failure asked for has happened. */
int heap_has_failed(void);

#endif
