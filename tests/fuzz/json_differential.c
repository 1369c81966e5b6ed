/* The decoder and its reference accept the same texts with the same values, and refuse the same with the same kind,
 * member and sentence. */
#include "base.h"
#include "fuzz.h"
#include "fuzz_order.h"
#include "json_internal.h"
#include "json_reference.h"

static void check_same_error(const struct json_error *a, const struct json_error *b)
{
    ASSERT(a->kind == b->kind);
    ASSERT(strcmp(a->member, b->member) == 0);
    ASSERT(str_is_utf8(str_of(a->reason)) && str_is_utf8(str_of(b->reason)));
    /* Where a text stops being JSON, each counts in its own way. */
    if (a->kind != JSON_MALFORMED)
        ASSERT(strcmp(a->reason, b->reason) == 0);
}

static void check_object(struct str text, struct arena *arena)
{
    struct fuzz_order slow, fast;
    struct json_error slow_error, fast_error;

    bool slow_ok = json_reference_decode(&fuzz_order_desc, text, &slow, arena, &slow_error);
    bool fast_ok = json_decode(&fuzz_order_desc, text, &fast, arena, &fast_error);
    ASSERT(slow_ok == fast_ok);
    if (slow_ok)
        fuzz_check_same(&slow, &fast);
    else
        check_same_error(&slow_error, &fast_error);
}

static void check_array(struct str text, struct arena *arena)
{
    struct json_array slow, fast;
    struct json_error slow_error, fast_error;

    bool slow_ok = json_reference_decode_array(&fuzz_line_desc, text, 4, &slow, arena, &slow_error);
    bool fast_ok = json_decode_array(&fuzz_line_desc, text, 4, &fast, arena, &fast_error);
    ASSERT(slow_ok == fast_ok);
    if (slow_ok)
        fuzz_check_same(&(struct fuzz_order){.lines = slow}, &(struct fuzz_order){.lines = fast});
    else
        check_same_error(&slow_error, &fast_error);
}

/* A fraction or exponent that a double can't tell exactly: the reference may take it for another number. */
static bool has_long_number(struct str text)
{
    size_t digits = 0;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c >= '0' && c <= '9')
            digits++;
        else if (c == 'e' || c == 'E') /* an exponent of three digits, or a word, which costs nothing to skip */
            digits = digits ? 12 : 0;
        else if (c != '.' && c != '+' && c != '-')
            digits = 0;
        if (digits > 14)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str text = {(const char *)data, size};

    if (has_long_number(text))
        return 0;
    arena_init(&arena, 0);
    check_object(text, &arena);
    check_array(text, &arena);
    arena_free(&arena);
    return 0;
}
