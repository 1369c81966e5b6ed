/** stock_events.h: stock's events as others read them. The shapes are api/asyncapi.yaml. Stock reads nobody's.
 */
#ifndef COFFEESHOP_STOCK_EVENTS_H
#define COFFEESHOP_STOCK_EVENTS_H

#include "json.h"
#include "stock_app.h"

/** The data of every event of stock's. */
struct stock_event_data {
    int64_t id; /* of the row */
    struct str product_name;
    int64_t qty;     /* how much moved; a correction's difference may be negative; a removal's is what was left */
    int64_t on_hand; /* afterwards */
    struct str reservation_id; /* empty: none */
    int64_t order_id;          /* 0: none */
    struct str reason;         /* empty: none */
};

extern const struct json_desc stock_event_desc;

/** Encodes one event into the outbox. Writer thread. */
stock_write_event stock_event_write;

/** Whether everybody has to hear an event of this text, whatever it is keyed by: goods that came concern all who wait,
 * and that an item is sold out, or is sold again, every view. Any thread. */
bool stock_event_is_for_all(void *context, struct str type, struct str text);

/** Whether somebody may give a reservation this id: printable ASCII without blanks, not too long. None is one, too. */
bool stock_reservation_is_id(struct str given);
/** A client's id as it is kept and told: "client:<id>", in the arena; {NULL,0} when there is no memory. The kitchen's
 * are kept as they are. */
struct str stock_reservation_of_client(struct arena *arena, struct str given);
/** An id without its name space, as its caller gave it. */
struct str stock_reservation_given(struct str reservation_id);
/** Whom a reservation is for, by its id: "o<orderId>.<attempt>" is an order's, "t<id>.<attempt>" is a ticket's made at
 *  the counter. The number, or 0 when the id has another form or is a client's. */
int64_t stock_reservation_order(struct str reservation_id);
int64_t stock_reservation_ticket(struct str reservation_id);

#endif
