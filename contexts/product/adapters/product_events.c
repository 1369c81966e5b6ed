#include "product_events.h"

#include "errors.h"
#include "event.h"
#include "event_command.h"
#include "json.h"

enum { MAX_NAME = 64, MAX_QTY = 1000000 }; /* what stock takes; an order beyond it could never be made */

/* ---- what we say ---- */

struct ticket_data {
    int64_t id, order_id, reference, qty;
    struct str product_name, status, cancel_reason;
};

static const struct json_field ticket_data_fields[] = {
    JSON_FIELD(struct ticket_data, "id", id, JSON_I64, 0, 1, INT64_MAX),
    JSON_FIELD(struct ticket_data, "orderId", order_id, JSON_I64, JSON_NULLABLE, 0, INT64_MAX),
    JSON_FIELD(struct ticket_data, "reference", reference, JSON_I64, JSON_SKIP_EMPTY, INT64_MIN, INT64_MAX),
    JSON_FIELD(struct ticket_data, "productName", product_name, JSON_STRING, JSON_NULLABLE, 0, MAX_NAME),
    JSON_FIELD(struct ticket_data, "qty", qty, JSON_I64, JSON_NULLABLE, 0, INT64_MAX),
    JSON_FIELD(struct ticket_data, "status", status, JSON_STRING, 0, 0, MAX_NAME),
    JSON_FIELD(struct ticket_data, "cancelReason", cancel_reason, JSON_STRING, JSON_SKIP_EMPTY, 0, MAX_NAME),
};
static const struct json_desc ticket_data_desc = {"ticket", ticket_data_fields, COUNT_OF(ticket_data_fields),
                                                  sizeof(struct ticket_data)};

static struct str type_of(enum ticket_event_kind kind)
{
    switch (kind) {
    case TICKET_EVENT_PRODUCTION_STARTED:
        return STR("ProductionStarted");
    case TICKET_EVENT_PRODUCED:
        return STR("Produced");
    case TICKET_EVENT_OUT_OF_STOCK:
        return STR("OutOfStock");
    case TICKET_EVENT_PRODUCT_REQUEUED:
        return STR("ProductRequeued");
    case TICKET_EVENT_PRODUCT_CANCELED:
        return STR("ProductCanceled");
    case TICKET_EVENT_NOTED:
        break;
    }
    ASSERT(false && "a noted change is not an event");
    return STR("");
}

void product_event_write(struct outbox *outbox, const struct ticket *ticket, const struct ticket_event *event)
{
    struct buf subject = {0};
    struct ticket_data data = {
        .id = ticket->id,
        .order_id = ticket->order_id,
        .reference = ticket->reference,
        .qty = ticket->qty,
        .product_name = ticket->product_name,
        .status = ticket_state_text(event->state),
        .cancel_reason = ticket_cancel_reason(ticket),
    };

    if (!ticket->order_id)
        BUF_LIT(&subject, "ticket-");
    buf_i64(&subject, ticket->order_id ? ticket->order_id : ticket->id);
    outbox_add(outbox,
               &(struct event){
                   .type = type_of(event->kind),
                   .subject = buf_str(&subject),
                   .time = event->at,
                   .version = event->version,
                   .correlation = ticket->correlation,
                   .traceparent = ticket->traceparent,
               },
               &ticket_data_desc, &data);
    outbox->frames.failed |= subject.failed;
    buf_free(&subject);
}

/* ---- what we hear ---- */

struct order_data {
    int64_t id, qty;
    struct str product_name;
};
static const struct json_field order_data_fields[] = {
    JSON_FIELD(struct order_data, "id", id, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    JSON_FIELD(struct order_data, "qty", qty, JSON_I64, 0, 0, MAX_QTY),
    JSON_FIELD(struct order_data, "productName", product_name, JSON_STRING, 0, 0, MAX_NAME),
};
static const struct json_desc order_data_desc = {"order", order_data_fields, COUNT_OF(order_data_fields),
                                                 sizeof(struct order_data)};

struct stock_data {
    int64_t on_hand;
    struct str product_name;
};
static const struct json_field stock_data_fields[] = {
    JSON_FIELD(struct stock_data, "onHand", on_hand, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
    JSON_FIELD(struct stock_data, "productName", product_name, JSON_STRING, JSON_REQUIRED, 1, MAX_NAME),
};
static const struct json_desc stock_data_desc = {"stock", stock_data_fields, COUNT_OF(stock_data_fields),
                                                 sizeof(struct stock_data)};

static struct product_command *new_command(size_t source, struct str text, const char **reason)
{
    struct command *command = event_command_new(sizeof(struct product_command), source, text);

    if (command)
        return CONTAINER_OF(command, struct product_command, base);
    *reason = error_text(E_MEMORY); /* the follower asks for it again */
    return NULL;
}

static struct command *decode_order(struct str text, struct arena *arena, const char **reason)
{
    struct event event;
    struct order_data data;
    struct json_error error;

    if (!event_decode(text, &event, &order_data_desc, &data, arena, &error)) {
        *reason = event_command_reason(&error, "is not an event of order's that can be read");
        return NULL;
    }
    bool ordered = str_is(event.type, "Ordered");
    if (!ordered && !str_is(event.type, "OrderCanceled"))
        return NULL;
    if (ordered && (data.qty < 1 || data.product_name.n == 0)) {
        *reason = "an order without a quantity or a name can't be made";
        return NULL;
    }
    struct product_command *self = new_command(PRODUCT_SOURCE_ORDER, text, reason);
    if (!self)
        return NULL;
    self->intent = (struct ticket_intent){
        .kind = ordered ? TICKET_ORDERED : TICKET_CANCEL_ORDER,
        .product_name = event_command_keep(&self->base, text, data.product_name),
        .qty = data.qty,
        .order_id = data.id,
        .correlation = event_command_keep(&self->base, text, event.correlation),
        .traceparent = event_command_keep(&self->base, text, event.traceparent),
    };
    return &self->base;
}

static bool is_more(struct str type)
{
    return str_is(type, "StockReceived") || str_is(type, "StockReleased") || str_is(type, "StockCorrected");
}

static struct command *decode_stock(struct str text, struct arena *arena, const char **reason)
{
    struct event event;
    struct stock_data data;
    struct json_error error;

    /* Every ticket made is a reduction, and none of them is news here. */
    struct str type = event_type_ahead(text);
    if (type.n && !is_more(type))
        return NULL;
    if (!event_decode(text, &event, &stock_data_desc, &data, arena, &error)) {
        *reason = event_command_reason(&error, "is not an event of stock's that can be read");
        return NULL;
    }
    if (!is_more(event.type) || data.on_hand == 0)
        return NULL;
    struct product_command *self = new_command(PRODUCT_SOURCE_STOCK, text, reason);
    if (!self)
        return NULL;
    self->intent.kind = TICKET_GOODS_IN;
    self->item = event_command_keep(&self->base, text, data.product_name);
    self->on_hand = data.on_hand;
    return &self->base;
}

struct command *product_event_decode(void *context, size_t source, struct str text, const char **reason)
{
    struct arena arena;

    UNUSED(context);
    arena_init(&arena, 4096);
    struct command *command =
        source == PRODUCT_SOURCE_ORDER ? decode_order(text, &arena, reason) : decode_stock(text, &arena, reason);
    arena_free(&arena);
    return command;
}
