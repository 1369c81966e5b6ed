/** server_addresses.h: whether what settings say of servers can be read by the libraries that will (SETTING_SERVER). */
#ifndef COFFEESHOP_SERVER_ADDRESSES_H
#define COFFEESHOP_SERVER_ADDRESSES_H

#include "buf.h"
#include "config.h"

/** false with a sentence that names the setting. Nobody is asked. Main thread. */
bool server_addresses_check(const struct setting_group *groups, size_t n, struct buf *problem);

#endif
