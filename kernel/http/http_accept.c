#include "http_accept.h"

#include "base.h"

static const struct {
    struct str type, subtype;
} offers[HTTP_OFFERS] = {
    [HTTP_OFFER_HAL] = {STR_INIT("application"), STR_INIT("hal+json")},
    [HTTP_OFFER_JSON] = {STR_INIT("application"), STR_INIT("json")},
    [HTTP_OFFER_STREAM] = {STR_INIT("text"), STR_INIT("event-stream")},
};

/* 0[.ddd] or 1[.000] as thousandths; -1 when it is neither. */
static int read_quality(struct str text)
{
    if (text.n == 0 || text.n > 5 || (text.p[0] != '0' && text.p[0] != '1') || (text.n > 1 && text.p[1] != '.'))
        return -1;
    int quality = (text.p[0] - '0') * 1000;
    int unit = 100;
    for (size_t i = 2; i < text.n; i++, unit /= 10) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return -1;
        quality += (text.p[i] - '0') * unit;
    }
    return quality <= 1000 ? quality : -1;
}

static int quality_of(struct str parameters)
{
    while (parameters.n) {
        struct str parameter = str_trim(str_split(parameters, ';', &parameters));
        if (parameter.n >= 2 && (parameter.p[0] == 'q' || parameter.p[0] == 'Q') && parameter.p[1] == '=')
            return read_quality((struct str){parameter.p + 2, parameter.n - 2});
    }
    return 1000;
}

static int how_specific(struct str type, struct str subtype, enum http_offer offer)
{
    if (str_is(type, "*"))
        return str_is(subtype, "*") ? 1 : 0;
    if (!str_eq_nocase(type, offers[offer].type))
        return 0;
    if (str_is(subtype, "*"))
        return 2;
    return str_eq_nocase(subtype, offers[offer].subtype) ? 3 : 0;
}

static void read_range(struct http_accept *accept, struct str range)
{
    struct str parameters;
    struct str subtype;
    struct str type = str_split(str_trim(str_split(range, ';', &parameters)), '/', &subtype);
    int quality = quality_of(parameters);
    if (quality < 0)
        return;
    for (int i = 0; i < HTTP_OFFERS; i++) {
        int specific = how_specific(type, subtype, (enum http_offer)i);
        if (specific == 0 || specific < accept->offer[i].specific)
            continue;
        if (specific == accept->offer[i].specific && quality < accept->offer[i].quality)
            continue;
        accept->offer[i].specific = specific;
        accept->offer[i].quality = quality;
    }
}

void http_accept_read(struct http_accept *accept, struct str value)
{
    accept->given = true;
    while (value.n)
        read_range(accept, str_split(value, ',', &value));
}

int http_accept_quality(const struct http_accept *accept, enum http_offer offer)
{
    return accept->given ? accept->offer[offer].quality : 1000;
}
