#include "view_events.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "event.h"
#include "json.h"

const char *const view_producers[MYPAGE_PRODUCER_COUNT] = {
    [MYPAGE_ORDER] = "order", [MYPAGE_PRODUCT] = "product", [MYPAGE_STOCK] = "stock", [MYPAGE_PAYMENT] = "payment"};

/* What the view wants to know of each producer's data; one struct for all. */
struct told {
    int64_t id, stock_id, order_id, qty, on_hand, payment_id;
    struct str product_name, cancel_reason;
};

#define NAME_FIELD(flag, least)                                                                                        \
    JSON_FIELD(struct told, "productName", product_name, JSON_STRING, flag, least, MYPAGE_NAME_MAX)
#define REASON_FIELD JSON_FIELD(struct told, "cancelReason", cancel_reason, JSON_STRING, JSON_NULLABLE, 0, INT64_MAX)

static const struct json_field order_fields[] = {
    JSON_FIELD(struct told, "id", order_id, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    NAME_FIELD(JSON_REQUIRED, 1),
    JSON_FIELD(struct told, "qty", qty, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
    JSON_FIELD(struct told, "paymentId", payment_id, JSON_I64, JSON_NULLABLE, 1, INT64_MAX),
    REASON_FIELD,
};
static const struct json_field product_fields[] = {
    JSON_FIELD(struct told, "id", id, JSON_I64, JSON_NULLABLE, 1, INT64_MAX),
    JSON_FIELD(struct told, "orderId", order_id, JSON_I64, JSON_NULLABLE, 1, INT64_MAX),
    REASON_FIELD,
};
static const struct json_field stock_fields[] = {
    JSON_FIELD(struct told, "id", stock_id, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    NAME_FIELD(JSON_REQUIRED, 1),
    JSON_FIELD(struct told, "onHand", on_hand, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
    JSON_FIELD(struct told, "orderId", order_id, JSON_I64, JSON_NULLABLE, 1, INT64_MAX),
};

static const struct json_field payment_fields[] = {
    JSON_FIELD(struct told, "orderId", order_id, JSON_I64, JSON_NULLABLE, 1, INT64_MAX),
};

static const struct {
    struct json_desc desc;
    const char *unreadable;
} producers[MYPAGE_PRODUCER_COUNT] = {
    [MYPAGE_ORDER] = {{"order", order_fields, COUNT_OF(order_fields), sizeof(struct told)},
                      "is not an event of order's that can be read"},
    [MYPAGE_PRODUCT] = {{"ticket", product_fields, COUNT_OF(product_fields), sizeof(struct told)},
                        "is not an event of product's that can be read"},
    [MYPAGE_STOCK] = {{"stock", stock_fields, COUNT_OF(stock_fields), sizeof(struct told)},
                      "is not an event of stock's that can be read"},
    [MYPAGE_PAYMENT] = {{"payment", payment_fields, COUNT_OF(payment_fields), sizeof(struct told)},
                        "is not an event of payment's that can be read"},
};

/* A command and the name that it carries, in one block. */
struct event_command {
    struct view_command command;
    char name[];
};

static void finish(struct command *self, int rc)
{
    UNUSED(rc);
    heap_free(CONTAINER_OF(self, struct event_command, command.base));
}

static struct command *make_command(enum mypage_producer producer, int64_t order_id, enum mypage_fact fact,
                                    const struct event *event, const struct told *told)
{
    struct event_command *self = heap_alloc(sizeof(*self) + told->product_name.n);

    if (!self)
        return NULL;
    struct str name = {self->name, told->product_name.n};
    if (name.n)
        memcpy(self->name, told->product_name.p, name.n);
    self->command.base.finish = finish;
    self->command.order_id = order_id;
    self->command.event = (struct mypage_event){.fact = fact,
                                                .at = event->time,
                                                .version = event->version,
                                                .ticket_id = told->id,
                                                .product_name = name,
                                                .qty = told->qty,
                                                .paid = told->payment_id != 0};
    if (producer == MYPAGE_STOCK)
        self->command.item = (struct item_level){name, told->on_hand, told->stock_id, event->version};
    return &self->command.base;
}

struct command *view_event_decode(void *context, size_t source, struct str text, const char **reason)
{
    struct view_decoder *decoder = context;
    enum mypage_producer producer = (enum mypage_producer)source;
    enum mypage_fact fact = MYPAGE_FACT_COUNT;
    struct event event;
    struct told told;
    struct json_error error;

    ASSERT(source < MYPAGE_PRODUCER_COUNT);
    arena_reset(&decoder->arena);
    if (!event_decode(text, &event, &producers[producer].desc, &told, &decoder->arena, &error)) {
        *reason = error.kind == JSON_NO_MEMORY ? error_text(E_MEMORY) : producers[producer].unreadable;
        return NULL;
    }
    /* The version is how repeats are recognised, the time is where it stands in the timeline. */
    if (event.version < 1 || event.time < 1) {
        *reason = "has no version or no time";
        return NULL;
    }
    int64_t order_id = mypage_fact_of(producer, event.type, told.cancel_reason, &fact) ? told.order_id : 0;
    if (!order_id && producer != MYPAGE_STOCK)
        return NULL;
    struct command *command = make_command(producer, order_id, fact, &event, &told);
    if (!command)
        *reason = error_text(E_MEMORY);
    return command;
}
