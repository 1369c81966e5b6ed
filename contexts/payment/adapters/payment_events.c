#include "payment_events.h"

#include "errors.h"
#include "event.h"
#include "event_command.h"
#include "json.h"
#include "log.h"
#include "metrics.h"

struct payment_data {
    int64_t id, order_id, amount;
    struct str currency, method, status, reason;
};

static const struct json_field payment_data_fields[] = {
    JSON_FIELD(struct payment_data, "id", id, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct payment_data, "orderId", order_id, JSON_I64, JSON_NULLABLE, 0, 0),
    JSON_FIELD(struct payment_data, "amount", amount, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct payment_data, "currency", currency, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct payment_data, "method", method, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct payment_data, "status", status, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct payment_data, "reason", reason, JSON_STRING, JSON_NULLABLE, 0, 0),
};
static const struct json_desc payment_data_desc = {"payment", payment_data_fields, COUNT_OF(payment_data_fields),
                                                   sizeof(struct payment_data)};

/* One order's events stay in order; a payment that never had one has a key of its own. */
static void write_subject(struct buf *out, const struct payment *payment)
{
    if (!payment->order_id)
        BUF_LIT(out, "payment-");
    buf_i64(out, payment->order_id ? payment->order_id : payment->id);
}

void payment_event_write(struct outbox *outbox, const struct payment *payment, const struct payment_event *event,
                         struct str correlation, struct str traceparent)
{
    struct buf subject = {0};
    struct payment_data data = {
        .id = payment->id,
        .order_id = payment->order_id,
        .amount = payment->amount,
        .currency = payment->currency,
        .method = payment->method,
        .status = payment_status_text(payment),
        .reason = payment->reason,
    };

    write_subject(&subject, payment);
    outbox_add(outbox,
               &(struct event){
                   .type = event->kind == PAYMENT_EVENT_APPROVED ? STR("PaymentApproved") : STR("PaymentCanceled"),
                   .subject = buf_str(&subject),
                   .time = event->at,
                   .version = event->version,
                   .correlation = correlation,
                   .traceparent = traceparent,
               },
               &payment_data_desc, &data);
    outbox->frames.failed |= subject.failed;
    buf_free(&subject);
}

/* What of order's events payment wants to know. */
struct order_data {
    int64_t id, payment_id, amount;
};

static const struct json_field order_data_fields[] = {
    JSON_FIELD(struct order_data, "id", id, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    JSON_FIELD(struct order_data, "paymentId", payment_id, JSON_I64, JSON_NULLABLE, 1, INT64_MAX),
    JSON_FIELD(struct order_data, "amount", amount, JSON_I64, JSON_NULLABLE, 0, INT64_MAX),
};
static const struct json_desc order_data_desc = {"order", order_data_fields, COUNT_OF(order_data_fields),
                                                 sizeof(struct order_data)};

static bool kind_of_type(struct str type, enum payment_command_kind *kind)
{
    if (str_is(type, "Ordered"))
        *kind = PAYMENT_ORDERED;
    else if (str_is(type, "OrderCanceled"))
        *kind = PAYMENT_ORDER_CANCELED;
    else
        return false;
    return true;
}

struct fact {
    struct payment_command command; /* first: event_command_new() makes it */
    struct payment_step step;
    void (*give_back)(struct command *self, int rc); /* the memory */
};

static struct metric unpaid =
    METRIC_COUNTER_INIT("coffeeshop_orders_unpaid_total", "Orders that came when their authorisation had ended.");

static void finish(struct command *base, int rc)
{
    struct fact *fact = CONTAINER_OF(base, struct fact, command.base);
    const struct payment_step *step = &fact->step;

    if (!rc && base->fate == COMMAND_NORMAL && step->verdict == PAYMENT_DECIDED &&
        payment_has_come_too_late(step->intent.kind, step->payment.state)) {
        metric_add(&unpaid, 1);
        log_error("an order exists and isn't paid: its authorisation had ended when it came",
                  LOG_I("order", step->payment.order_id), LOG_I("payment", step->payment.id));
    }
    fact->give_back(base, rc);
}

static struct command *new_fact(enum payment_command_kind kind, const struct order_data *data,
                                const struct event *event, size_t source, struct str text)
{
    struct command *command = event_command_new(sizeof(struct fact), source, text);

    if (!command)
        return NULL;
    struct fact *fact = CONTAINER_OF(command, struct fact, command.base);
    fact->step.intent = (struct payment_intent){.kind = kind, .order_id = data->id, .amount = data->amount};
    fact->step.payment_id = data->payment_id;
    fact->command.steps = &fact->step;
    fact->command.n = 1;
    fact->give_back = command->finish;
    command->finish = finish;
    fact->command.correlation = event_command_keep(command, text, event->correlation);
    fact->command.traceparent = event_command_keep(command, text, event->traceparent);
    return command;
}

struct command *payment_event_decode(void *context, size_t source, struct str text, const char **reason)
{
    struct arena arena;
    struct event event;
    struct order_data data;
    struct json_error error;
    struct command *command = NULL;
    enum payment_command_kind kind;

    UNUSED(context);
    arena_init(&arena, 4096);
    if (!event_decode(text, &event, &order_data_desc, &data, &arena, &error)) {
        *reason = event_command_reason(&error, "is not an event of order's that can be read");
    } else if (kind_of_type(event.type, &kind) && data.payment_id) {
        command = new_fact(kind, &data, &event, source, text);
        if (!command)
            *reason = error_text(E_MEMORY); /* the follower asks for it again */
    }
    arena_free(&arena);
    return command;
}

void payment_events_init(void)
{
    metric_register(&unpaid);
}
