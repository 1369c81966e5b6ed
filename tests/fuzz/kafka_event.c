/* A message that is read from Kafka's topic becomes an event's text that can be sent again: nothing in a header or a
 * body breaks out of its place. The input is the headers' values, a line each, and the body behind an empty line;
 * without the line it is a message of the original system. */
#include "kafka_event.h"

#include "base.h"
#include "errors.h"
#include "fuzz.h"

static const struct kafka_foreign_type types[] = {
    {STR_INIT("Produced"), STR_INIT("Out of stock"), STR_INIT("product"), STR_INIT("OutOfStock"), 1, "orderId", "id",
     "ticket-"},
    {STR_INIT("Ordered"), {NULL, 0}, STR_INIT("order"), STR_INIT("Ordered"), 1, "id", NULL, NULL},
    {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, NULL, NULL, NULL},
};
static const struct str names[] = {
    STR_INIT("ce_specversion"), STR_INIT("ce_id"),      STR_INIT("ce_source"),  STR_INIT("ce_type"),
    STR_INIT("ce_time"),        STR_INIT("ce_subject"), STR_INIT("ce_version"), STR_INIT("ce_correlationid"),
    STR_INIT("ce_traceparent"),
};

static struct kafka_message message_of(struct str input)
{
    struct kafka_message message = {.value = input, .partition = 3, .offset = 17};
    const char *end = input.n ? memmem(input.p, input.n, "\n\n", 2) : NULL;

    if (!end)
        return message;
    struct str lines = {input.p, (size_t)(end - input.p)};
    message.value = (struct str){end + 2, input.n - lines.n - 2};
    for (size_t i = 0; i < COUNT_OF(names) && lines.p; i++)
        message.headers[message.n_headers++] = (struct kafka_header){names[i], str_split(lines, '\n', &lines)};
    return message;
}

static struct str said(const struct kafka_message *message, const char *header)
{
    for (size_t i = 0; i < message->n_headers; i++) {
        if (str_is(message->headers[i].name, header))
            return message->headers[i].value;
    }
    return (struct str){NULL, 0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kafka_decoder decoder = {.foreign = types};
    struct kafka_encoder encoder = {0};
    struct kafka_message message = message_of((struct str){(const char *)data, size});
    struct kafka_message again;
    struct kafka_event event;

    switch (kafka_event_decode(&decoder, &message, &event)) {
    case KAFKA_READ_OURS:
        ASSERT(kafka_event_encode(&encoder, event.text, event.cell, &again) == OK);
        ASSERT(str_eq(again.key, said(&message, "ce_subject")));
        ASSERT(str_eq(said(&again, "ce_type"), said(&message, "ce_type")));
        ASSERT(str_eq(said(&again, "ce_version"), said(&message, "ce_version")));
        break;
    case KAFKA_READ_FOREIGN:
        ASSERT(kafka_event_rekey(&encoder, &event, message.value, &again) == OK);
        ASSERT(str_eq(again.key, event.key));
        break;
    case KAFKA_READ_UNREADABLE:
        ASSERT(event.reason);
        break;
    case KAFKA_READ_OTHER:
        break;
    case KAFKA_READ_NO_MEMORY:
        ASSERT(false);
        break;
    }
    kafka_encoder_free(&encoder);
    kafka_decoder_free(&decoder);
    return 0;
}
