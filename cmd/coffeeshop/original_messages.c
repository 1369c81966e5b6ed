#include "original_messages.h"

/* It tells that goods are out by a Produced with that status. Its tickets go from one to the next of the three at most.
 */
const struct kafka_foreign_type original_messages[] = {
    {STR_INIT("Ordered"), {NULL, 0}, STR_INIT("order"), STR_INIT("Ordered"), 1, "id", NULL, NULL},
    {STR_INIT("OrderCanceled"), {NULL, 0}, STR_INIT("order"), STR_INIT("OrderCanceled"), 2, "id", NULL, NULL},
    {STR_INIT("Produced"), STR_INIT("Out of stock"), STR_INIT("product"), STR_INIT("OutOfStock"), 1, "orderId", "id",
     "ticket-"},
    {STR_INIT("Produced"), {NULL, 0}, STR_INIT("product"), STR_INIT("Produced"), 2, "orderId", "id", "ticket-"},
    {STR_INIT("ProductCanceled"),
     {NULL, 0},
     STR_INIT("product"),
     STR_INIT("ProductCanceled"),
     3,
     "orderId",
     "id",
     "ticket-"},
    {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, NULL, NULL, NULL},
};
