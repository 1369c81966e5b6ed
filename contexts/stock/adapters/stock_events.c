#include "stock_events.h"

#include "base.h"
#include "event.h"

#define DATA(json_name, member, type, flags, min, max)                                                                 \
    JSON_FIELD(struct stock_event_data, json_name, member, type, flags, min, max)

static const struct json_field data_fields[] = {
    DATA("id", id, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    DATA("productName", product_name, JSON_STRING, JSON_REQUIRED, 1, STOCK_NAME_MAX),
    DATA("qty", qty, JSON_I64, JSON_REQUIRED, INT64_MIN, INT64_MAX),
    DATA("onHand", on_hand, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
    DATA("reservationId", reservation_id, JSON_STRING, JSON_NULLABLE | JSON_SKIP_EMPTY, 0, RESERVATION_KEPT_MAX),
    DATA("orderId", order_id, JSON_I64, JSON_NULLABLE | JSON_SKIP_EMPTY, 1, INT64_MAX),
    DATA("reason", reason, JSON_STRING, JSON_NULLABLE | JSON_SKIP_EMPTY, 0, STOCK_REASON_MAX),
};
const struct json_desc stock_event_desc = {"stock", data_fields, COUNT_OF(data_fields),
                                           sizeof(struct stock_event_data)};

static const struct str types[] = {
    [STOCK_EVENT_RECEIVED] = STR_INIT("StockReceived"), [STOCK_EVENT_CORRECTED] = STR_INIT("StockCorrected"),
    [STOCK_EVENT_REMOVED] = STR_INIT("StockRemoved"),   [STOCK_EVENT_REDUCED] = STR_INIT("StockReduced"),
    [STOCK_EVENT_RELEASED] = STR_INIT("StockReleased"),
};

/* In no string of it: there quotes are escaped. */
static bool says(struct str text, struct str member)
{
    const char *found = text.n ? memmem(text.p, text.n, member.p, member.n) : NULL;
    const char *end = found ? found + member.n : NULL;

    return found && end < text.p + text.n && (*end == ',' || *end == '}');
}

bool stock_event_is_for_all(void *context, struct str type, struct str text)
{
    UNUSED(context);
    return !str_eq(type, types[STOCK_EVENT_REDUCED]) || says(text, STR("\"onHand\":0"));
}

static const struct str client_space = STR_INIT("client:");

bool stock_reservation_is_id(struct str given)
{
    for (size_t i = 0; i < given.n; i++) {
        if (given.p[i] < '!' || given.p[i] > '~')
            return false;
    }
    return given.n <= RESERVATION_ID_MAX;
}

struct str stock_reservation_of_client(struct arena *arena, struct str given)
{
    char *id = arena_alloc(arena, client_space.n + given.n + 1);

    if (!id)
        return (struct str){NULL, 0};
    memcpy(id, client_space.p, client_space.n);
    if (given.n)
        memcpy(id + client_space.n, given.p, given.n);
    return (struct str){id, client_space.n + given.n};
}

struct str stock_reservation_given(struct str reservation_id)
{
    if (!str_starts_with(reservation_id, client_space))
        return reservation_id;
    return (struct str){reservation_id.p + client_space.n, reservation_id.n - client_space.n};
}

/* `kind` and a positive number, a dot, a positive number, and nothing else. */
static int64_t number_of(struct str id, char kind)
{
    struct str attempt_text;
    int64_t number, attempt;

    if (id.n == 0 || id.p[0] != kind)
        return 0;
    struct str text = str_split((struct str){id.p + 1, id.n - 1}, '.', &attempt_text);
    if (!str_to_i64(text, &number) || !str_to_i64(attempt_text, &attempt))
        return 0;
    return number > 0 && attempt > 0 ? number : 0;
}

int64_t stock_reservation_order(struct str reservation_id)
{
    return number_of(reservation_id, 'o');
}

int64_t stock_reservation_ticket(struct str reservation_id)
{
    return number_of(reservation_id, 't');
}

/* One order's events stay in order among themselves; what is no order's is keyed by its ticket or its item. */
static struct str write_subject(struct buf *subject, const struct stock_event_data *data)
{
    int64_t ticket = stock_reservation_ticket(data->reservation_id);

    if (data->order_id) {
        buf_i64(subject, data->order_id);
    } else if (ticket) {
        BUF_LIT(subject, "ticket-");
        buf_i64(subject, ticket);
    } else {
        return data->product_name;
    }
    return buf_str(subject);
}

void stock_event_write(struct outbox *outbox, const struct stock *stock, const struct stock_event *event,
                       const struct stock_command *command)
{
    struct buf subject = {0};
    struct stock_event_data data = {
        .id = stock->id,
        .product_name = event->product_name,
        .qty = event->qty,
        .on_hand = event->on_hand,
        .reservation_id = event->reservation_id,
        .order_id = stock_reservation_order(event->reservation_id),
        .reason = event->reason,
    };

    outbox_add(outbox,
               &(struct event){
                   .type = types[event->kind],
                   .subject = write_subject(&subject, &data),
                   .time = event->at,
                   .version = event->version,
                   .correlation = command ? command->correlation : STR(""),
                   .traceparent = command ? command->traceparent : STR(""),
               },
               &stock_event_desc, &data);
    outbox->frames.failed |= subject.failed;
    buf_free(&subject);
}
