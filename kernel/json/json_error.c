/* Errors that a person can read: which member, and what would have been right. */
#include "json_internal.h"

#include <stdio.h>

static void put(char *to, size_t size, const char *text)
{
    size_t n = strlen(text);

    if (n >= size)
        n = size - 1;
    memcpy(to, text, n);
    to[n] = '\0';
}

bool json_fail(struct json_error *error, enum json_error_kind kind, const char *member, const char *reason)
{
    error->kind = kind;
    put(error->member, sizeof(error->member), member ? member : "");
    put(error->reason, sizeof(error->reason), reason);
    return false;
}

bool json_fail_memory(struct json_error *error)
{
    return json_fail(error, JSON_NO_MEMORY, NULL, "can't be read now: out of memory");
}

/* Puts `outer` before the member's name; an index needs no dot before it. */
static bool prefix(struct json_error *error, const char *outer)
{
    char inner[sizeof(error->member)];
    const char *dot = error->member[0] != '\0' && error->member[0] != '[' ? "." : "";

    if (error->kind == JSON_NO_MEMORY)
        return false;
    put(inner, sizeof(inner), error->member);
    put(error->member, sizeof(error->member), outer);
    size_t n = strlen(error->member);
    put(error->member + n, sizeof(error->member) - n, dot);
    n += strlen(error->member + n);
    put(error->member + n, sizeof(error->member) - n, inner);
    return false;
}

bool json_fail_inside(struct json_error *error, const char *outer)
{
    return prefix(error, outer);
}

bool json_fail_at_item(struct json_error *error, size_t index)
{
    char outer[32];

    (void)snprintf(outer, sizeof(outer), "[%zu]", index);
    return prefix(error, outer);
}

bool json_fail_too_many(struct json_error *error, const char *member, size_t max)
{
    (void)json_fail(error, JSON_OUT_OF_RANGE, member, "");
    (void)snprintf(error->reason, sizeof(error->reason), "must have at most %zu items", max);
    return false;
}

static void say_number(char *out, size_t size, const struct json_field *field)
{
    long long min = field->min, max = field->max;

    if (field->min == INT64_MIN && field->max == INT64_MAX)
        put(out, size, "must be a whole number");
    else if (field->max == INT64_MAX)
        (void)snprintf(out, size, "must be a whole number, at least %lld", min);
    else if (field->min == INT64_MIN)
        (void)snprintf(out, size, "must be a whole number, at most %lld", max);
    else
        (void)snprintf(out, size, "must be a whole number from %lld to %lld", min, max);
}

static void say_string(char *out, size_t size, const struct json_field *field)
{
    long long min = field->min, max = field->max;

    if (field->min <= 0 && field->max == INT64_MAX)
        put(out, size, "must be text");
    else if (field->max == INT64_MAX && field->min == 1)
        put(out, size, "must be text, and not empty");
    else if (field->max == INT64_MAX)
        (void)snprintf(out, size, "must be text of at least %lld characters", min);
    else if (field->min <= 0)
        (void)snprintf(out, size, "must be text of at most %lld characters", max);
    else
        (void)snprintf(out, size, "must be text of %lld to %lld characters", min, max);
}

bool json_fail_field(struct json_error *error, enum json_error_kind kind, const struct json_field *field)
{
    (void)json_fail(error, kind, field->name, "");
    switch (field->type) {
    case JSON_I64:
        say_number(error->reason, sizeof(error->reason), field);
        break;
    case JSON_STRING:
        say_string(error->reason, sizeof(error->reason), field);
        break;
    case JSON_BOOL:
        put(error->reason, sizeof(error->reason), "must be true or false");
        break;
    case JSON_TIME:
        put(error->reason, sizeof(error->reason), "must be a date and time such as 2026-11-23T09:30:00Z");
        break;
    case JSON_OBJECT:
        put(error->reason, sizeof(error->reason), "must be an object");
        break;
    case JSON_ARRAY:
        put(error->reason, sizeof(error->reason), "must be an array of objects");
        break;
    case JSON_RAW:
        put(error->reason, sizeof(error->reason), "must be a value");
        break;
    }
    return false;
}

int json_error_status(enum json_error_kind kind)
{
    switch (kind) {
    case JSON_FINE:
        return 200;
    case JSON_MALFORMED:
    case JSON_NOT_OBJECT:
        return 400;
    case JSON_MISSING:
    case JSON_WRONG_TYPE:
    case JSON_OUT_OF_RANGE:
        return 422;
    case JSON_NO_MEMORY:
        break;
    }
    return 503;
}
