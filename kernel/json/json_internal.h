/** json_internal.h: how one value becomes one member, apart from how it was found in the text.
 *
 *  Private to kernel/json. Any thread.
 */
#ifndef COFFEESHOP_JSON_INTERNAL_H
#define COFFEESHOP_JSON_INTERNAL_H

#include "json.h"
#include "json_kind.h"

enum {
    JSON_MAX_DEPTH = 64,              /* objects and arrays inside each other */
    JSON_MAX_TEXT = 16 * 1024 * 1024, /* bytes */
    JSON_MAX_FIELDS = 64,             /* of one descriptor */
};

/** A value that was read. */
struct json_value {
    enum json_kind kind;
    bool whole;      /* a number without a fraction, however it is written */
    int64_t integer; /* then */
    bool too_large;  /* one that int64_t can't hold */
    struct str text; /* of a string, escapes resolved; lives as long as what it is stored in */
};

/** Fills in the error and returns false. `member` may be NULL (the text as a whole); `reason` is copied. */
bool json_fail(struct json_error *error, enum json_error_kind kind, const char *member, const char *reason);
/** false and JSON_NO_MEMORY. */
bool json_fail_memory(struct json_error *error);
/** On the way out of an inner object: "qty" becomes "data.qty". Returns false. */
bool json_fail_inside(struct json_error *error, const char *outer);
/** On the way out of an array: "qty" becomes "[3].qty". Returns false. */
bool json_fail_at_item(struct json_error *error, size_t index);
/** The type is wrong or the value out of range: the sentence follows from the field. Returns false. */
bool json_fail_field(struct json_error *error, enum json_error_kind kind, const struct json_field *field);

/** Whether the text can be looked at at all: not empty, not too long, an object or array by its first character.
 */
bool json_check_start(struct str text, bool wants_array, struct json_error *error);

enum json_presence {
    JSON_STORE,  /* there is a value to store */
    JSON_LEAVE,  /* nothing there, and that is fine: json_leave() */
    JSON_REFUSE, /* the error is filled in */
};
/** What to do with a field whose value is `kind`, or missing. */
enum json_presence json_presence(const struct json_field *field, bool missing, enum json_kind kind,
                                 struct json_error *error);
/** The member of a field that isn't there: it stays zero, or becomes JSON_ABSENT. */
void json_leave(const struct json_field *field, void *out);
/** Fills in `whole`, `integer` and `too_large` from a number as RFC 8259 writes it; what an exponent costs doesn't
 * depend on it. */
void json_read_number(struct str text, struct json_value *value);
/** Stores an integer, string, boolean or time in the struct at `out`. */
bool json_store(const struct json_field *field, const struct json_value *value, void *out, struct json_error *error);
/** Room for `n` structs of the described kind, zeroed. */
bool json_array_room(struct json_array *array, const struct json_desc *desc, size_t n, struct arena *arena,
                     struct json_error *error);
/** An array has more than `max` items: the sentence, and false. */
bool json_fail_too_many(struct json_error *error, const char *member, size_t max);

/** The member of the struct at `out` that `field` describes. */
static inline void *json_member(const struct json_field *field, void *out)
{
    return (char *)out + field->offset;
}

static inline const void *json_member_const(const struct json_field *field, const void *in)
{
    return (const char *)in + field->offset;
}

#endif
