/** feeds_http.h: the feeds that a service follows, and what an operator can do about one, over HTTP. Internal: the
 * gateway doesn't route it.
 *
 *  GET  /feeds                        each producer's name, our cursor in it, and what keeps us from following it
 *  POST /feeds/resume {"source"}      202: goes on with the oldest event that the producer still keeps; 409: there is
 * no gap
 */
#ifndef COFFEESHOP_FEEDS_HTTP_H
#define COFFEESHOP_FEEDS_HTTP_H

#include "http_server.h"

http_handler feeds_list, feeds_resume;

#endif
