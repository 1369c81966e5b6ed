/** json_sample.h: an order with every kind of member, for the tests of the JSON decoders; what one says, the other has
 * to say too. */
#ifndef COFFEESHOP_JSON_SAMPLE_H
#define COFFEESHOP_JSON_SAMPLE_H

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "json.h"
#include "json_reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct line {
    struct str name;
    int64_t qty;
};

struct order {
    struct str name;
    int64_t qty;
    int64_t table;
    bool paid;
    int64_t at;
    struct str note;
    int64_t id;
    struct line gift;
    struct json_array lines;
};

static const struct json_field line_fields[] = {
    JSON_FIELD(struct line, "name", name, JSON_STRING, JSON_REQUIRED, 1, 10),
    JSON_FIELD(struct line, "qty", qty, JSON_I64, JSON_REQUIRED, 1, 9),
};
static const struct json_desc line_desc = {"line", line_fields, COUNT_OF(line_fields), sizeof(struct line)};

static const struct json_field order_fields[] = {
    JSON_FIELD_ALIAS(struct order, "productName", "item", name, JSON_STRING, JSON_REQUIRED, 1, 10),
    JSON_FIELD(struct order, "qty", qty, JSON_I64, JSON_REQUIRED | JSON_NUMBER_TEXT, 1, 1000),
    JSON_FIELD(struct order, "table", table, JSON_I64, 0, INT64_MIN, INT64_MAX),
    JSON_FIELD(struct order, "paid", paid, JSON_BOOL, 0, 0, 0),
    JSON_FIELD(struct order, "at", at, JSON_TIME, JSON_NULLABLE, 0, 0),
    JSON_FIELD(struct order, "note", note, JSON_STRING, JSON_NULLABLE, 0, 100),
    JSON_FIELD(struct order, "id", id, JSON_I64, JSON_READ_ONLY | JSON_SKIP_EMPTY, 0, INT64_MAX),
    JSON_FIELD_OF(struct order, "gift", gift, JSON_OBJECT, JSON_NULLABLE, &line_desc, 0),
    JSON_FIELD_OF(struct order, "lines", lines, JSON_ARRAY, JSON_SKIP_EMPTY, &line_desc, 3),
};
static const struct json_desc order_desc = {"order", order_fields, COUNT_OF(order_fields), sizeof(struct order)};

static inline void assert_text(struct str text, const char *expected)
{
    assert_int_equal(text.n, strlen(expected));
    assert_memory_equal(text.p ? text.p : "", expected, text.n);
}

typedef bool decode_fn(const struct json_desc *desc, struct str text, void *out, struct arena *arena,
                       struct json_error *error);
static decode_fn *const decoders[] = {json_reference_decode, json_decode};

/* What both decoders make of a text; the arena is the test's, from setup(). */
static inline struct order read_order(void **state, struct str text)
{
    struct order order = {0};

    for (size_t i = 0; i < COUNT_OF(decoders); i++) {
        struct json_error error;
        memset(&order, 0xAA, sizeof(order));
        if (!decoders[i](&order_desc, text, &order, *state, &error))
            fail_msg("decoder %zu: %s %s", i, error.member, error.reason);
        assert_int_equal(error.kind, JSON_FINE);
    }
    return order;
}

static inline struct json_error refuse(void **state, struct str text)
{
    struct json_error errors[COUNT_OF(decoders)];
    struct order order;

    for (size_t i = 0; i < COUNT_OF(decoders); i++) {
        if (decoders[i](&order_desc, text, &order, *state, &errors[i]))
            fail_msg("decoder %zu took %.*s", i, STR_ARG(text));
        assert_int_not_equal(errors[i].kind, JSON_FINE);
    }
    assert_int_equal(errors[0].kind, errors[1].kind);
    assert_string_equal(errors[0].member, errors[1].member);
    if (errors[0].kind != JSON_MALFORMED)
        assert_string_equal(errors[0].reason, errors[1].reason);
    return errors[0];
}

static inline void assert_refused(void **state, const char *text, enum json_error_kind kind, const char *member,
                                  const char *reason)
{
    struct json_error error = refuse(state, str_of(text));

    assert_int_equal(error.kind, kind);
    assert_string_equal(error.member, member);
    assert_string_equal(error.reason, reason);
}

static inline void assert_malformed(void **state, struct str text)
{
    struct json_error error = refuse(state, text);

    if (error.kind != JSON_MALFORMED)
        fail_msg("%.*s: kind %d, %s", STR_ARG(text), error.kind, error.reason);
    assert_string_equal(error.member, "");
    assert_true(strlen(error.reason) > 0);
}

static inline int setup(void **state)
{
    static struct arena arena;

    arena_init(&arena, 0);
    *state = &arena;
    return 0;
}

static inline int teardown(void **state)
{
    heap_fail_at(0);
    arena_free(*state);
    return 0;
}

#endif
