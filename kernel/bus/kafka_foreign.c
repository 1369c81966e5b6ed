#include "kafka_event_internal.h"

#include "base.h"
#include "clock.h"
#include "json.h"

struct foreign {
    struct str event_type, timestamp, status;
    int64_t key, other_key;
};

enum { KEY_FIELD = 3, OTHER_KEY_FIELD = 4, FIELDS = 5 };

static const struct json_field fields[FIELDS] = {
    JSON_FIELD(struct foreign, "eventType", event_type, JSON_STRING, JSON_NULLABLE, 0, INT64_MAX),
    JSON_FIELD(struct foreign, "timestamp", timestamp, JSON_STRING, JSON_NULLABLE, 0, INT64_MAX),
    JSON_FIELD(struct foreign, "status", status, JSON_STRING, JSON_NULLABLE, 0, INT64_MAX),
    [KEY_FIELD] = JSON_FIELD(struct foreign, "", key, JSON_I64, JSON_NULLABLE, 1, INT64_MAX),
    [OTHER_KEY_FIELD] = JSON_FIELD(struct foreign, "", other_key, JSON_I64, JSON_NULLABLE, 1, INT64_MAX),
};

static const struct json_desc type_desc = {"message", fields, KEY_FIELD, sizeof(struct foreign)};

static enum kafka_reading unreadable(struct kafka_event *event, const char *reason)
{
    event->reason = reason;
    return KAFKA_READ_UNREADABLE;
}

static const struct kafka_foreign_type *find(const struct kafka_foreign_type *types, const struct foreign *said)
{
    for (const struct kafka_foreign_type *type = types; type && type->event_type.n; type++) {
        if (str_eq(type->event_type, said->event_type) && (!type->status.n || str_eq(type->status, said->status)))
            return type;
    }
    return NULL;
}

/* Reads it again with the members that this type is keyed by. */
static bool read_keys(const struct kafka_foreign_type *type, struct str body, struct foreign *said, struct arena *arena,
                      struct json_error *error)
{
    struct json_field own[FIELDS];
    struct json_desc desc = {"message", own, type->other_key ? FIELDS : OTHER_KEY_FIELD, sizeof(*said)};

    memcpy(own, fields, sizeof(own));
    own[KEY_FIELD].name = type->key;
    own[OTHER_KEY_FIELD].name = type->other_key ? type->other_key : "";
    return json_decode(&desc, body, said, arena, error);
}

/* "20261123005946" -> "2026-11-23T00:59:46.000Z": its clock's zone isn't told, so it is taken for UTC, as ours. What
 * has none was said when Kafka got it. */
static struct str time_of(const struct foreign *said, int64_t timestamp_ms, struct arena *arena)
{
    static const char form[] = "####-##-##T##:##:##.000Z";
    char *text = arena_alloc(arena, TIME_TEXT_SIZE);
    size_t digit = 0;
    int64_t us;

    if (!text)
        return (struct str){NULL, 0};
    memcpy(text, form, sizeof(form) - 1);
    for (size_t i = 0; i < sizeof(form) - 1 && digit < said->timestamp.n; i++) {
        if (form[i] == '#')
            text[i] = said->timestamp.p[digit++];
    }
    struct str time = {text, sizeof(form) - 1};
    if (digit != said->timestamp.n || !time_parse(time, &us))
        time.n = time_text(timestamp_ms * US_PER_MS, text);
    return time;
}

/* Texts of the attributes, one behind the other; where they begin is looked at when all are there. */
static bool tell(struct kafka_decoder *decoder, const struct kafka_foreign_type *type, const struct foreign *said,
                 const struct kafka_message *message, struct str *values)
{
    struct buf *texts = &decoder->scratch;
    size_t ends[3];

    buf_clear(texts);
    buf_add(texts, type->producer);
    buf_printf(texts, "-%d.%lld", (int)message->partition, (long long)message->offset);
    ends[0] = texts->n;
    if (!said->key)
        buf_add(texts, str_of(type->other_subject));
    buf_i64(texts, said->key ? said->key : said->other_key);
    ends[1] = texts->n;
    buf_i64(texts, type->version);
    ends[2] = texts->n;
    buf_char(texts, '/');
    buf_add(texts, type->producer);
    values[KAFKA_TIME] = time_of(said, message->timestamp_ms, &decoder->arena);
    if (texts->failed || !values[KAFKA_TIME].p)
        return false;
    values[KAFKA_SPECVERSION] = STR("1.0");
    values[KAFKA_ID] = (struct str){texts->p, ends[0]};
    values[KAFKA_TYPE] = type->type;
    values[KAFKA_SUBJECT] = (struct str){texts->p + ends[0], ends[1] - ends[0]};
    values[KAFKA_VERSION] = (struct str){texts->p + ends[1], ends[2] - ends[1]};
    values[KAFKA_SOURCE] = (struct str){texts->p + ends[2], texts->n - ends[2]};
    return true;
}

enum kafka_reading kafka_foreign_decode(struct kafka_decoder *decoder, const struct kafka_message *message,
                                        struct kafka_event *event)
{
    struct str values[KAFKA_ATTRIBUTES] = {{NULL, 0}};
    struct foreign said;
    struct json_error error;

    if (!json_decode(&type_desc, message->value, &said, &decoder->arena, &error))
        return error.kind == JSON_NO_MEMORY
                   ? KAFKA_READ_NO_MEMORY
                   : unreadable(event, "has no headers of an event, and its body is not a JSON object");
    if (!said.event_type.n)
        return unreadable(event, "has no headers of an event, and its body names no eventType");
    const struct kafka_foreign_type *type = find(decoder->foreign, &said);
    if (!type)
        return KAFKA_READ_OTHER;
    if (!read_keys(type, message->value, &said, &decoder->arena, &error))
        return error.kind == JSON_NO_MEMORY
                   ? KAFKA_READ_NO_MEMORY
                   : unreadable(event, "has something else than a whole number from 1 where its id should be");
    if (!said.key && !said.other_key)
        return unreadable(event, "names no id that it could belong to");
    if (!tell(decoder, type, &said, message, values) ||
        !kafka_event_compose(decoder, values, str_trim(str_without_bom(message->value))))
        return KAFKA_READ_NO_MEMORY;
    event->text = buf_str(&decoder->text);
    event->producer = type->producer;
    event->key = values[KAFKA_SUBJECT];
    return KAFKA_READ_FOREIGN;
}
