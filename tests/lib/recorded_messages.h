/** recorded_messages.h: messages as the original system wrote them on its topic, taken down from a run of it (Spring
 * Boot 2.1.9, Kafka 3.8.1): key null, and beside Spring's two headers nothing that says what they are.
 */
#ifndef COFFEESHOP_RECORDED_MESSAGES_H
#define COFFEESHOP_RECORDED_MESSAGES_H

#include <stdint.h>

#define RECORDED_HEADER "contentType"
#define RECORDED_HEADER_VALUE "\"application/json\""

/* What was written, and what it is here: NULL for what can't be read. */
static const struct recorded_message {
    const char *body, *producer, *type, *key;
    int64_t version;
} recorded_messages[] = {
    {"{\"eventType\":\"Ordered\",\"timestamp\":\"20261123005946\",\"id\":1,\"productId\":null,\"qty\":1,\"status\":"
     "\"Requested\",\"productName\":\"Americano\",\"me\":true}",
     "order", "Ordered", "1", 1},
    {"{\"eventType\":\"Produced\",\"timestamp\":\"20261123005948\",\"id\":1,\"orderId\":1,\"status\":\"Completed\","
     "\"productName\":\"Americano\",\"qty\":1,\"me\":true}",
     "product", "Produced", "1", 2},
    {"{\"eventType\":\"Ordered\",\"timestamp\":\"20261123005949\",\"id\":4,\"productId\":null,\"qty\":1,\"status\":"
     "\"Requested\",\"productName\":\"아메리카노\",\"me\":true}",
     "order", "Ordered", "4", 1},
    {"{\"eventType\":\"Produced\",\"timestamp\":\"20261123005949\",\"id\":4,\"orderId\":4,\"status\":\"Out of "
     "stock\",\"productName\":\"아메리카노\",\"qty\":1,\"me\":true}",
     "product", "OutOfStock", "4", 1},
    {"{\"eventType\":\"ProductCanceled\",\"timestamp\":\"20261123005955\",\"id\":1,\"orderId\":1,\"status\":"
     "\"Canceled\",\"productName\":\"Americano\",\"qty\":1,\"me\":true}",
     "product", "ProductCanceled", "1", 3},
    {"{\"eventType\":\"Ordered\",\"timestamp\":\"20261123010000\",\"id\":9,\"productId\":null,\"qty\":null,\"status\":"
     "\"Requested\",\"productName\":null,\"me\":true}",
     "order", "Ordered", "9", 1},
    {"{\"eventType\":\"Ordered\",\"timestamp\":\"20261123010001\",\"id\":14,\"productId\":null,\"qty\":-5,\"status\":"
     "\"Requested\",\"productName\":\"Americano\",\"me\":true}",
     "order", "Ordered", "14", 1},
    {"{\"eventType\":\"Ordered\",\"timestamp\":\"20261123010001\",\"id\":19,\"productId\":null,\"qty\":1,\"status\":"
     "\"Requested\",\"productName\":\"a\\\"b\\\\c\\u0001\\n/é<>&😀\",\"me\":true}",
     "order", "Ordered", "19", 1},
    {"{\"eventType\":\"Produced\",\"timestamp\":\"20261123010002\",\"id\":11,\"orderId\":1,\"status\":\"Out of "
     "stock\",\"productName\":\"Nope\",\"qty\":1,\"me\":true}",
     "product", "OutOfStock", "1", 1},
};

#endif
