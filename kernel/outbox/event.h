/** event.h: a domain event on the wire: CloudEvents 1.0, structured JSON.
 *
 *  {"specversion":"1.0","id":"order-17","source":"/order","type":"Ordered","time":"…","subject":"42","version":1,
 *   "correlationid":"…","traceparent":"…","datacontenttype":"application/json","data":{…}}
 *
 *  `id` is the source's name and the position in its feed. `version` counts the aggregate's events from 1: it is how
 * duplicates and replays are recognised. The data is the context's own (its members are in api/asyncapi.yaml). Pure;
 * any thread.
 */
#ifndef COFFEESHOP_EVENT_H
#define COFFEESHOP_EVENT_H

#include "arena.h"
#include "buf.h"
#include "json.h"
#include "str.h"

#include <stdint.h>

struct event {
    struct str type;
    struct str source;  /* "/order"; decode only */
    struct str subject; /* orderId, reservation's order, ticket key or item name */
    int64_t time;       /* us since the epoch */
    int64_t version;    /* of the aggregate */
    struct str correlation;
    struct str traceparent;
};

/** Appends the JSON text. `source` is the name alone ("order"): the attribute is "/order", the id "order-<position>".
 */
void event_encode(struct buf *out, struct str source, uint64_t position, const struct event *event,
                  const struct json_desc *data_desc, const void *data);
/** Reads envelope and data in one pass. `data` is zeroed first. */
bool event_decode(struct str text, struct event *event, const struct json_desc *data_desc, void *data,
                  struct arena *arena, struct json_error *error);
/** The type, found without decoding the event: where event_encode() writes it. {NULL,0} when the text begins in any
 * other way, and has to be decoded to know. That the rest is an event isn't said: it is for passing over those of a
 * type that nobody here asked for (a third of a microsecond saved). Points into `text`. */
struct str event_type_ahead(struct str text);

#endif
