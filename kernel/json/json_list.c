#include "json_list.h"

#include "json_tokens.h"

static bool read_text(const struct json_tokens *tokens, size_t index, struct str *text, struct arena *arena,
                      struct json_error *error)
{
    *text = json_token_string(tokens, &tokens->items[index], arena);
    return text->p ? true : json_fail_memory(error);
}

static bool read_member(const struct json_tokens *tokens, size_t index, struct json_item *item, struct arena *arena,
                        struct json_error *error)
{
    size_t value = index + 2;

    item->kind = JSON_ITEM_MEMBER;
    if (tokens->items[index].next != value + 1 || tokens->items[value].kind != JSON_KIND_STRING)
        return json_fail(error, JSON_WRONG_TYPE, NULL, "must have one member, a text");
    return read_text(tokens, index + 1, &item->name, arena, error) &&
           read_text(tokens, value, &item->text, arena, error);
}

static bool read_number(const struct json_tokens *tokens, size_t index, struct json_item *item,
                        struct json_error *error)
{
    struct json_value value = {.kind = JSON_KIND_INTEGER};

    json_read_number(json_token_text(tokens, &tokens->items[index]), &value);
    item->kind = JSON_ITEM_I64;
    item->number = value.integer;
    return !value.too_large || json_fail(error, JSON_OUT_OF_RANGE, NULL, "must be a number of 64 bits");
}

static bool read_item(const struct json_tokens *tokens, size_t index, struct json_item *item, struct arena *arena,
                      struct json_error *error)
{
    *item = (struct json_item){.kind = JSON_ITEM_NULL};
    switch ((enum json_kind)tokens->items[index].kind) {
    case JSON_KIND_NULL:
        return true;
    case JSON_KIND_INTEGER:
        return read_number(tokens, index, item, error);
    case JSON_KIND_STRING:
        item->kind = JSON_ITEM_TEXT;
        return read_text(tokens, index, &item->text, arena, error);
    case JSON_KIND_OBJECT:
        return read_member(tokens, index, item, arena, error);
    case JSON_KIND_FALSE:
    case JSON_KIND_TRUE:
    case JSON_KIND_REAL:
    case JSON_KIND_ARRAY:
        break;
    }
    return json_fail(error, JSON_WRONG_TYPE, NULL, "must be null, a whole number, a text, or an object with one");
}

bool json_decode_list(struct str text, struct json_item *items, size_t room, size_t *n, struct arena *arena,
                      struct json_error *error)
{
    struct json_tokens tokens;

    error->kind = JSON_FINE;
    *n = 0;
    if (text.n == 0 || text.n > JSON_LIST_MAX)
        return json_fail(error, JSON_MALFORMED, NULL, text.n ? "is longer than 1 GiB" : "is empty");
    if (!json_tokenize(&tokens, text, arena, error))
        return false;
    if (tokens.items[0].kind != JSON_KIND_ARRAY)
        return json_fail(error, JSON_NOT_OBJECT, NULL, "must be an array");
    for (size_t i = 1; i < tokens.items[0].next; i = tokens.items[i].next) {
        if (*n == room)
            return json_fail_too_many(error, NULL, room);
        if (!read_item(&tokens, i, &items[*n], arena, error))
            return json_fail_at_item(error, *n);
        (*n)++;
    }
    return true;
}
