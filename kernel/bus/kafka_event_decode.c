#include "base.h"
#include "json.h"
#include "kafka_event_internal.h"

void kafka_decoder_free(struct kafka_decoder *decoder)
{
    arena_free(&decoder->arena);
    buf_free(&decoder->text);
    buf_free(&decoder->scratch);
}

/* "/order/cells/3" -> "/order", and 3. */
static struct str take_cell(struct str source, int32_t *cell)
{
    const char *found = source.n > kafka_cells.n ? memmem(source.p, source.n, kafka_cells.p, kafka_cells.n) : NULL;
    int64_t number = 0;

    *cell = -1;
    if (!found)
        return source;
    size_t before = (size_t)(found - source.p);
    struct str text = {found + kafka_cells.n, source.n - before - kafka_cells.n};
    if (!str_to_i64(text, &number) || number < 0 || number > INT32_MAX || before == 0)
        return source;
    *cell = (int32_t)number;
    return (struct str){source.p, before};
}

/* "order-17" of "order" -> 17; 0: none that a cursor could hold */
static uint64_t position_of(struct str id, struct str producer)
{
    uint64_t position = 0;

    if (!str_starts_with(id, producer) || id.n < producer.n + 2 || id.p[producer.n] != '-')
        return 0;
    bool is_number = str_to_u64((struct str){id.p + producer.n + 1, id.n - producer.n - 1}, &position);
    return is_number && position <= INT64_MAX ? position : 0;
}

struct kafka_empty {
    struct str type;
};
static const struct json_field empty_fields[] = {
    JSON_FIELD(struct kafka_empty, "eventType", type, JSON_RAW, JSON_NULLABLE, 0, INT64_MAX),
};
static const struct json_desc empty_desc = {"message", empty_fields, COUNT_OF(empty_fields),
                                            sizeof(struct kafka_empty)};

/* Header by header: what they say of the event. NULL, or why it can't be read. */
static const char *take_headers(const struct kafka_message *message, struct str *values)
{
    for (size_t i = 0; i < message->n_headers; i++) {
        const struct kafka_header *header = &message->headers[i];
        size_t which = kafka_attribute_of(header->name);
        if (which < KAFKA_ATTRIBUTES && !values[which].n)
            values[which] = header->value;
        if (!str_is_utf8(header->value) || (header->value.n && memchr(header->value.p, '\0', header->value.n)))
            return "has a header that is not a text in UTF-8";
        if (which == KAFKA_ATTRIBUTES && str_eq_nocase(header->name, kafka_content_type) &&
            !str_starts_with(header->value, kafka_json_type))
            return "says that its body is not application/json";
    }
    for (size_t i = 0; i < KAFKA_ATTRIBUTES; i++) {
        if (kafka_attributes[i].required && !values[i].n)
            return "lacks one of the headers ce_specversion, ce_id, ce_source, ce_type and ce_time";
    }
    if (!str_is(values[KAFKA_SPECVERSION], "1.0"))
        return "is of a version of CloudEvents other than 1.0";
    uint64_t version;
    if (values[KAFKA_VERSION].n && (values[KAFKA_VERSION].p[0] == '0' || !str_to_u64(values[KAFKA_VERSION], &version)))
        return "has a header ce_version that is not a whole number from 1";
    return NULL;
}

static enum kafka_reading unreadable(struct kafka_event *event, const char *reason)
{
    event->reason = reason;
    return KAFKA_READ_UNREADABLE;
}

static bool has_our_headers(const struct kafka_message *message)
{
    for (size_t i = 0; i < message->n_headers; i++) {
        if (kafka_attribute_of(message->headers[i].name) < KAFKA_ATTRIBUTES)
            return true;
    }
    return false;
}

enum kafka_reading kafka_event_decode(struct kafka_decoder *decoder, const struct kafka_message *message,
                                      struct kafka_event *event)
{
    struct str values[KAFKA_ATTRIBUTES] = {{NULL, 0}};
    struct kafka_empty empty;
    struct json_error error;

    *event = (struct kafka_event){.cell = -1};
    arena_reset(&decoder->arena);
    if (!has_our_headers(message))
        return kafka_foreign_decode(decoder, message, event);
    const char *reason = take_headers(message, values);
    if (reason)
        return unreadable(event, reason);
    /* That it is one whole object is looked at first: whatever follows one would be taken for attributes. */
    if (!json_decode(&empty_desc, message->value, &empty, &decoder->arena, &error))
        return error.kind == JSON_NO_MEMORY ? KAFKA_READ_NO_MEMORY
                                            : unreadable(event, "has a body that is not a JSON object");
    struct str source = take_cell(values[KAFKA_SOURCE], &event->cell);
    values[KAFKA_SOURCE] = source;
    event->producer = source.p[0] == '/' ? (struct str){source.p + 1, source.n - 1} : source;
    event->position = position_of(values[KAFKA_ID], event->producer);
    if (!kafka_event_compose(decoder, values, str_trim(str_without_bom(message->value))))
        return KAFKA_READ_NO_MEMORY;
    event->text = buf_str(&decoder->text);
    return KAFKA_READ_OURS;
}
