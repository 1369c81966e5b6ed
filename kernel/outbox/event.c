#include "event.h"

static const char spec_version[] = "1.0";

/* The envelope, and behind it the context's own data, which event_decode() can't know at compile time. */
struct envelope {
    struct str specversion;
    struct event event;
};

static void add_text(struct buf *out, struct str name, struct str value)
{
    if (value.n == 0)
        return;
    buf_add(out, name);
    buf_json_string(out, value);
}

void event_encode(struct buf *out, struct str source, uint64_t position, const struct event *event,
                  const struct json_desc *data_desc, const void *data)
{
    BUF_LIT(out, "{\"specversion\":\"1.0\",\"id\":\"");
    buf_add(out, source);
    buf_char(out, '-');
    buf_u64(out, position);
    BUF_LIT(out, "\",\"source\":\"/");
    buf_add(out, source);
    BUF_LIT(out, "\",\"type\":");
    buf_json_string(out, event->type);
    BUF_LIT(out, ",\"time\":\"");
    buf_time(out, event->time);
    buf_char(out, '"');
    add_text(out, STR(",\"subject\":"), event->subject);
    BUF_LIT(out, ",\"version\":");
    buf_i64(out, event->version);
    add_text(out, STR(",\"correlationid\":"), event->correlation);
    add_text(out, STR(",\"traceparent\":"), event->traceparent);
    BUF_LIT(out, ",\"datacontenttype\":\"application/json\",\"data\":");
    json_encode(out, data_desc, data);
    buf_char(out, '}');
}

enum { ENVELOPE_FIELDS = 8 };

#define ENVELOPE_TEXT(json_name, member, flag, shortest)                                                               \
    JSON_FIELD(struct envelope, json_name, member, JSON_STRING, flag, shortest, INT64_MAX)

static const struct json_field attributes[ENVELOPE_FIELDS] = {
    ENVELOPE_TEXT("specversion", specversion, JSON_REQUIRED, 0),
    ENVELOPE_TEXT("source", event.source, JSON_NULLABLE, 0),
    ENVELOPE_TEXT("type", event.type, JSON_REQUIRED, 1),
    JSON_FIELD(struct envelope, "time", event.time, JSON_TIME, JSON_NULLABLE, 0, 0),
    ENVELOPE_TEXT("subject", event.subject, JSON_NULLABLE, 0),
    JSON_FIELD(struct envelope, "version", event.version, JSON_I64, JSON_NULLABLE, 0, INT64_MAX),
    ENVELOPE_TEXT("correlationid", event.correlation, JSON_NULLABLE, 0),
    ENVELOPE_TEXT("traceparent", event.traceparent, JSON_NULLABLE, 0),
};

static bool refuse_version(struct json_error *error)
{
    static const struct json_error wrong = {JSON_OUT_OF_RANGE, "specversion", "must be 1.0"};

    *error = wrong;
    return false;
}

/* The data lies behind the envelope, in one struct for the decoder, aligned for any type. */
enum { DATA_AT = (sizeof(struct envelope) + 15) & ~(size_t)15, USUAL_DATA = 256 };

/* `room` is for envelope and data. */
static bool decode_into(void *room, struct str text, struct event *event, const struct json_desc *data_desc, void *data,
                        struct arena *arena, struct json_error *error)
{
    struct json_field fields[ENVELOPE_FIELDS + 1];
    struct json_desc desc = {"event", fields, ENVELOPE_FIELDS + 1, DATA_AT + data_desc->size};
    const struct envelope *envelope = room;

    memcpy(fields, attributes, sizeof(attributes));
    fields[ENVELOPE_FIELDS] = (struct json_field){
        .name = "data", .type = JSON_OBJECT, .flags = JSON_REQUIRED, .offset = DATA_AT, .object = data_desc};
    if (!json_decode(&desc, text, room, arena, error))
        return false;
    if (!str_is(envelope->specversion, spec_version))
        return refuse_version(error);
    *event = envelope->event;
    memcpy(data, (const char *)room + DATA_AT, data_desc->size);
    return true;
}

bool event_decode(struct str text, struct event *event, const struct json_desc *data_desc, void *data,
                  struct arena *arena, struct json_error *error)
{
    _Alignas(16) char usual[DATA_AT + USUAL_DATA];
    void *room = usual;

    *event = (struct event){0};
    memset(data, 0, data_desc->size);
    if (data_desc->size > USUAL_DATA) {
        room = arena_alloc(arena, DATA_AT + data_desc->size);
        if (!room) {
            *error = (struct json_error){JSON_NO_MEMORY, "", "can't be read now: out of memory"};
            return false;
        }
    }
    return decode_into(room, text, event, data_desc, data, arena, error);
}

/* Takes the text up to `literal` off *rest, and it too. */
static bool take_until(struct str *rest, struct str literal, struct str *before)
{
    const char *quote = memchr(rest->p, '"', rest->n);

    if (!quote)
        return false;
    *before = (struct str){rest->p, (size_t)(quote - rest->p)};
    *rest = (struct str){quote, rest->n - before->n};
    if (!str_starts_with(*rest, literal))
        return false;
    *rest = (struct str){rest->p + literal.n, rest->n - literal.n};
    return true;
}

struct str event_type_ahead(struct str text)
{
    static const struct str start = STR_INIT("{\"specversion\":\"1.0\",\"id\":\"");
    struct str value, type;

    if (!str_starts_with(text, start))
        return (struct str){NULL, 0};
    struct str rest = {text.p + start.n, text.n - start.n};
    if (!take_until(&rest, STR("\",\"source\":\""), &value) || !take_until(&rest, STR("\",\"type\":\""), &value) ||
        !take_until(&rest, STR("\",\""), &type) || memchr(type.p, '\\', type.n))
        return (struct str){NULL, 0};
    return type;
}
