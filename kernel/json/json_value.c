/* What one value has to be like to become one member. */
#include "base.h"
#include "clock.h"
#include "json_internal.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool json_check_start(struct str text, bool wants_array, struct json_error *error)
{
    size_t at = 0;

    if (text.n > JSON_MAX_TEXT)
        return json_fail(error, JSON_MALFORMED, NULL, "is longer than 16 MiB");
    while (at < text.n && is_space(text.p[at]))
        at++;
    if (at == text.n)
        return json_fail(error, JSON_MALFORMED, NULL, "is empty, and has to be JSON");
    char c = text.p[at];
    if (c == '{' || c == '[')
        return true;
    if (memchr(text.p, '\0', text.n))
        return json_fail(error, JSON_MALFORMED, NULL, "has a NUL byte in it");
    if (c == '"' || c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' || c == 'n')
        return json_fail(error, JSON_NOT_OBJECT, NULL, wants_array ? "must be an array" : "must be an object");
    return json_fail(error, JSON_MALFORMED, NULL, "isn't JSON");
}

enum json_presence json_presence(const struct json_field *field, bool missing, enum json_kind kind,
                                 struct json_error *error)
{
    if (!missing && kind != JSON_KIND_NULL)
        return JSON_STORE;
    if (field->flags & JSON_REQUIRED) {
        (void)json_fail(error, JSON_MISSING, field->name, missing ? "is required" : "is required and must not be null");
        return JSON_REFUSE;
    }
    if (missing || (field->flags & (JSON_NULLABLE | JSON_OPTIONAL)))
        return JSON_LEAVE;
    if (field->type == JSON_RAW)
        return JSON_STORE;
    (void)json_fail(error, JSON_WRONG_TYPE, field->name, "must not be null");
    return JSON_REFUSE;
}

void json_leave(const struct json_field *field, void *out)
{
    if (field->type == JSON_I64 && (field->flags & JSON_OPTIONAL))
        *(int64_t *)json_member(field, out) = JSON_ABSENT;
}

static bool is_integer_text(struct str text)
{
    size_t at = text.n > 0 && text.p[0] == '-';

    if (at == text.n)
        return false;
    for (; at < text.n; at++) {
        if (text.p[at] < '0' || text.p[at] > '9')
            return false;
    }
    return true;
}

static bool store_i64(const struct json_field *field, const struct json_value *value, int64_t *out,
                      struct json_error *error)
{
    int64_t number = value->integer;
    bool too_large = value->too_large;

    if (value->kind == JSON_KIND_STRING && (field->flags & JSON_NUMBER_TEXT) && is_integer_text(value->text))
        too_large = !str_to_i64(value->text, &number);
    else if (!value->whole)
        return json_fail_field(error, JSON_WRONG_TYPE, field);
    if (too_large || number < field->min || number > field->max)
        return json_fail_field(error, JSON_OUT_OF_RANGE, field);
    *out = number;
    return true;
}

/* In characters; of most texts the bytes decide without counting. */
static bool has_length(struct str text, int64_t min, int64_t max)
{
    bool sure = (int64_t)text.n <= max && (min <= 1 || str_characters(text) == text.n);
    int64_t n = (int64_t)(sure ? text.n : str_characters(text));

    return n >= min && n <= max;
}

static bool store_string(const struct json_field *field, const struct json_value *value, struct str *out,
                         struct json_error *error)
{
    if (value->kind != JSON_KIND_STRING)
        return json_fail_field(error, JSON_WRONG_TYPE, field);
    if (!has_length(value->text, field->min, field->max))
        return json_fail_field(error, JSON_OUT_OF_RANGE, field);
    *out = value->text;
    return true;
}

bool json_store(const struct json_field *field, const struct json_value *value, void *out, struct json_error *error)
{
    void *member = json_member(field, out);

    ASSERT(field->type != JSON_OBJECT && field->type != JSON_ARRAY && field->type != JSON_RAW);
    switch (field->type) {
    case JSON_I64:
        return store_i64(field, value, member, error);
    case JSON_STRING:
        return store_string(field, value, member, error);
    case JSON_BOOL:
        if (value->kind != JSON_KIND_TRUE && value->kind != JSON_KIND_FALSE)
            return json_fail_field(error, JSON_WRONG_TYPE, field);
        *(bool *)member = value->kind == JSON_KIND_TRUE;
        return true;
    case JSON_TIME:
        if (value->kind != JSON_KIND_STRING || !time_parse(value->text, member))
            return json_fail_field(error, JSON_WRONG_TYPE, field);
        return true;
    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_RAW:
        break;
    }
    return false;
}

bool json_array_room(struct json_array *array, const struct json_desc *desc, size_t n, struct arena *arena,
                     struct json_error *error)
{
    *array = (struct json_array){0};
    if (n == 0)
        return true;
    if (n > SIZE_MAX / desc->size)
        return json_fail_memory(error);
    array->items = arena_alloc(arena, n * desc->size);
    if (!array->items)
        return json_fail_memory(error);
    array->n = n;
    return true;
}
