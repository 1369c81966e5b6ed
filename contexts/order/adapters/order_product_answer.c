#include "order_product_answer.h"

#include "base.h"
#include "json.h"
#include "order.h"
#include "peer_problem.h"

/* The ticket; for an order that product has not heard of yet, its tombstone. */
struct ticket {
    int64_t id, order_id;
    struct str status, cancel_reason;
};
static const struct json_field ticket_fields[] = {
    JSON_FIELD(struct ticket, "id", id, JSON_I64, JSON_NULLABLE, 1, INT64_MAX),
    JSON_FIELD(struct ticket, "orderId", order_id, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    JSON_FIELD(struct ticket, "status", status, JSON_STRING, JSON_REQUIRED, 1, 32),
    JSON_FIELD(struct ticket, "cancelReason", cancel_reason, JSON_STRING, JSON_NULLABLE, 0, 32),
};
static const struct json_desc ticket_desc = {"ticket", ticket_fields, COUNT_OF(ticket_fields), sizeof(struct ticket)};

static bool is_canceled(struct str reply, int64_t order_id, struct product_canceled *canceled)
{
    struct arena arena;
    struct ticket ticket;
    struct json_error error;

    arena_init(&arena, 4096);
    bool is_ours = json_decode(&ticket_desc, reply, &ticket, &arena, &error) && ticket.order_id == order_id &&
                   str_is(ticket.status, "Canceled");
    if (is_ours)
        *canceled = (struct product_canceled){ticket.id, order_is_given_up_for(ticket.cancel_reason)};
    arena_free(&arena);
    return is_ours;
}

enum product_answer order_product_answer(const struct http_call *call, int64_t order_id,
                                         struct product_canceled *canceled)
{
    struct peer_problem problem;

    *canceled = (struct product_canceled){0};
    if (call->status == 200 && call->media == HTTP_MEDIA_JSON && is_canceled(buf_str(&call->reply), order_id, canceled))
        return PRODUCT_ANSWER_CANCELED;
    if (call->status == 409 && peer_problem_read(call, &problem))
        return PRODUCT_ANSWER_TOO_LATE;
    return PRODUCT_ANSWER_NONE;
}
