#include "product_events.h"

#include "alloc.h"
#include "errors.h"
#include "event.h"
#include "json.h"

enum { MAX_NAME = 64, MAX_QTY = 1000000 }; /* what stock takes; an order beyond it could never be made */

/* ---- what we say ---- */

struct ticket_data {
    int64_t id, order_id, reference, qty;
    struct str product_name, status;
};

static const struct json_field ticket_data_fields[] = {
    JSON_FIELD(struct ticket_data, "id", id, JSON_I64, 0, 1, INT64_MAX),
    JSON_FIELD(struct ticket_data, "orderId", order_id, JSON_I64, JSON_NULLABLE, 0, INT64_MAX),
    JSON_FIELD(struct ticket_data, "reference", reference, JSON_I64, JSON_SKIP_EMPTY, INT64_MIN, INT64_MAX),
    JSON_FIELD(struct ticket_data, "productName", product_name, JSON_STRING, JSON_NULLABLE, 0, MAX_NAME),
    JSON_FIELD(struct ticket_data, "qty", qty, JSON_I64, JSON_NULLABLE, 0, INT64_MAX),
    JSON_FIELD(struct ticket_data, "status", status, JSON_STRING, 0, 0, MAX_NAME),
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

/* A command and the text of its event, in one block. */
struct event_command {
    struct product_command command;
    char text[];
};

static void finish(struct command *self, int rc)
{
    UNUSED(rc);
    heap_free(CONTAINER_OF(self, struct event_command, command.base));
}

/* A text of the event, in the command's own copy; a decoded one (with escapes) lives elsewhere and is copied behind it.
 */
static struct str keep(struct event_command *self, struct str text, size_t *extra, struct str part)
{
    if (part.n == 0)
        return (struct str){NULL, 0};
    if (part.p >= text.p && part.p + part.n <= text.p + text.n)
        return (struct str){self->text + (part.p - text.p), part.n};
    char *copy = self->text + text.n + *extra;
    memcpy(copy, part.p, part.n);
    *extra += part.n;
    return (struct str){copy, part.n};
}

static struct event_command *new_command(size_t source, struct str text, size_t extra)
{
    struct event_command *self = heap_alloc(sizeof(*self) + text.n + extra);

    if (!self)
        return NULL;
    memcpy(self->text, text.p, text.n);
    self->command.base =
        (struct command){.origin = FROM_FEED, .source = source, .frame = {self->text, text.n}, .finish = finish};
    return self;
}

static struct command *decode_order(struct str text, struct arena *arena, const char **reason)
{
    struct event event;
    struct order_data data;
    struct json_error error;
    size_t extra = 0;

    if (!event_decode(text, &event, &order_data_desc, &data, arena, &error)) {
        *reason = "is not an event of order's that can be read";
        return NULL;
    }
    bool ordered = str_is(event.type, "Ordered");
    if (!ordered && !str_is(event.type, "OrderCanceled"))
        return NULL;
    if (ordered && (data.qty < 1 || data.product_name.n == 0)) {
        *reason = "an order without a quantity or a name can't be made";
        return NULL;
    }
    struct event_command *self =
        new_command(PRODUCT_SOURCE_ORDER, text, data.product_name.n + event.correlation.n + event.traceparent.n);
    if (!self) {
        *reason = error_text(E_MEMORY); /* the follower asks for it again */
        return NULL;
    }
    self->command.intent = (struct ticket_intent){
        .kind = ordered ? TICKET_ORDERED : TICKET_CANCEL_ORDER,
        .product_name = keep(self, text, &extra, data.product_name),
        .qty = data.qty,
        .order_id = data.id,
        .ordered_at = event.time,
        .correlation = keep(self, text, &extra, event.correlation),
        .traceparent = keep(self, text, &extra, event.traceparent),
    };
    return &self->command.base;
}

static struct command *decode_stock(struct str text, struct arena *arena, const char **reason)
{
    struct event event;
    struct stock_data data;
    struct json_error error;
    size_t extra = 0;

    if (!event_decode(text, &event, &stock_data_desc, &data, arena, &error)) {
        *reason = "is not an event of stock's that can be read";
        return NULL;
    }
    bool more = str_is(event.type, "StockReceived") || str_is(event.type, "StockReleased") ||
                str_is(event.type, "StockCorrected");
    if (!more || data.on_hand == 0)
        return NULL;
    struct event_command *self = new_command(PRODUCT_SOURCE_STOCK, text, data.product_name.n);
    if (!self) {
        *reason = error_text(E_MEMORY); /* the follower asks for it again */
        return NULL;
    }
    self->command.intent.kind = TICKET_GOODS_IN;
    self->command.item = keep(self, text, &extra, data.product_name);
    self->command.on_hand = data.on_hand;
    return &self->command.base;
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
