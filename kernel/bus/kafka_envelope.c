#include "kafka_event_internal.h"

/* In the order in which event.h writes them. */
const struct kafka_attribute_row kafka_attributes[KAFKA_ATTRIBUTES] = {
    [KAFKA_SPECVERSION] = {STR_INIT("ce_specversion"), STR_INIT("specversion"), false, true},
    [KAFKA_ID] = {STR_INIT("ce_id"), STR_INIT("id"), false, true},
    [KAFKA_SOURCE] = {STR_INIT("ce_source"), STR_INIT("source"), false, true},
    [KAFKA_TYPE] = {STR_INIT("ce_type"), STR_INIT("type"), false, true},
    [KAFKA_TIME] = {STR_INIT("ce_time"), STR_INIT("time"), false, true},
    [KAFKA_SUBJECT] = {STR_INIT("ce_subject"), STR_INIT("subject"), false, false},
    [KAFKA_VERSION] = {STR_INIT("ce_version"), STR_INIT("version"), true, false},
    [KAFKA_CORRELATION] = {STR_INIT("ce_correlationid"), STR_INIT("correlationid"), false, false},
    [KAFKA_TRACEPARENT] = {STR_INIT("ce_traceparent"), STR_INIT("traceparent"), false, false},
};

size_t kafka_attribute_of(struct str header)
{
    size_t i = 0;

    while (i < KAFKA_ATTRIBUTES && !str_eq_nocase(header, kafka_attributes[i].header))
        i++;
    return i;
}

bool kafka_event_knows_header(struct str name)
{
    return kafka_attribute_of(name) < KAFKA_ATTRIBUTES || str_eq_nocase(name, kafka_content_type);
}

/* The body behind what it is laid flat with, when it begins exactly so; else the whole. `*has_brace`: it still begins
 * with its brace. */
static struct str data_of(struct str body, struct str type, bool *has_brace)
{
    static const struct str first = STR_INIT("{\"eventType\":\""), second = STR_INIT("\",\"timestamp\":\"");
    enum { DIGITS = 14 };
    struct str rest = body;

    *has_brace = true;
    if (!str_starts_with(rest, first))
        return body;
    rest = (struct str){rest.p + first.n, rest.n - first.n};
    if (!type.n || !str_starts_with(rest, type))
        return body;
    rest = (struct str){rest.p + type.n, rest.n - type.n};
    /* Digits, a quote, and a comma or the end. */
    if (!str_starts_with(rest, second) || rest.n < second.n + DIGITS + 2)
        return body;
    rest = (struct str){rest.p + second.n, rest.n - second.n};
    for (size_t i = 0; i < DIGITS; i++) {
        if (rest.p[i] < '0' || rest.p[i] > '9')
            return body;
    }
    if (rest.p[DIGITS] != '"' || (rest.p[DIGITS + 1] != ',' && rest.p[DIGITS + 1] != '}'))
        return body;
    size_t taken = DIGITS + (rest.p[DIGITS + 1] == ',' ? 2 : 1);
    *has_brace = false;
    return (struct str){rest.p + taken, rest.n - taken};
}

bool kafka_event_compose(struct kafka_decoder *decoder, const struct str *values, struct str body)
{
    struct buf *out = &decoder->text;
    bool has_brace;
    struct str data = data_of(body, values[KAFKA_TYPE], &has_brace);

    buf_clear(out);
    for (size_t i = 0; i < KAFKA_ATTRIBUTES; i++) {
        if (!values[i].n)
            continue;
        BUF_LIT(out, ",\"");
        buf_add(out, kafka_attributes[i].member);
        BUF_LIT(out, "\":");
        if (kafka_attributes[i].is_number)
            buf_add(out, values[i]);
        else
            buf_json_string(out, values[i]);
    }
    BUF_LIT(out, ",\"datacontenttype\":\"application/json\",\"data\":");
    if (!has_brace)
        buf_char(out, '{');
    buf_add(out, data);
    buf_char(out, '}');
    if (out->failed)
        return false;
    out->p[0] = '{';
    return true;
}
