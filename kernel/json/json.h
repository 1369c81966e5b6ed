/** json.h: JSON by descriptor: one table next to a struct says how it is read and written.
 *
 *  The scanner (json_tokens.h) rejects everything that RFC 8259 or the contract calls malformed: duplicate members,
 * trailing text, bad UTF-8, NUL in strings, more than 16 MiB, nesting deeper than 64. Unknown members are ignored. That
 * it accepts and refuses what jansson does is what the fuzz target json_differential proves (ADR 39). A table has at
 * most 64 fields.
 *
 *  Any thread; nothing global. Decoded strings point into `text`, or live in the arena where there are escapes in them.
 */
#ifndef COFFEESHOP_JSON_H
#define COFFEESHOP_JSON_H

#include "arena.h"
#include "buf.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_type {
    JSON_I64,    /* int64_t; `min`..`max` are checked. 1.0 and 1e0 are the integer 1 */
    JSON_STRING, /* struct str; its length in characters is held to min..max */
    JSON_BOOL,   /* bool */
    JSON_TIME,   /* int64_t microseconds since the epoch <-> RFC 3339 text */
    JSON_OBJECT, /* a struct inside, described by `object` */
    JSON_RAW,    /* struct str: any value, as its JSON text; written as it is. */
    JSON_ARRAY,  /* struct json_array of structs described by `object`; at most `max` of them, 0: no limit */
};

enum json_flag {
    JSON_REQUIRED = 1,    /* must be there and not null */
    JSON_NULLABLE = 2,    /* null or missing reads as 0 / empty; 0 / empty is written as null */
    JSON_SKIP_EMPTY = 4,  /* 0 / empty isn't written at all; of a JSON_OPTIONAL integer: JSON_ABSENT */
    JSON_NUMBER_TEXT = 8, /* a decimal integer in a string is taken as the number ("qty":"1") */
    JSON_READ_ONLY = 16,  /* written, never read: a client can't set it */
    JSON_OPTIONAL = 32,   /* an integer that is null or missing reads as JSON_ABSENT: 0 is something else */
};

/** What a JSON_OPTIONAL integer reads as when it isn't there. */
#define JSON_ABSENT INT64_MIN

struct json_desc;
struct json_field {
    const char *name;
    const char *alias; /* a second name that is read too, or NULL; when both are there, `name` wins */
    enum json_type type;
    unsigned flags; /* enum json_flag */
    size_t offset;  /* in the struct */
    int64_t min, max;
    const struct json_desc *object; /* of JSON_OBJECT and JSON_ARRAY */
};

struct json_desc {
    const char *name; /* what it describes, for messages: "order" */
    const struct json_field *fields;
    size_t n_fields;
    size_t size; /* of the struct */
};

/** A decoded array: `n` structs of the described kind, one after the other, in the arena. */
struct json_array {
    void *items;
    size_t n;
};

enum json_error_kind {
    JSON_FINE,
    JSON_MALFORMED,    /* 400: not JSON, duplicate member, bad UTF-8, trailing text, nested too deeply */
    JSON_NOT_OBJECT,   /* 400: JSON, but not an object (or array, where one is asked for) */
    JSON_MISSING,      /* 422: a required member is not there or null */
    JSON_WRONG_TYPE,   /* 422 */
    JSON_OUT_OF_RANGE, /* 422: number too small/large, text too short/long */
    JSON_NO_MEMORY,    /* 503 */
};

struct json_error {
    enum json_error_kind kind;
    char member[64];  /* the member's name (for arrays "[3].qty"); "" when the text as a whole is meant */
    char reason[160]; /* a sentence without the member's name: "must be a whole number from 1 to 1000" */
};

/** Reads one object into `out` (desc->size bytes, zeroed first); `text` has to outlive it. Returns true, or false with
 * *error filled in. */
bool json_decode(const struct json_desc *desc, struct str text, void *out, struct arena *arena,
                 struct json_error *error);
/** Reads an array of objects, at most `max_items` (more: JSON_OUT_OF_RANGE); `text` has to outlive them. */
bool json_decode_array(const struct json_desc *desc, struct str text, size_t max_items, struct json_array *out,
                       struct arena *arena, struct json_error *error);
/** Appends {"a":1,...}. */
void json_encode(struct buf *out, const struct json_desc *desc, const void *in);
/** Appends the members alone, without braces and without a trailing comma: for adding more members behind them. */
void json_encode_members(struct buf *out, const struct json_desc *desc, const void *in);
/** The HTTP status that goes with an error: 400, 422 or 503. */
int json_error_status(enum json_error_kind kind);

/* Table rows. FIELD(struct order, "qty", qty, JSON_I64, flags, min, max) */
#define JSON_FIELD(structure, json_name, member, kind, flag, lowest, highest)                                          \
    {                                                                                                                  \
        .name = (json_name), .type = (kind), .flags = (flag), .offset = offsetof(structure, member), .min = (lowest),  \
        .max = (highest)                                                                                               \
    }
/* The same with a second name that is read too. */
#define JSON_FIELD_ALIAS(structure, json_name, second_name, member, kind, flag, lowest, highest)                       \
    {                                                                                                                  \
        .name = (json_name), .alias = (second_name), .type = (kind), .flags = (flag),                                  \
        .offset = offsetof(structure, member), .min = (lowest), .max = (highest)                                       \
    }
/* A JSON_OBJECT, or a JSON_ARRAY of at most `highest` items (0: no limit), of what `described` describes. */
#define JSON_FIELD_OF(structure, json_name, member, kind, flag, described, highest)                                    \
    {                                                                                                                  \
        .name = (json_name), .type = (kind), .flags = (flag), .offset = offsetof(structure, member), .max = (highest), \
        .object = (described)                                                                                          \
    }

#endif
