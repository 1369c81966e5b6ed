/** json_kind.h: the kinds of JSON value, apart from any decoder. Private to kernel/json. */
#ifndef COFFEESHOP_JSON_KIND_H
#define COFFEESHOP_JSON_KIND_H

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_FALSE,
    JSON_KIND_TRUE,
    JSON_KIND_INTEGER, /* neither fraction nor exponent */
    JSON_KIND_REAL,
    JSON_KIND_STRING,
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
};

#endif
