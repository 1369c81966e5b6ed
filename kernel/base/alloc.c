#include "alloc.h"

#include <stdatomic.h>
#include <stdlib.h>

static _Atomic uint64_t fail_in; /* 0: never */
static _Atomic int failed;

static int must_fail(void)
{
    uint64_t left = atomic_load_explicit(&fail_in, memory_order_relaxed);

    if (left == 0)
        return 0;
    left = atomic_fetch_sub(&fail_in, 1);
    if (left != 1)
        return 0;
    atomic_store(&failed, 1);
    return 1;
}

void *heap_alloc(size_t size)
{
    return must_fail() ? NULL : calloc(1, size ? size : 1);
}

void *heap_resize(void *block, size_t size)
{
    return must_fail() ? NULL : realloc(block, size ? size : 1);
}

void heap_free(void *block)
{
    free(block);
}

uint64_t heap_fail_at(uint64_t nth)
{
    atomic_store(&failed, 0);
    return atomic_exchange(&fail_in, nth);
}

int heap_has_failed(void)
{
    return atomic_load(&failed);
}
