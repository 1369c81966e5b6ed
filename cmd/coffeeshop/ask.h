/** ask.h: one request to a running service, waited for: what a command of the operator's does.
 */
#ifndef COFFEESHOP_ASK_H
#define COFFEESHOP_ASK_H

#include "buf.h"
#include "http_client.h"
#include "loop.h"

/** Zeroed before the first request; url and reply are the caller's to free. */
struct question {
    struct http_call call;
    struct loop *loop;
    struct buf url, reply;
    int status; /* 0: no answer */
    int error;
};

/** Begins the URL of what is at `path` of the service that listens at `listen`; more may be added to it. */
void ask_begin(struct question *question, const char *listen, const char *path);
/** Sends one request and waits for its end; the reply's text is in `question` until the next one. */
void ask_service(struct question *question, const char *method, struct str body);
/** Why the service didn't do it, in its own words when it has some. */
void ask_add_reason(const struct question *question, struct buf *out);

#endif
