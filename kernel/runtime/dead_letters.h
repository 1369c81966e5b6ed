/** dead_letters.h: looking at a service's dead letters and trying them again, over HTTP. Internal: the gateway doesn't
 * route it.
 *
 *  GET  /dead-letters?source=&position=   those after that one (both missing: from the first), at most 100
 *                                        or about 1 MiB of them
 *  POST /dead-letters/replay {"source","position"}   202: it goes through the writer again; refused again, it is put
 * aside again
 */
#ifndef COFFEESHOP_DEAD_LETTERS_H
#define COFFEESHOP_DEAD_LETTERS_H

#include "http_server.h"

http_handler dead_letters_list, dead_letters_replay;

#endif
