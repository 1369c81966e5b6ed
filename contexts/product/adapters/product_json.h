/** product_json.h: a ticket as clients see it. Pure; any thread.
 */
#ifndef COFFEESHOP_PRODUCT_JSON_H
#define COFFEESHOP_PRODUCT_JSON_H

#include "hal.h"
#include "ticket.h"

struct ticket_json {
    int64_t id, order_id, qty;
    bool at_counter; /* order_id is a note then (ADR 5) */
    struct str product_name, status, cancel_reason;
    int64_t starts_at; /* us; 0: not by itself, or not again */
    int64_t created_at, updated_at;
};

extern const struct hal_type ticket_type;
/** Texts stay the ticket's. `wall_ahead`: of the wall clock before the service's own time, us, for what is due. */
struct ticket_json ticket_json_of(const struct ticket *ticket, int64_t wall_ahead);

#endif
