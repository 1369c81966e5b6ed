/* What was read, written and read again is what was read; and what is written is JSON. */
#include "base.h"
#include "fuzz.h"
#include "fuzz_order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_order first, second;
    struct json_error error;
    struct arena arena;
    struct buf text = {0};

    arena_init(&arena, 0);
    if (json_decode(&fuzz_order_desc, (struct str){(const char *)data, size}, &first, &arena, &error)) {
        /* A year behind 9999 or before 0 can come out of an offset, a name may be missing, and times are written in
         * milliseconds: these don't come back. */
        first.at = 0;
        if (first.name.n == 0)
            first.name = STR("-");
        json_encode(&text, &fuzz_order_desc, &first);
        ASSERT(!text.failed);
        ASSERT(json_decode(&fuzz_order_desc, buf_str(&text), &second, &arena, &error));
        fuzz_check_same(&first, &second);
    }
    buf_free(&text);
    arena_free(&arena);
    return 0;
}
