/** original_messages.h: what the original system's messages mean here (kafka_foreign.h, api/asyncapi.yaml). */
#ifndef COFFEESHOP_ORIGINAL_MESSAGES_H
#define COFFEESHOP_ORIGINAL_MESSAGES_H

#include "kafka_foreign.h"

extern const struct kafka_foreign_type original_messages[];

#endif
