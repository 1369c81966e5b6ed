/* The scanner's tokens under the descriptor. */
#include "base.h"
#include "json_tokens.h"

static bool read_object(const struct json_tokens *tokens, size_t index, const struct json_desc *desc, void *out,
                        struct arena *arena, struct json_error *error);

static bool name_is(const char *name, struct str text)
{
    return name && name[0] == (text.n ? text.p[0] : '\0') && strncmp(name, text.p, text.n) == 0 && name[text.n] == '\0';
}

/* Which field has this name, looking first where the last one was found: members mostly come in the table's order.
 * n_fields when none has. `*is_alias`: by its second name. */
static size_t find_field(const struct json_desc *desc, struct str name, size_t guess, bool *is_alias)
{
    *is_alias = false;
    for (size_t k = 0; k < desc->n_fields; k++) {
        size_t i = guess + k < desc->n_fields ? guess + k : guess + k - desc->n_fields;
        if (name_is(desc->fields[i].name, name))
            return i;
    }
    *is_alias = true;
    for (size_t i = 0; i < desc->n_fields; i++) {
        if (name_is(desc->fields[i].alias, name))
            return i;
    }
    return desc->n_fields;
}

/* Which token is the value of which field; 0 (the text itself, never a member) when it has none. */
static bool find_values(const struct json_tokens *tokens, size_t index, const struct json_desc *desc, uint32_t *values,
                        struct arena *arena, struct json_error *error)
{
    const struct json_token *items = tokens->items;
    size_t guess = 0;

    ASSERT(desc->n_fields <= JSON_MAX_FIELDS);
    memset(values, 0, desc->n_fields * sizeof(*values));
    for (size_t i = index + 1; i < items[index].next; i = items[i + 1].next) {
        bool is_alias;
        struct str name = json_token_string(tokens, &items[i], arena);
        if (!name.p)
            return json_fail_memory(error);
        size_t field = find_field(desc, name, guess, &is_alias);
        if (field == desc->n_fields)
            continue;
        if (!is_alias || values[field] == 0)
            values[field] = (uint32_t)i + 1;
        guess = field + 1 < desc->n_fields ? field + 1 : 0;
    }
    return true;
}

static bool read_items(const struct json_tokens *tokens, size_t index, const struct json_desc *desc, size_t n,
                       struct json_array *out, struct arena *arena, struct json_error *error)
{
    const struct json_token *items = tokens->items;
    char *item;

    if (!json_array_room(out, desc, n, arena, error))
        return false;
    item = out->items;
    for (size_t i = index + 1, k = 0; k < n; i = items[i].next, k++) {
        if (items[i].kind != JSON_KIND_OBJECT) {
            (void)json_fail(error, JSON_WRONG_TYPE, NULL, "must be an object");
            return json_fail_at_item(error, k);
        }
        if (!read_object(tokens, i, desc, item + k * desc->size, arena, error))
            return json_fail_at_item(error, k);
    }
    return true;
}

static size_t count_items(const struct json_tokens *tokens, size_t index)
{
    size_t n = 0;

    for (size_t i = index + 1; i < tokens->items[index].next; i = tokens->items[i].next)
        n++;
    return n;
}

static bool read_array_field(const struct json_tokens *tokens, size_t index, const struct json_field *field,
                             struct json_array *out, struct arena *arena, struct json_error *error)
{
    if (tokens->items[index].kind != JSON_KIND_ARRAY)
        return json_fail_field(error, JSON_WRONG_TYPE, field);
    size_t n = count_items(tokens, index);
    if (field->max > 0 && n > (uint64_t)field->max)
        return json_fail_too_many(error, field->name, (size_t)field->max);
    if (!read_items(tokens, index, field->object, n, out, arena, error))
        return json_fail_inside(error, field->name);
    return true;
}

static bool read_scalar(const struct json_tokens *tokens, size_t index, const struct json_field *field, void *out,
                        struct arena *arena, struct json_error *error)
{
    const struct json_token *token = &tokens->items[index];
    struct json_value value = {.kind = token->kind};

    if (value.kind == JSON_KIND_INTEGER || value.kind == JSON_KIND_REAL) {
        json_read_number(json_token_text(tokens, token), &value);
    } else if (value.kind == JSON_KIND_STRING) {
        value.text = json_token_string(tokens, token, arena);
        if (!value.text.p)
            return json_fail_memory(error);
    }
    return json_store(field, &value, out, error);
}

/* The value as it stands in the text; a string with its quotes. */
static struct str raw_text(const struct json_tokens *tokens, size_t index)
{
    struct str text = json_token_text(tokens, &tokens->items[index]);

    if (tokens->items[index].kind == JSON_KIND_STRING) {
        text.p--;
        text.n += 2;
    }
    return text;
}

static bool read_field(const struct json_tokens *tokens, size_t index, const struct json_field *field, void *out,
                       struct arena *arena, struct json_error *error)
{
    void *member = json_member(field, out);

    switch (field->type) {
    case JSON_OBJECT:
        if (tokens->items[index].kind != JSON_KIND_OBJECT)
            return json_fail_field(error, JSON_WRONG_TYPE, field);
        if (!read_object(tokens, index, field->object, member, arena, error))
            return json_fail_inside(error, field->name);
        return true;
    case JSON_ARRAY:
        return read_array_field(tokens, index, field, member, arena, error);
    case JSON_RAW:
        *(struct str *)member = raw_text(tokens, index);
        return true;
    case JSON_I64:
    case JSON_STRING:
    case JSON_BOOL:
    case JSON_TIME:
        break;
    }
    return read_scalar(tokens, index, field, out, arena, error);
}

static bool read_object(const struct json_tokens *tokens, size_t index, const struct json_desc *desc, void *out,
                        struct arena *arena, struct json_error *error)
{
    uint32_t values[JSON_MAX_FIELDS];

    memset(out, 0, desc->size);
    if (!find_values(tokens, index, desc, values, arena, error))
        return false;
    for (size_t i = 0; i < desc->n_fields; i++) {
        const struct json_field *field = &desc->fields[i];
        if (field->flags & JSON_READ_ONLY)
            continue;
        enum json_kind kind = (enum json_kind)tokens->items[values[i]].kind;
        enum json_presence presence = json_presence(field, values[i] == 0, kind, error);
        if (presence == JSON_REFUSE)
            return false;
        if (presence == JSON_LEAVE)
            json_leave(field, out);
        if (presence == JSON_STORE && !read_field(tokens, values[i], field, out, arena, error))
            return false;
    }
    return true;
}

bool json_decode(const struct json_desc *desc, struct str text, void *out, struct arena *arena,
                 struct json_error *error)
{
    struct json_tokens tokens;

    error->kind = JSON_FINE;
    text = str_without_bom(text); /* RFC 8259, 8.1 */
    memset(out, 0, desc->size);
    if (!json_check_start(text, false, error) || !json_tokenize(&tokens, text, arena, error))
        return false;
    if (tokens.items[0].kind != JSON_KIND_OBJECT)
        return json_fail(error, JSON_NOT_OBJECT, NULL, "must be an object");
    return read_object(&tokens, 0, desc, out, arena, error);
}

bool json_decode_array(const struct json_desc *desc, struct str text, size_t max_items, struct json_array *out,
                       struct arena *arena, struct json_error *error)
{
    struct json_tokens tokens;

    error->kind = JSON_FINE;
    text = str_without_bom(text); /* RFC 8259, 8.1 */
    *out = (struct json_array){0};
    if (!json_check_start(text, true, error) || !json_tokenize(&tokens, text, arena, error))
        return false;
    if (tokens.items[0].kind != JSON_KIND_ARRAY)
        return json_fail(error, JSON_NOT_OBJECT, NULL, "must be an array");
    size_t n = count_items(&tokens, 0);
    if (n > max_items)
        return json_fail_too_many(error, NULL, max_items);
    return read_items(&tokens, 0, desc, n, out, arena, error);
}
