/** kafka_event.h: an event of ours as a message on Kafka's topic, and back: the very same text.
 *
 *  CloudEvents' Kafka binding 1.0, binary mode: the attributes are headers (ce_id, ce_type, …; content-type), the body
 * is the event's data laid flat behind "eventType" and "timestamp", as the original system wrote its messages
 * (api/asyncapi.yaml, docs/adr/0055). The producer's cell is told by its source, "/order/cells/3": positions, and so
 * ids, are a cell's own.
 *
 *  A message without ce_ headers is one of the original system's: a table says what its types are in our words
 * (kafka_foreign.h). Pure; one thread at a time for one encoder or decoder.
 */
#ifndef COFFEESHOP_KAFKA_EVENT_H
#define COFFEESHOP_KAFKA_EVENT_H

#include "arena.h"
#include "buf.h"
#include "kafka_foreign.h"
#include "str.h"

#include <stdint.h>

enum kafka_attribute {
    KAFKA_SPECVERSION,
    KAFKA_ID,
    KAFKA_SOURCE,
    KAFKA_TYPE,
    KAFKA_TIME,
    KAFKA_SUBJECT,
    KAFKA_VERSION,
    KAFKA_CORRELATION,
    KAFKA_TRACEPARENT,
    KAFKA_ATTRIBUTES
};
enum { KAFKA_EVENT_HEADERS = KAFKA_ATTRIBUTES + 1 };

struct kafka_header {
    struct str name, value;
};

/** A message as it is sent or has come; the texts are somebody else's. */
struct kafka_message {
    struct str key, value;                            /* key.n == 0: none */
    struct kafka_header headers[KAFKA_EVENT_HEADERS]; /* of those that have come only the ones that are known here */
    size_t n_headers;
    int64_t timestamp_ms; /* when Kafka got it; 0: not known */
    int32_t partition;
    int64_t offset;
};

/* ---- out ---- */

/** All zero at first; kept for the next one, freed in the end. */
struct kafka_encoder {
    struct arena arena;
    struct buf source, value;
};
void kafka_encoder_free(struct kafka_encoder *encoder);

/** Makes the message of an event's text (event.h). Its key is the event's subject; partition and offset are left alone.
 * `cell`: the producer's; negative: not told. Texts are valid until the encoder's next. 0, E_MALFORMED, E_MEMORY. */
int kafka_event_encode(struct kafka_encoder *encoder, struct str text, int32_t cell, struct kafka_message *message);

/* ---- in ---- */

enum kafka_reading {
    KAFKA_READ_OURS,       /* it has our headers */
    KAFKA_READ_FOREIGN,    /* one of the original system's, made into ours */
    KAFKA_READ_OTHER,      /* of a type that nobody here knows: passed over */
    KAFKA_READ_UNREADABLE, /* a dead letter */
    KAFKA_READ_NO_MEMORY   /* to be read again later */
};

struct kafka_event {
    struct str text;     /* of OURS and FOREIGN: the event as event.h has it */
    struct str producer; /* "order" */
    int32_t cell;        /* the producer's; -1: it didn't tell */
    uint64_t position;   /* in the producer's outbox; 0: it has none */
    struct str key;      /* of FOREIGN: what it should have been keyed by */
    const char *reason;  /* of UNREADABLE: a sentence, static */
};

/** All zero at first. */
struct kafka_decoder {
    struct arena arena;
    struct buf text, scratch;
    const struct kafka_foreign_type *foreign; /* up to one without event_type; NULL: none */
};
void kafka_decoder_free(struct kafka_decoder *decoder);

/** Texts are valid until the decoder's next and as long as the message's. */
enum kafka_reading kafka_event_decode(struct kafka_decoder *decoder, const struct kafka_message *message,
                                      struct kafka_event *event);
/** The message that puts a foreign one where its key belongs: its body as it came, with a key and headers of ours. The
 * event is what was read of it. 0, E_MALFORMED, E_MEMORY. */
int kafka_event_rekey(struct kafka_encoder *encoder, const struct kafka_event *event, struct str body,
                      struct kafka_message *message);
/** Whether a header of that name is read; others need not be put into a struct kafka_message. */
bool kafka_event_knows_header(struct str name);

#endif
