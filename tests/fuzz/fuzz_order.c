#include "fuzz_order.h"

#include "base.h"

static const struct json_field line_fields[] = {
    JSON_FIELD(struct fuzz_line, "n", name, JSON_STRING, JSON_REQUIRED, 0, 20),
    JSON_FIELD(struct fuzz_line, "q", qty, JSON_I64, JSON_NUMBER_TEXT, -5, 5),
};
const struct json_desc fuzz_line_desc = {"line", line_fields, COUNT_OF(line_fields), sizeof(struct fuzz_line)};

/* Short names, so that the fuzzer finds them. */
static const struct json_field order_fields[] = {
    JSON_FIELD_ALIAS(struct fuzz_order, "p", "i", name, JSON_STRING, 0, 1, INT64_MAX),
    JSON_FIELD(struct fuzz_order, "t", note, JSON_STRING, JSON_NULLABLE, 0, INT64_MAX),
    JSON_FIELD(struct fuzz_order, "q", qty, JSON_I64, JSON_NUMBER_TEXT | JSON_NULLABLE, INT64_MIN, INT64_MAX),
    JSON_FIELD(struct fuzz_order, "a", any, JSON_I64, 0, INT64_MIN, INT64_MAX),
    JSON_FIELD(struct fuzz_order, "at", at, JSON_TIME, 0, 0, 0),
    JSON_FIELD(struct fuzz_order, "id", id, JSON_I64, JSON_READ_ONLY, 0, 0),
    JSON_FIELD(struct fuzz_order, "b", paid, JSON_BOOL, JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD_OF(struct fuzz_order, "o", gift, JSON_OBJECT, JSON_NULLABLE, &fuzz_line_desc, 0),
    JSON_FIELD_OF(struct fuzz_order, "l", lines, JSON_ARRAY, JSON_NULLABLE, &fuzz_line_desc, 3),
};
const struct json_desc fuzz_order_desc = {"order", order_fields, COUNT_OF(order_fields), sizeof(struct fuzz_order)};

static void check_same_line(const struct fuzz_line *a, const struct fuzz_line *b)
{
    ASSERT(str_eq(a->name, b->name));
    ASSERT(a->qty == b->qty);
}

void fuzz_check_same(const struct fuzz_order *a, const struct fuzz_order *b)
{
    ASSERT(str_eq(a->name, b->name));
    ASSERT(str_eq(a->note, b->note));
    ASSERT(a->qty == b->qty);
    ASSERT(a->any == b->any);
    ASSERT(a->at == b->at);
    ASSERT(a->paid == b->paid);
    check_same_line(&a->gift, &b->gift);
    ASSERT(a->lines.n == b->lines.n);
    for (size_t i = 0; i < a->lines.n; i++)
        check_same_line((const struct fuzz_line *)a->lines.items + i, (const struct fuzz_line *)b->lines.items + i);
}
