#include "order_newest.h"

#include "base.h"
#include "cell.h"
#include "json.h"

struct cell_json {
    int64_t cell, position;
};
static const struct json_field cell_fields[] = {
    JSON_FIELD(struct cell_json, "cell", cell, JSON_I64, JSON_REQUIRED, 0, CELLS_MOST - 1),
    JSON_FIELD(struct cell_json, "position", position, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
};
static const struct json_desc cell_desc = {"cell", cell_fields, COUNT_OF(cell_fields), sizeof(struct cell_json)};

struct newest_json {
    struct str producer;
    int64_t epoch, position;
    struct json_array cells; /* of several */
};
static const struct json_field newest_fields[] = {
    JSON_FIELD(struct newest_json, "producer", producer, JSON_STRING, JSON_REQUIRED, 1, 32),
    JSON_FIELD(struct newest_json, "epoch", epoch, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
    JSON_FIELD(struct newest_json, "position", position, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
    JSON_FIELD_OF(struct newest_json, "cells", cells, JSON_ARRAY, JSON_NULLABLE, &cell_desc, CELLS_MOST),
};
static const struct json_desc newest_desc = {"newest event", newest_fields, COUNT_OF(newest_fields),
                                             sizeof(struct newest_json)};

/* Each of them, in their order; of one cell nothing is said of cells. */
static bool has_cells(const struct newest_json *json, int32_t n_cells)
{
    const struct cell_json *cells = json->cells.items;

    if (json->cells.n != (n_cells == 1 ? 0 : (size_t)n_cells))
        return false;
    for (size_t i = 0; i < json->cells.n; i++) {
        if (cells[i].cell != (int64_t)i)
            return false;
    }
    return true;
}

bool order_newest_read(const struct http_call *call, int32_t n_cells, struct order_newest *newest, struct arena *arena)
{
    struct newest_json json;
    struct json_error wrong;

    /* Every service has a feed: one that has said nothing is complete. */
    if (call->status != 200 || call->media != HTTP_MEDIA_JSON ||
        !json_decode(&newest_desc, buf_str(&call->reply), &json, arena, &wrong) || !str_is(json.producer, "order") ||
        !has_cells(&json, n_cells))
        return false;
    *newest = (struct order_newest){(uint64_t)json.epoch, ARENA_ARRAY(arena, uint64_t, (size_t)n_cells)};
    if (!newest->position)
        return false;
    newest->position[0] = (uint64_t)json.position;
    for (size_t i = 0; i < json.cells.n; i++)
        newest->position[i] = (uint64_t)((const struct cell_json *)json.cells.items)[i].position;
    return true;
}
