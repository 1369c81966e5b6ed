/** kafka_event_internal.h: what writing messages, reading ours and reading the original system's share. Private to
 * kernel/bus. */
#ifndef COFFEESHOP_KAFKA_EVENT_INTERNAL_H
#define COFFEESHOP_KAFKA_EVENT_INTERNAL_H

#include "kafka_event.h"

struct kafka_attribute_row {
    struct str header, member;
    bool is_number, required;
};
/** By enum kafka_attribute: in the order in which event.h writes them. */
extern const struct kafka_attribute_row kafka_attributes[KAFKA_ATTRIBUTES];

static const struct str kafka_content_type = STR_INIT("content-type");
static const struct str kafka_json_type = STR_INIT("application/json");
/** Between a source and the number of its cell. */
static const struct str kafka_cells = STR_INIT("/cells/");

/** Which attribute the header is; KAFKA_ATTRIBUTES: none. */
size_t kafka_attribute_of(struct str header);
/** Puts the event's text together. false: no memory. */
bool kafka_event_compose(struct kafka_decoder *decoder, const struct str *values, struct str body);
/** kafka_event_decode() of a message without our headers. */
enum kafka_reading kafka_foreign_decode(struct kafka_decoder *decoder, const struct kafka_message *message,
                                        struct kafka_event *event);

#endif
