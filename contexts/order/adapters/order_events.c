#include "order_events.h"

#include "errors.h"
#include "event.h"
#include "event_command.h"
#include "json.h"

struct order_data {
    int64_t id, product_id, qty, amount, payment_id;
    struct str product_name, status, cancel_reason, currency;
};

static const struct json_field order_data_fields[] = {
    JSON_FIELD(struct order_data, "id", id, JSON_I64, 0, 1, INT64_MAX),
    JSON_FIELD(struct order_data, "productId", product_id, JSON_I64, JSON_NULLABLE, 0, INT64_MAX),
    JSON_FIELD(struct order_data, "productName", product_name, JSON_STRING, 0, 0, INT64_MAX),
    JSON_FIELD(struct order_data, "qty", qty, JSON_I64, 0, 0, INT64_MAX),
    JSON_FIELD(struct order_data, "status", status, JSON_STRING, 0, 0, INT64_MAX),
    JSON_FIELD(struct order_data, "cancelReason", cancel_reason, JSON_STRING, JSON_SKIP_EMPTY, 0, INT64_MAX),
    JSON_FIELD(struct order_data, "amount", amount, JSON_I64, 0, 0, INT64_MAX),
    JSON_FIELD(struct order_data, "currency", currency, JSON_STRING, 0, 0, INT64_MAX),
    JSON_FIELD(struct order_data, "paymentId", payment_id, JSON_I64, JSON_SKIP_EMPTY, 0, INT64_MAX),
};
static const struct json_desc order_data_desc = {"order", order_data_fields, COUNT_OF(order_data_fields),
                                                 sizeof(struct order_data)};

void order_event_write(struct outbox *outbox, const struct order *order, const struct order_event *event,
                       const struct order_command *command)
{
    struct buf subject = {0};
    struct order_data data = {
        .id = order->id,
        .product_id = order->product_id,
        .product_name = order->product_name,
        .qty = order->qty,
        .status = order_state_text(order->state),
        .cancel_reason = order_cancel_reason(order),
        .amount = order->amount,
        .currency = order->currency,
        .payment_id = order->payment_id,
    };

    buf_i64(&subject, order->id);
    outbox_add(outbox,
               &(struct event){
                   .type = event->kind == ORDER_EVENT_ORDERED ? STR("Ordered") : STR("OrderCanceled"),
                   .subject = buf_str(&subject),
                   .time = event->at,
                   .version = event->version,
                   .correlation = command->correlation,
                   .traceparent = command->traceparent,
               },
               &order_data_desc, &data);
    outbox->frames.failed |= subject.failed;
    buf_free(&subject);
}

/* What of product's and payment's events the order wants to know: the ticket's or the payment's id, and the order's. */
struct fact_data {
    int64_t id, order_id;
    struct str cancel_reason; /* product's */
};

static const struct json_field fact_data_fields[] = {
    JSON_FIELD(struct fact_data, "id", id, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    JSON_FIELD(struct fact_data, "orderId", order_id, JSON_I64, JSON_NULLABLE, 1, INT64_MAX),
    JSON_FIELD(struct fact_data, "cancelReason", cancel_reason, JSON_STRING, JSON_NULLABLE, 0, INT64_MAX),
};
static const struct json_desc fact_data_desc[] = {
    [ORDER_SOURCE_PRODUCT] = {"ticket", fact_data_fields, COUNT_OF(fact_data_fields), sizeof(struct fact_data)},
    [ORDER_SOURCE_PAYMENT] = {"payment", fact_data_fields, COUNT_OF(fact_data_fields), sizeof(struct fact_data)},
};

static const char *const unreadable[] = {
    [ORDER_SOURCE_PRODUCT] = "is not an event of product's that can be read",
    [ORDER_SOURCE_PAYMENT] = "is not an event of payment's that can be read",
};

static const struct {
    size_t source;
    struct str type;
    enum order_command_kind kind;
} facts[] = {
    {ORDER_SOURCE_PRODUCT, STR_INIT("ProductionStarted"), ORDER_STARTED},
    {ORDER_SOURCE_PRODUCT, STR_INIT("Produced"), ORDER_PRODUCED},
    {ORDER_SOURCE_PRODUCT, STR_INIT("OutOfStock"), ORDER_RAN_OUT},
    {ORDER_SOURCE_PRODUCT, STR_INIT("ProductRequeued"), ORDER_REQUEUED},
    {ORDER_SOURCE_PRODUCT, STR_INIT("ProductCanceled"), ORDER_PRODUCT_CANCELED},
    {ORDER_SOURCE_PAYMENT, STR_INIT("PaymentCanceled"), ORDER_REFUNDED},
};

static bool kind_of_type(size_t source, struct str type, enum order_command_kind *kind)
{
    for (size_t i = 0; i < COUNT_OF(facts); i++) {
        if (facts[i].source == source && str_eq(type, facts[i].type)) {
            *kind = facts[i].kind;
            return true;
        }
    }
    return false;
}

static struct order_intent intent_of(enum order_command_kind kind, const struct event *event,
                                     const struct fact_data *data)
{
    if (kind == ORDER_REFUNDED)
        return (struct order_intent){.kind = kind, .payment_id = data->id, .given_back_at = event->time};
    return (struct order_intent){.kind = kind,
                                 .ticket_id = data->id,
                                 .ticket_version = event->version,
                                 .given_up = order_is_given_up_for(data->cancel_reason)};
}

struct command *order_event_decode(void *context, size_t source, struct str text, const char **reason)
{
    struct arena arena;
    struct event event;
    struct fact_data data;
    struct json_error error;
    struct command *command = NULL;
    enum order_command_kind kind;
    struct str type = event_type_ahead(text);

    UNUSED(context);
    ASSERT(source < COUNT_OF(fact_data_desc));
    /* Every order that is paid says so, and that is no news here. */
    if (type.n && !kind_of_type(source, type, &kind))
        return NULL;
    arena_init(&arena, 4096);
    if (!event_decode(text, &event, &fact_data_desc[source], &data, &arena, &error)) {
        *reason = event_command_reason(&error, unreadable[source]);
    } else if (kind_of_type(source, event.type, &kind) && data.order_id) {
        command = event_command_new(sizeof(struct order_command), source, text);
        if (!command)
            *reason = error_text(E_MEMORY); /* the follower asks for it again */
    }
    if (command) {
        struct order_command *self = CONTAINER_OF(command, struct order_command, base);
        self->intent = intent_of(kind, &event, &data);
        self->order_id = data.order_id;
        self->correlation = event_command_keep(command, text, event.correlation);
        self->traceparent = event_command_keep(command, text, event.traceparent);
    }
    arena_free(&arena);
    return command;
}
