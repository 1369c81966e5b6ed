#include "mypage_json.h"

static const struct json_field entry_fields[] = {
    JSON_FIELD(struct mypage_entry_json, "at", at, JSON_TIME, 0, 0, 0),
    JSON_FIELD(struct mypage_entry_json, "type", type, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct mypage_entry_json, "status", status, JSON_STRING, JSON_NULLABLE, 0, 0),
    JSON_FIELD(struct mypage_entry_json, "reason", reason, JSON_STRING, JSON_SKIP_EMPTY, 0, 0),
};
static const struct json_desc entry_desc = {"entry", entry_fields, COUNT_OF(entry_fields),
                                            sizeof(struct mypage_entry_json)};

static const struct json_field page_fields[] = {
    JSON_FIELD(struct mypage_json, "id", id, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct mypage_json, "orderId", order_id, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct mypage_json, "orderStatus", order_status, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct mypage_json, "productId", product_id, JSON_I64, JSON_NULLABLE, 0, 0),
    JSON_FIELD(struct mypage_json, "productStatus", product_status, JSON_STRING, JSON_NULLABLE, 0, 0),
    JSON_FIELD(struct mypage_json, "paymentStatus", payment_status, JSON_STRING, JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD(struct mypage_json, "productName", product_name, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct mypage_json, "qty", qty, JSON_I64, 0, 0, 0),
    {.name = "timeline", .type = JSON_ARRAY, .offset = offsetof(struct mypage_json, timeline), .object = &entry_desc},
};
static const struct json_desc page_desc = {"mypage", page_fields, COUNT_OF(page_fields), sizeof(struct mypage_json)};
const struct hal_type mypage_type = {&page_desc, "mypages", "mypage", offsetof(struct mypage_json, id)};

void mypage_to_json(const struct mypage *page, struct mypage_json *json)
{
    json->id = page->id;
    json->order_id = page->id;
    json->product_id = page->ticket_id;
    json->qty = page->qty;
    json->order_status = mypage_status_text(page->order_status);
    json->product_status = mypage_status_text(page->ticket_status);
    json->payment_status = mypage_status_text(page->payment_status);
    json->product_name = page->product_name;
    json->timeline = (struct json_array){json->entries, page->n_timeline};
    for (size_t i = 0; i < page->n_timeline; i++) {
        const struct mypage_entry *entry = &page->timeline[i];
        json->entries[i] = (struct mypage_entry_json){.at = entry->at,
                                                      .type = mypage_fact_type(entry->fact),
                                                      .status = mypage_status_text(mypage_fact_status(entry->fact)),
                                                      .reason = mypage_fact_reason(entry->fact)};
    }
}
