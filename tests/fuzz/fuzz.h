/** fuzz.h: what libFuzzer calls: any bytes; returns 0, or aborts on what must never be. */
#ifndef COFFEESHOP_FUZZ_H
#define COFFEESHOP_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
