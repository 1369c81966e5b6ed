#include "base.h"
#include "errors.h"
#include "json.h"
#include "kafka_event_internal.h"

struct told {
    struct str attribute[KAFKA_ATTRIBUTES];
    struct str data;
};

#define TOLD(json_name, which, kind, flag)                                                                             \
    JSON_FIELD(struct told, json_name, attribute[which], kind, flag, 0, INT64_MAX)

static const struct json_field told_fields[] = {
    TOLD("specversion", KAFKA_SPECVERSION, JSON_STRING, JSON_REQUIRED),
    TOLD("id", KAFKA_ID, JSON_STRING, JSON_REQUIRED),
    TOLD("source", KAFKA_SOURCE, JSON_STRING, JSON_REQUIRED),
    TOLD("type", KAFKA_TYPE, JSON_STRING, JSON_REQUIRED),
    TOLD("time", KAFKA_TIME, JSON_STRING, JSON_REQUIRED),
    TOLD("subject", KAFKA_SUBJECT, JSON_STRING, JSON_NULLABLE),
    TOLD("version", KAFKA_VERSION, JSON_RAW, JSON_NULLABLE),
    TOLD("correlationid", KAFKA_CORRELATION, JSON_STRING, JSON_NULLABLE),
    TOLD("traceparent", KAFKA_TRACEPARENT, JSON_STRING, JSON_NULLABLE),
    JSON_FIELD(struct told, "data", data, JSON_RAW, JSON_REQUIRED, 0, INT64_MAX),
};
static const struct json_desc told_desc = {"event", told_fields, COUNT_OF(told_fields), sizeof(struct told)};

void kafka_encoder_free(struct kafka_encoder *encoder)
{
    arena_free(&encoder->arena);
    buf_free(&encoder->source);
    buf_free(&encoder->value);
}

/* 2026-11-23T09:30:00.123Z -> 20261123093000, the original's; the time is UTC in both. */
static void add_timestamp(struct buf *out, struct str time)
{
    enum { DIGITS = 14 };
    size_t digits = 0;

    for (size_t i = 0; i < time.n && digits < DIGITS; i++) {
        if (time.p[i] >= '0' && time.p[i] <= '9') {
            buf_char(out, time.p[i]);
            digits++;
        }
    }
}

static void lay_flat(struct buf *out, const struct told *told)
{
    struct str members = {told->data.p + 1, told->data.n - 1};

    BUF_LIT(out, "{\"eventType\":");
    buf_json_string(out, told->attribute[KAFKA_TYPE]);
    BUF_LIT(out, ",\"timestamp\":\"");
    add_timestamp(out, told->attribute[KAFKA_TIME]);
    buf_char(out, '"');
    if (members.p[0] != '}')
        buf_char(out, ',');
    buf_add(out, members);
}

static void name_source(struct buf *out, struct str source, int32_t cell)
{
    buf_add(out, source);
    if (cell < 0)
        return;
    buf_add(out, kafka_cells);
    buf_i64(out, cell);
}

int kafka_event_encode(struct kafka_encoder *encoder, struct str text, int32_t cell, struct kafka_message *message)
{
    struct told told;
    struct json_error error;

    arena_reset(&encoder->arena);
    buf_clear(&encoder->source);
    buf_clear(&encoder->value);
    if (!json_decode(&told_desc, text, &told, &encoder->arena, &error))
        return error.kind == JSON_NO_MEMORY ? E_MEMORY : E_MALFORMED;
    if (told.data.p[0] != '{')
        return E_MALFORMED;
    lay_flat(&encoder->value, &told);
    name_source(&encoder->source, told.attribute[KAFKA_SOURCE], cell);
    if (encoder->value.failed || encoder->source.failed)
        return E_MEMORY;
    told.attribute[KAFKA_SOURCE] = buf_str(&encoder->source);
    message->key = told.attribute[KAFKA_SUBJECT];
    message->value = buf_str(&encoder->value);
    message->n_headers = 0;
    for (size_t i = 0; i < KAFKA_ATTRIBUTES; i++) {
        if (told.attribute[i].n)
            message->headers[message->n_headers++] =
                (struct kafka_header){kafka_attributes[i].header, told.attribute[i]};
    }
    message->headers[message->n_headers++] = (struct kafka_header){kafka_content_type, kafka_json_type};
    return OK;
}

int kafka_event_rekey(struct kafka_encoder *encoder, const struct kafka_event *event, struct str body,
                      struct kafka_message *message)
{
    int rc = kafka_event_encode(encoder, event->text, -1, message);

    message->value = body;
    return rc;
}
