#include "menu_http.h"

#include "json.h"

struct names_json {
    struct str ko, en;
};
static const struct json_field names_fields[] = {
    JSON_FIELD(struct names_json, "ko", ko, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct names_json, "en", en, JSON_STRING, 0, 0, 0),
};
static const struct json_desc names_desc = {"names", names_fields, COUNT_OF(names_fields), sizeof(struct names_json)};

struct item_json {
    struct str name, aliases, currency;
    struct names_json names;
    int64_t price;
    struct str sold_out; /* true, false, null: not known */
};
static const struct json_field item_fields[] = {
    JSON_FIELD(struct item_json, "name", name, JSON_STRING, 0, 0, 0),
    {.name = "names", .type = JSON_OBJECT, .offset = offsetof(struct item_json, names), .object = &names_desc},
    JSON_FIELD(struct item_json, "aliases", aliases, JSON_RAW, 0, 0, 0),
    JSON_FIELD(struct item_json, "price", price, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct item_json, "currency", currency, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct item_json, "soldOut", sold_out, JSON_RAW, 0, 0, 0),
};
static const struct json_desc item_desc = {"item", item_fields, COUNT_OF(item_fields), sizeof(struct item_json)};

static struct str sold_out(int64_t on_hand)
{
    if (on_hand < 0)
        return STR("null");
    return on_hand == 0 ? STR("true") : STR("false");
}

static void write_item(struct buf *out, const struct menu_item *item, struct str currency, int64_t on_hand)
{
    struct buf aliases = {0};

    buf_char(&aliases, '[');
    for (size_t i = 0; i < item->n_aliases; i++) {
        if (i)
            buf_char(&aliases, ',');
        buf_json_string(&aliases, item->alias[i]);
    }
    buf_char(&aliases, ']');
    struct item_json json = {
        .name = item->name,
        .names = {item->ko, item->en},
        .aliases = buf_str(&aliases),
        .price = item->price,
        .currency = currency,
        .sold_out = sold_out(on_hand),
    };
    json_encode(out, &item_desc, &json);
    out->failed |= aliases.failed;
    buf_free(&aliases);
}

void menu_fill(struct http_request *request, const struct menu *menu, const int64_t *on_hand)
{
    struct buf *reply = &request->reply;

    request->status = 200;
    BUF_LIT(reply, "{\"_embedded\":{\"menu\":[");
    for (size_t i = 0; i < menu->n; i++) {
        if (i)
            buf_char(reply, ',');
        write_item(reply, &menu->items[i], menu->currency, on_hand ? on_hand[i] : -1);
    }
    BUF_LIT(reply, "]},\"_links\":{\"self\":{\"href\":\"");
    buf_add(reply, request->base);
    BUF_LIT(reply, "/menu\"}}}");
}
