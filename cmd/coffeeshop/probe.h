/** probe.h: asks one service over and over whether it is ready (GET /readyz), without ever blocking. One thread.
 *
 *  Believed is only an answer of the very process that is meant: with its X-Instance. Whoever else listens there,
 * another shop for one, is not it.
 */
#ifndef COFFEESHOP_PROBE_H
#define COFFEESHOP_PROBE_H

#include "buf.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

enum { PROBE_INTERVAL_MS = 15, PROBE_PATIENCE_MS = 1000, PROBE_ANSWER_BYTES = 1024 };

struct probe {
    struct sockaddr_storage address;
    socklen_t address_length;
    int fd;          /* -1: no question is under way */
    bool asked;      /* the request is sent */
    int64_t next_us; /* monotonic: when to ask (again), or to give up the question under way */
    const char *instance;
    char answer[PROBE_ANSWER_BYTES]; /* its beginning */
    size_t n_answer;
};

/** `listen` as in the settings ("0.0.0.0:8080": asked at 127.0.0.1); `instance` as the setting of that name, outlives
 * the probe. false when it names no port that can be asked. */
bool probe_init(struct probe *probe, const char *listen, const char *instance);
/** Closes what is open; the next question is asked at once. */
void probe_reset(struct probe *probe, int64_t now);
/** For poll(); fd -1 when there is nothing to wait for but the time. */
struct pollfd probe_wish(const struct probe *probe);
/** Goes on: after poll() with its `revents`, or when `next_us` has come (revents 0). True when the service has said
 * that it is ready. */
bool probe_turn(struct probe *probe, short revents, int64_t now);

#endif
