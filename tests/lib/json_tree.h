/** json_tree.h: jansson behind a wall: its names and ours can't stand in one file. For json_reference.c. Any thread.
 */
#ifndef COFFEESHOP_JSON_TREE_H
#define COFFEESHOP_JSON_TREE_H

#include "json_kind.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A node of jansson's tree. */
struct json_node;

enum json_tree_result {
    JSON_TREE_READ,
    JSON_TREE_MALFORMED,
    JSON_TREE_NUMBER_TOO_LARGE, /* a number that jansson can't hold, somewhere; whether the rest is JSON isn't known */
    JSON_TREE_NO_MEMORY,
};

struct json_tree_fault {
    const char *reason; /* static */
    int line, column;
};

/** Reads an object or array. `*root` is the caller's, for json_tree_free(), when JSON_TREE_READ is returned. */
enum json_tree_result json_tree_read(struct str text, struct json_node **root, struct json_tree_fault *fault);
void json_tree_free(struct json_node *root);

enum json_kind json_tree_kind(const struct json_node *node);
/** Of an integer. */
int64_t json_tree_integer(const struct json_node *node);
/** Of a real number: whether it has no fraction, and its value then; as exact as a double is. */
bool json_tree_real_is_whole(const struct json_node *node, int64_t *integer, bool *too_large);
/** Of a string; lives as long as the tree. */
struct str json_tree_text(const struct json_node *node);
/** Of an object; NULL when it has no such member (or `name` is NULL). */
const struct json_node *json_tree_member(const struct json_node *object, const char *name);
size_t json_tree_count(const struct json_node *array);
const struct json_node *json_tree_item(const struct json_node *array, size_t index);

#endif
