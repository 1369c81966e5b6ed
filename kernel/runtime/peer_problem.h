/** peer_problem.h: a problem document (RFC 9457) that another service answered a call with. Any thread.
 */
#ifndef COFFEESHOP_PEER_PROBLEM_H
#define COFFEESHOP_PEER_PROBLEM_H

#include "http_client.h"

#include <stdbool.h>

struct peer_problem {
    bool outcome_unknown; /* the other side doesn't know itself whether it was done */
};

/** Whether the answer is a problem document of ours: its media type and its member `status` say the same as the HTTP
 * status. What a proxy, a captive portal or another server answers with the same status isn't, and says nothing about
 * what was asked. Inside the call's `done`. */
bool peer_problem_read(const struct http_call *call, struct peer_problem *problem);

#endif
