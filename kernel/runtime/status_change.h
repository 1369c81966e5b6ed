/** status_change.h: what a client sends to change the state of something: PATCH or PUT /things/{id}, with its new
 * status. */
#ifndef COFFEESHOP_STATUS_CHANGE_H
#define COFFEESHOP_STATUS_CHANGE_H

#include "http_server.h"

/** The id of the path and the status of the body, {"status":"Canceled"}; which ones can be set is for the caller to
 * say. false: one of them can't be read, and that is answered (404; 400 or 422). Loop thread. */
bool status_change_read(struct http_request *request, int64_t *id, struct str *status);

#endif
