/** http_listen.h: whether addresses are free, for who has to know before anything is begun. */
#ifndef COFFEESHOP_HTTP_LISTEN_H
#define COFFEESHOP_HTTP_LISTEN_H

#include "buf.h"

#include <stdbool.h>

/** Whether all addresses in `list` ("127.0.0.1:8088 [::1]:8088") can be listened at, at this moment. false with a
 * sentence in `problem` that names the first that can't. Any thread. */
bool http_can_listen(const char *list, struct buf *problem);

#endif
