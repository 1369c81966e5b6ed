#include "stock_json.h"

#include "base.h"

#define DESC(name, fields, structure)                                                                                  \
    {                                                                                                                  \
        name, fields, COUNT_OF(fields), sizeof(struct structure)                                                       \
    }
#define NAME(structure, flag)                                                                                          \
    {                                                                                                                  \
        .name = "productName", .alias = "item", .type = JSON_STRING, .flags = (flag),                                  \
        .offset = offsetof(struct structure, product_name), .min = 1, .max = STOCK_GIVEN_MAX                           \
    }
#define QTY(structure, min, max)                                                                                       \
    JSON_FIELD(struct structure, "qty", qty, JSON_I64, JSON_REQUIRED | JSON_NUMBER_TEXT, min, max)
#define REASON(structure)                                                                                              \
    JSON_FIELD(struct structure, "reason", reason, JSON_STRING, JSON_NULLABLE, 0, STOCK_REASON_MAX)
#define RESERVATION_ID(structure, flag)                                                                                \
    JSON_FIELD(struct structure, "reservationId", reservation_id, JSON_STRING, flag, 1, RESERVATION_ID_MAX)

static const struct json_field stock_fields[] = {
    JSON_FIELD(struct stock_json, "id", id, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct stock_json, "productName", product_name, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct stock_json, "qty", qty, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct stock_json, "lowMark", low_mark, JSON_I64, 0, 0, 0),
};
static const struct json_desc stock_desc = DESC("stock", stock_fields, stock_json);
const struct hal_type stock_type = {&stock_desc, "stocks", "stock", offsetof(struct stock_json, id)};

static const struct json_field reduce_fields[] = {
    NAME(reduce_json, JSON_REQUIRED),
    QTY(reduce_json, 1, STOCK_REDUCE_MAX),
    RESERVATION_ID(reduce_json, JSON_NULLABLE),
};
const struct json_desc reduce_desc = DESC("reduction", reduce_fields, reduce_json);

static const struct json_field release_fields[] = {
    RESERVATION_ID(release_json, JSON_REQUIRED),
    NAME(release_json, JSON_NULLABLE | JSON_SKIP_EMPTY),
};
const struct json_desc release_desc = DESC("release", release_fields, release_json);

static const struct json_field released_fields[] = {
    RESERVATION_ID(released_json, 0),
    JSON_FIELD(struct released_json, "released", released, JSON_BOOL, 0, 0, 0),
};
const struct json_desc released_desc = DESC("release", released_fields, released_json);

static const struct json_field add_fields[] = {
    NAME(quantity_json, JSON_REQUIRED),
    QTY(quantity_json, 0, STOCK_ON_HAND_MAX),
    REASON(quantity_json),
};
const struct json_desc add_desc = DESC("stock", add_fields, quantity_json);

static const struct json_field receive_fields[] = {
    NAME(quantity_json, JSON_REQUIRED),
    QTY(quantity_json, 1, STOCK_ON_HAND_MAX),
    REASON(quantity_json),
};
const struct json_desc receive_desc = DESC("receipt", receive_fields, quantity_json);

static const struct json_field correct_fields[] = {
    JSON_FIELD(struct correction_json, "qty", qty, JSON_I64, JSON_OPTIONAL | JSON_NUMBER_TEXT, 0, STOCK_ON_HAND_MAX),
    JSON_FIELD(struct correction_json, "change", change, JSON_I64, JSON_OPTIONAL | JSON_NUMBER_TEXT, -STOCK_ON_HAND_MAX,
               STOCK_ON_HAND_MAX),
    REASON(correction_json),
};
const struct json_desc correct_desc = DESC("correction", correct_fields, correction_json);

static const struct json_field mark_fields[] = {QTY(quantity_json, 0, STOCK_ON_HAND_MAX)};
const struct json_desc mark_desc = DESC("mark", mark_fields, quantity_json);

struct stock_json stock_json_of(const struct stock *stock)
{
    return (struct stock_json){
        .id = stock->id, .product_name = stock->product_name, .qty = stock->on_hand, .low_mark = stock->low_mark};
}
