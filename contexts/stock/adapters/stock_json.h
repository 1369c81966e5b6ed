/** stock_json.h: what stock's clients send and get, as structs with their descriptors. The shapes are api/openapi.yaml.
 */
#ifndef COFFEESHOP_STOCK_JSON_H
#define COFFEESHOP_STOCK_JSON_H

#include "hal.h"
#include "json.h"
#include "reservation.h"
#include "stock.h"

enum { STOCK_ARRAY_MAX = 1000 }; /* reductions or releases in one request */

/** A row as it is shown. */
struct stock_json {
    int64_t id;
    struct str product_name;
    int64_t qty, low_mark;
};
extern const struct hal_type stock_type;
struct stock_json stock_json_of(const struct stock *stock);

/** POST /stocks/reduce. */
struct reduce_json {
    struct str product_name, reservation_id;
    int64_t qty;
};
extern const struct json_desc reduce_desc;

/** POST /stocks/release, and its answer. */
struct release_json {
    struct str reservation_id;
    struct str product_name; /* empty: not said */
};
extern const struct json_desc release_desc;
struct released_json {
    struct str reservation_id;
    bool released;
};
extern const struct json_desc released_desc;

/** POST /stocks, POST /stocks/receive, PUT /stocks/{id}/lowMark (the number only). */
struct quantity_json {
    struct str product_name, reason;
    int64_t qty;
};
extern const struct json_desc add_desc, receive_desc, mark_desc;

/** PATCH /stocks/{id}: one of the two numbers; the other is JSON_ABSENT. */
struct correction_json {
    int64_t qty, change;
    struct str reason;
};
extern const struct json_desc correct_desc;

#endif
