/** connection.h: one kept-alive HTTP/1.1 connection that carries one request at a time, without blocking.
 *
 *  Only what the services and nginx answer here is understood: a body has a Content-Length, and fits.
 */
#ifndef COFFEESHOP_BENCH_CONNECTION_H
#define COFFEESHOP_BENCH_CONNECTION_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum { CONNECTION_ROOM = 16384 };

enum connection_role { CONNECTION_CUSTOMER, CONNECTION_WATCH };

enum connection_progress { CONNECTION_WAITS, CONNECTION_ANSWERED, CONNECTION_BROKEN };

struct connection {
    enum connection_role role;
    int fd;
    bool busy; /* a request is under way */
    size_t n;
    char in[CONNECTION_ROOM];
};

struct answer {
    int status;
    struct str body; /* the connection's, until the next request */
};

/** Connects to "127.0.0.1:8081" and adds itself to `epoll`, with itself as the event's pointer. */
bool connection_open(struct connection *connection, enum connection_role role, const char *address, int epoll);
void connection_close(struct connection *connection);
/** false when the server has hung up. */
bool connection_send(struct connection *connection, struct str request);
/** After the descriptor became readable. */
enum connection_progress connection_receive(struct connection *connection, struct answer *answer);

#endif
