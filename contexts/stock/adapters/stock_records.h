/** stock_records.h: how rows, names and reservations lie in the key-value store.
 *
 *      item/<id>                 state, on hand, version, moment, name; with a low mark also NUL, low mark
 *      name/<folded name>        the id of the row that has it; 0: none any more
 *      reservation/<id>          state, deducted, row, quantity, moment, name
 *      reservationat/<moment>    ids of the reservations that changed in one batch, each ended by NUL
 *      lastid                    the highest id ever given
 *
 *  Numbers are 8 bytes, most significant first, so that bytewise order is their order. Keys and values are made in the
 *  arena: {NULL,0} when there is no memory. Reading gives false for what can't be understood (E_CORRUPT); texts then
 *  point into the value.
 */
#ifndef COFFEESHOP_STOCK_RECORDS_H
#define COFFEESHOP_STOCK_RECORDS_H

#include "arena.h"
#include "reservation.h"

#define STOCK_ITEM_PREFIX STR("item/")
#define STOCK_NAME_PREFIX STR("name/")
#define STOCK_RESERVATION_PREFIX STR("reservation/")
#define STOCK_MOMENT_PREFIX STR("reservationat/")
#define STOCK_LAST_ID_KEY STR("lastid")

/** prefix + text. */
struct str stock_text_key(struct arena *arena, struct str prefix, struct str text);
/** prefix + number. */
struct str stock_number_key(struct arena *arena, struct str prefix, int64_t number);
/** The number behind the prefix. */
bool stock_number_of_key(struct str key, struct str prefix, int64_t *number);

struct str stock_number_value(struct arena *arena, int64_t number);
bool stock_number_of_value(struct str value, int64_t *number);
struct str stock_row_value(struct arena *arena, const struct stock *stock);
/** Fills in all but the id. */
bool stock_row_of_value(struct str value, struct stock *stock);
struct str stock_reservation_value(struct arena *arena, const struct reservation *reservation);
/** Fills in all but the id. */
bool stock_reservation_of_value(struct str value, struct reservation *reservation);

#endif
