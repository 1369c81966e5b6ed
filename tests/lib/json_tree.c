#include "json_tree.h"

#include "alloc.h"

#include <jansson.h>
#include <stdbool.h>

/* jansson has one allocator for the whole process, and goes on with a cut-off text when it couldn't grow it: so a
 * failure is noted here. */
static _Thread_local bool ran_out;

static void *tree_alloc(size_t size)
{
    void *block = heap_alloc(size);

    if (!block)
        ran_out = true;
    return block;
}

__attribute__((constructor)) static void use_our_heap(void)
{
    json_set_alloc_funcs(tree_alloc, heap_free);
}

/* jansson's own words hold pieces of the text, which may be anything; so we say it ourselves. */
static const char *reason_of(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_invalid_utf8:
        return "isn't valid UTF-8";
    case json_error_duplicate_key:
        return "names a member twice";
    case json_error_premature_end_of_input:
        return "isn't valid JSON: it ends too early";
    case json_error_end_of_input_expected:
        return "isn't valid JSON: something stands behind its end";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "has a NUL character in a text";
    default:
        return "isn't valid JSON";
    }
}

enum json_tree_result json_tree_read(struct str text, struct json_node **root, struct json_tree_fault *fault)
{
    json_error_t error;

    ran_out = false;
    json_t *tree = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);
    if (ran_out) {
        json_decref(tree);
        return JSON_TREE_NO_MEMORY;
    }
    if (tree) {
        *root = (struct json_node *)(void *)tree;
        return JSON_TREE_READ;
    }
    if (json_error_code(&error) == json_error_numeric_overflow)
        return JSON_TREE_NUMBER_TOO_LARGE;
    *fault = (struct json_tree_fault){reason_of(&error), error.line, error.column};
    return JSON_TREE_MALFORMED;
}

static const json_t *tree_of(const struct json_node *node)
{
    return (const json_t *)(const void *)node;
}

void json_tree_free(struct json_node *root)
{
    json_decref((json_t *)(void *)root);
}

enum json_kind json_tree_kind(const struct json_node *node)
{
    switch (json_typeof(tree_of(node))) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_ARRAY;
    case JSON_STRING:
        return JSON_KIND_STRING;
    case JSON_INTEGER:
        return JSON_KIND_INTEGER;
    case JSON_REAL:
        return JSON_KIND_REAL;
    case JSON_TRUE:
        return JSON_KIND_TRUE;
    case JSON_FALSE:
        return JSON_KIND_FALSE;
    case JSON_NULL:
        break;
    }
    return JSON_KIND_NULL;
}

int64_t json_tree_integer(const struct json_node *node)
{
    return json_integer_value(tree_of(node));
}

bool json_tree_real_is_whole(const struct json_node *node, int64_t *integer, bool *too_large)
{
    double real = json_real_value(tree_of(node));

    *too_large = !(real > -0x1p63 && real < 0x1p63);
    if (*too_large)
        return true; /* doubles so large have no fractions */
    *integer = (int64_t)real;
    return (double)*integer == real;
}

struct str json_tree_text(const struct json_node *node)
{
    return (struct str){json_string_value(tree_of(node)), json_string_length(tree_of(node))};
}

const struct json_node *json_tree_member(const struct json_node *object, const char *name)
{
    return name ? (const struct json_node *)(const void *)json_object_get(tree_of(object), name) : NULL;
}

size_t json_tree_count(const struct json_node *array)
{
    return json_array_size(tree_of(array));
}

const struct json_node *json_tree_item(const struct json_node *array, size_t index)
{
    return (const struct json_node *)(const void *)json_array_get(tree_of(array), index);
}
