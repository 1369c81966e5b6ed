/* An event that is read can be written and read again: type, subject, version and data come back. Its type, when it is
 * known ahead, is the one that is read. */
#include "event.h"

#include "base.h"
#include "fuzz.h"
#include "fuzz_order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event first, second;
    struct fuzz_line line, again;
    struct json_error error;
    struct arena arena;
    struct buf text = {0};
    struct str ahead = event_type_ahead((struct str){(const char *)data, size});

    arena_init(&arena, 0);
    if (event_decode((struct str){(const char *)data, size}, &first, &fuzz_line_desc, &line, &arena, &error)) {
        ASSERT(ahead.n == 0 || str_eq(ahead, first.type));
        event_encode(&text, STR("fuzz"), 1, &first, &fuzz_line_desc, &line);
        ASSERT(!text.failed);
        ASSERT(event_decode(buf_str(&text), &second, &fuzz_line_desc, &again, &arena, &error));
        ASSERT(str_eq(first.type, second.type));
        ASSERT(str_eq(first.subject, second.subject));
        ASSERT(str_eq(first.correlation, second.correlation));
        ASSERT(str_eq(first.traceparent, second.traceparent));
        ASSERT(first.version == second.version);
        ASSERT(str_eq(line.name, again.name) && line.qty == again.qty);
    } else {
        ASSERT(error.kind != JSON_FINE && error.kind != JSON_NO_MEMORY);
    }
    buf_free(&text);
    arena_free(&arena);
    return 0;
}
