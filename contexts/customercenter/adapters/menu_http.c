#include "menu_http.h"

#include "errors.h"
#include "json.h"
#include "view_queries_sql.h"

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
    bool sold_out;
};
static const struct json_field item_fields[] = {
    JSON_FIELD(struct item_json, "name", name, JSON_STRING, 0, 0, 0),
    {.name = "names", .type = JSON_OBJECT, .offset = offsetof(struct item_json, names), .object = &names_desc},
    JSON_FIELD(struct item_json, "aliases", aliases, JSON_RAW, 0, 0, 0),
    JSON_FIELD(struct item_json, "price", price, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct item_json, "currency", currency, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct item_json, "soldOut", sold_out, JSON_BOOL, 0, 0, 0),
};
static const struct json_desc item_desc = {"item", item_fields, COUNT_OF(item_fields), sizeof(struct item_json)};

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
        .sold_out = on_hand == 0, /* not known yet: -1 */
    };
    json_encode(out, &item_desc, &json);
    out->failed |= aliases.failed;
    buf_free(&aliases);
}

static int find_on_hand(struct http_request *request, const struct menu *menu, struct sql *reads, int64_t **on_hand)
{
    struct str *names = ARENA_ARRAY(&request->arena, struct str, menu->n + 1);

    *on_hand = ARENA_ARRAY(&request->arena, int64_t, menu->n + 1);
    if (!names || !*on_hand)
        return E_MEMORY;
    for (size_t i = 0; i < menu->n; i++)
        names[i] = menu->items[i].name;
    return view_on_hand(reads, names, menu->n, *on_hand, &request->arena);
}

void menu_fill(struct http_request *request, const struct menu *menu, struct sql *reads)
{
    struct buf *reply = &request->reply;
    int64_t *on_hand;

    int rc = find_on_hand(request, menu, reads, &on_hand);
    if (rc) {
        http_fill_failure(request, rc);
        return;
    }
    request->status = 200;
    BUF_LIT(reply, "{\"_embedded\":{\"menu\":[");
    for (size_t i = 0; i < menu->n; i++) {
        if (i)
            buf_char(reply, ',');
        write_item(reply, &menu->items[i], menu->currency, on_hand[i]);
    }
    BUF_LIT(reply, "]},\"_links\":{\"self\":{\"href\":\"");
    buf_add(reply, request->base);
    BUF_LIT(reply, "/menu\"}}}");
}
