/* A struct written as JSON by its descriptor. */
#include "json_internal.h"

static bool is_empty(const struct json_field *field, const void *member)
{
    switch (field->type) {
    case JSON_I64:
        return *(const int64_t *)member == (field->flags & JSON_OPTIONAL ? JSON_ABSENT : 0);
    case JSON_TIME:
        return *(const int64_t *)member == 0;
    case JSON_STRING:
    case JSON_RAW:
        return ((const struct str *)member)->n == 0;
    case JSON_BOOL:
        return !*(const bool *)member;
    case JSON_ARRAY:
        return ((const struct json_array *)member)->n == 0;
    case JSON_OBJECT:
        break;
    }
    /* An object is empty when all that it has is. */
    for (size_t i = 0; i < field->object->n_fields; i++) {
        const struct json_field *inner = &field->object->fields[i];
        if (!is_empty(inner, json_member_const(inner, member)))
            return false;
    }
    return true;
}

static void write_items(struct buf *out, const struct json_desc *desc, const struct json_array *array)
{
    const char *item = array->items;

    buf_char(out, '[');
    for (size_t i = 0; i < array->n; i++) {
        if (i > 0)
            buf_char(out, ',');
        json_encode(out, desc, item + i * desc->size);
    }
    buf_char(out, ']');
}

static void write_time(struct buf *out, int64_t us)
{
    buf_char(out, '"');
    buf_time(out, us);
    buf_char(out, '"');
}

static void write_value(struct buf *out, const struct json_field *field, const void *member)
{
    switch (field->type) {
    case JSON_I64:
        buf_i64(out, *(const int64_t *)member);
        break;
    case JSON_STRING:
        buf_json_string(out, *(const struct str *)member);
        break;
    case JSON_BOOL:
        buf_add(out, *(const bool *)member ? STR("true") : STR("false"));
        break;
    case JSON_TIME:
        write_time(out, *(const int64_t *)member);
        break;
    case JSON_OBJECT:
        json_encode(out, field->object, member);
        break;
    case JSON_RAW:
        /* No value at all would not be JSON. */
        buf_add(out, ((const struct str *)member)->n ? *(const struct str *)member : STR("null"));
        break;
    case JSON_ARRAY:
        write_items(out, field->object, member);
        break;
    }
}

/* Names are identifiers out of our own tables: nothing in them needs an escape. */
static void write_name(struct buf *out, const char *name, bool is_first)
{
    if (!is_first)
        buf_char(out, ',');
    buf_char(out, '"');
    buf_add(out, str_of(name));
    BUF_LIT(out, "\":");
}

void json_encode_members(struct buf *out, const struct json_desc *desc, const void *in)
{
    bool is_first = true;

    for (size_t i = 0; i < desc->n_fields; i++) {
        const struct json_field *field = &desc->fields[i];
        const void *member = json_member_const(field, in);
        bool empty = (field->flags & (JSON_SKIP_EMPTY | JSON_NULLABLE)) && is_empty(field, member);
        if (empty && (field->flags & JSON_SKIP_EMPTY))
            continue;
        write_name(out, field->name, is_first);
        is_first = false;
        if (empty)
            BUF_LIT(out, "null");
        else
            write_value(out, field, member);
    }
}

void json_encode(struct buf *out, const struct json_desc *desc, const void *in)
{
    buf_char(out, '{');
    json_encode_members(out, desc, in);
    buf_char(out, '}');
}
