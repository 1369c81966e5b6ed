#include "json_reference.h"

#include "base.h"
#include "json_internal.h"
#include "json_tree.h"

#include <stdio.h>

static bool read_object(const struct json_node *object, const struct json_desc *desc, void *out, struct arena *arena,
                        struct json_error *error);

static bool fail_to_parse(struct json_error *error, const struct json_tree_fault *fault)
{
    (void)json_fail(error, JSON_MALFORMED, NULL, "");
    (void)snprintf(error->reason, sizeof(error->reason), "%s (line %d, column %d)", fault->reason, fault->line,
                   fault->column);
    return false;
}

/* Whether brackets are nested deeper than JSON_MAX_DEPTH. */
static bool is_too_deep(struct str text)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_MAX_DEPTH)
                return true;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

/* JSON_TREE_MALFORMED with the error filled in, for every refusal. */
static enum json_tree_result parse(struct str text, bool wants_array, struct json_node **root, struct json_error *error)
{
    struct json_tree_fault fault;

    error->kind = JSON_FINE;
    text = str_without_bom(text);
    if (!json_check_start(text, wants_array, error))
        return JSON_TREE_MALFORMED;
    /* jansson takes a NUL behind the value for the end of the text. */
    if (memchr(text.p, '\0', text.n)) {
        (void)json_fail(error, JSON_MALFORMED, NULL, "has a NUL byte in it");
        return JSON_TREE_MALFORMED;
    }
    if (is_too_deep(text)) {
        (void)json_fail(error, JSON_MALFORMED, NULL, "is nested too deeply");
        return JSON_TREE_MALFORMED;
    }
    enum json_tree_result result = json_tree_read(text, root, &fault);
    if (result == JSON_TREE_NO_MEMORY)
        (void)json_fail_memory(error);
    else if (result == JSON_TREE_MALFORMED)
        (void)fail_to_parse(error, &fault);
    return result;
}

static bool read_items(const struct json_node *array, const struct json_desc *desc, struct json_array *out,
                       struct arena *arena, struct json_error *error)
{
    char *item;

    if (!json_array_room(out, desc, json_tree_count(array), arena, error))
        return false;
    item = out->items;
    for (size_t i = 0; i < out->n; i++) {
        const struct json_node *node = json_tree_item(array, i);
        if (json_tree_kind(node) != JSON_KIND_OBJECT) {
            (void)json_fail(error, JSON_WRONG_TYPE, NULL, "must be an object");
            return json_fail_at_item(error, i);
        }
        if (!read_object(node, desc, item + i * desc->size, arena, error))
            return json_fail_at_item(error, i);
    }
    return true;
}

static bool read_array_field(const struct json_node *node, const struct json_field *field, struct json_array *out,
                             struct arena *arena, struct json_error *error)
{
    if (json_tree_kind(node) != JSON_KIND_ARRAY)
        return json_fail_field(error, JSON_WRONG_TYPE, field);
    if (field->max > 0 && json_tree_count(node) > (uint64_t)field->max)
        return json_fail_too_many(error, field->name, (size_t)field->max);
    if (!read_items(node, field->object, out, arena, error))
        return json_fail_inside(error, field->name);
    return true;
}

static bool read_scalar(const struct json_node *node, const struct json_field *field, void *out, struct arena *arena,
                        struct json_error *error)
{
    struct json_value value = {.kind = json_tree_kind(node)};

    if (value.kind == JSON_KIND_INTEGER)
        value = (struct json_value){.kind = value.kind, .whole = true, .integer = json_tree_integer(node)};
    else if (value.kind == JSON_KIND_REAL)
        value.whole = json_tree_real_is_whole(node, &value.integer, &value.too_large);
    else if (value.kind == JSON_KIND_STRING)
        value.text = arena_copy(arena, json_tree_text(node)); /* the tree's own goes with it */
    if (value.kind == JSON_KIND_STRING && !value.text.p)
        return json_fail_memory(error);
    return json_store(field, &value, out, error);
}

static bool read_field(const struct json_node *node, const struct json_field *field, void *out, struct arena *arena,
                       struct json_error *error)
{
    void *member = json_member(field, out);

    ASSERT(field->type != JSON_RAW); /* the tree has no such text */
    switch (field->type) {
    case JSON_OBJECT:
        if (json_tree_kind(node) != JSON_KIND_OBJECT)
            return json_fail_field(error, JSON_WRONG_TYPE, field);
        if (!read_object(node, field->object, member, arena, error))
            return json_fail_inside(error, field->name);
        return true;
    case JSON_ARRAY:
        return read_array_field(node, field, member, arena, error);
    case JSON_RAW:
    case JSON_I64:
    case JSON_STRING:
    case JSON_BOOL:
    case JSON_TIME:
        break;
    }
    return read_scalar(node, field, out, arena, error);
}

static bool read_object(const struct json_node *object, const struct json_desc *desc, void *out, struct arena *arena,
                        struct json_error *error)
{
    memset(out, 0, desc->size);
    for (size_t i = 0; i < desc->n_fields; i++) {
        const struct json_field *field = &desc->fields[i];
        if (field->flags & JSON_READ_ONLY)
            continue;
        const struct json_node *node = json_tree_member(object, field->name);
        if (!node)
            node = json_tree_member(object, field->alias);
        enum json_kind kind = node ? json_tree_kind(node) : JSON_KIND_NULL;
        enum json_presence presence = json_presence(field, node == NULL, kind, error);
        if (presence == JSON_REFUSE)
            return false;
        if (presence == JSON_LEAVE)
            json_leave(field, out);
        if (presence == JSON_STORE && !read_field(node, field, out, arena, error))
            return false;
    }
    return true;
}

bool json_reference_decode(const struct json_desc *desc, struct str text, void *out, struct arena *arena,
                           struct json_error *error)
{
    struct json_node *root = NULL;
    bool ok;

    memset(out, 0, desc->size);
    enum json_tree_result result = parse(text, false, &root, error);
    /* jansson gives up without saying where. The scanner can say which member it is, and ignore it when it isn't
     * ours; it reads a copy, since what it gives out may point into its text. */
    if (result == JSON_TREE_NUMBER_TOO_LARGE) {
        struct str copy = arena_copy(arena, text);
        return copy.p ? json_decode(desc, copy, out, arena, error) : json_fail_memory(error);
    }
    if (result != JSON_TREE_READ)
        return false;
    if (json_tree_kind(root) == JSON_KIND_OBJECT)
        ok = read_object(root, desc, out, arena, error);
    else
        ok = json_fail(error, JSON_NOT_OBJECT, NULL, "must be an object");
    json_tree_free(root);
    return ok;
}

bool json_reference_decode_array(const struct json_desc *desc, struct str text, size_t max_items,
                                 struct json_array *out, struct arena *arena, struct json_error *error)
{
    struct json_node *root = NULL;
    bool ok;

    *out = (struct json_array){0};
    enum json_tree_result result = parse(text, true, &root, error);
    if (result == JSON_TREE_NUMBER_TOO_LARGE) {
        struct str copy = arena_copy(arena, text);
        return copy.p ? json_decode_array(desc, copy, max_items, out, arena, error) : json_fail_memory(error);
    }
    if (result != JSON_TREE_READ)
        return false;
    if (json_tree_kind(root) != JSON_KIND_ARRAY)
        ok = json_fail(error, JSON_NOT_OBJECT, NULL, "must be an array");
    else if (json_tree_count(root) > max_items)
        ok = json_fail_too_many(error, NULL, max_items);
    else
        ok = read_items(root, desc, out, arena, error);
    json_tree_free(root);
    return ok;
}
