/** fuzz_order.h: a struct with every kind and flag of field that the decoder and its reference read, for the JSON
 * targets. */
#ifndef COFFEESHOP_FUZZ_ORDER_H
#define COFFEESHOP_FUZZ_ORDER_H

#include "json.h"

struct fuzz_line {
    struct str name;
    int64_t qty;
};

struct fuzz_order {
    struct str name;
    struct str note;
    int64_t qty;
    int64_t any;
    int64_t at;
    int64_t id;
    bool paid;
    struct fuzz_line gift;
    struct json_array lines;
};

/** One and many, both in fuzz_order.c. */
extern const struct json_desc fuzz_line_desc;
extern const struct json_desc fuzz_order_desc;

/** Aborts when the two differ in any member that is read. */
void fuzz_check_same(const struct fuzz_order *a, const struct fuzz_order *b);

#endif
