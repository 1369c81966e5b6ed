#include "product_json.h"

#include "base.h"

#define FIELD(json_name, member, type, flags) JSON_FIELD(struct ticket_json, json_name, member, type, flags, 0, 0)

static const struct json_field ticket_fields[] = {
    FIELD("id", id, JSON_I64, 0),
    FIELD("orderId", order_id, JSON_I64, JSON_NULLABLE),
    FIELD("atCounter", at_counter, JSON_BOOL, 0),
    FIELD("productName", product_name, JSON_STRING, JSON_NULLABLE),
    FIELD("qty", qty, JSON_I64, JSON_NULLABLE),
    FIELD("status", status, JSON_STRING, 0),
    FIELD("cancelReason", cancel_reason, JSON_STRING, JSON_SKIP_EMPTY),
    FIELD("startsAt", starts_at, JSON_TIME, JSON_NULLABLE),
    FIELD("createdAt", created_at, JSON_TIME, 0),
    FIELD("updatedAt", updated_at, JSON_TIME, 0),
};
static const struct json_desc ticket_desc = {"ticket", ticket_fields, COUNT_OF(ticket_fields),
                                             sizeof(struct ticket_json)};
const struct hal_type ticket_type = {&ticket_desc, "products", "product", offsetof(struct ticket_json, id)};

struct ticket_json ticket_json_of(const struct ticket *ticket, int64_t wall_ahead)
{
    return (struct ticket_json){
        .id = ticket->id,
        .order_id = ticket->order_id ? ticket->order_id : ticket->reference,
        .at_counter = !ticket->order_id,
        .product_name = ticket->product_name,
        .qty = ticket->qty,
        .status = ticket_state_text(ticket->state),
        .cancel_reason = ticket_cancel_reason(ticket),
        .starts_at = ticket->state == TICKET_READY && ticket->due_at ? ticket->due_at + wall_ahead : 0,
        .created_at = ticket->created_at,
        .updated_at = ticket->updated_at,
    };
}
