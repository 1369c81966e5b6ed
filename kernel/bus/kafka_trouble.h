/** kafka_trouble.h: what is wrong with Kafka at the moment, as it was last heard: for /readyz and the log. Any thread.
 */
#ifndef COFFEESHOP_KAFKA_TROUBLE_H
#define COFFEESHOP_KAFKA_TROUBLE_H

#include "buf.h"

#include <pthread.h>
#include <stdbool.h>

enum { KAFKA_TROUBLE_TEXT = 256 };

struct kafka_trouble {
    pthread_mutex_t lock;
    const char *who; /* "relay" */
    int error;       /* errors.h; OK: nothing is */
    int cause;       /* librdkafka's code; said again only when it is another one */
    bool for_sure;   /* nothing else is believed until something succeeds */
    char text[KAFKA_TROUBLE_TEXT];
};

void kafka_trouble_init(struct kafka_trouble *trouble, const char *who);
void kafka_trouble_free(struct kafka_trouble *trouble);
/** librdkafka says so, in its words; a line in the log when it is news. "All brokers are down" is no news when it is
 * known why one isn't reached. */
void kafka_trouble_say(struct kafka_trouble *trouble, int cause, const char *text);
/** The same of what was found out here: librdkafka's own words for it don't take its place. */
void kafka_trouble_say_for_sure(struct kafka_trouble *trouble, int cause, const char *text);
/** Something has succeeded: nothing is wrong any more. */
void kafka_trouble_over(struct kafka_trouble *trouble);
/** OK, or what is wrong, and a sentence for it behind `why` (NULL: not wanted). */
int kafka_trouble_told(struct kafka_trouble *trouble, struct buf *why);
/** E_SYSTEM for what somebody has to change (a password, a certificate, a right), else E_UNAVAILABLE. */
int kafka_trouble_kind(int cause);

#endif
