#include "clock.h"
#include "errors.h"
#include "kv_redis_functions.h"
#include "kv_redis_internal.h"
#include "log.h"

#include <string.h>
#include <time.h>

enum { FIRST_PAUSE_MS = 20, LONGEST_PAUSE_MS = 500, MOST_HOPS = 5 };

/* What an error means that comes instead of an answer. Redis decides these before it runs anything. */
static const struct meaning {
    const char *word;
    int error;
    bool again; /* the same question may be answered on a new connection, or a little later */
} meanings[] = {
    {"OOM", E_FULL, false},
    {"MISCONF", E_FULL, false}, /* its disk took no write */
    {"FENCED", E_CONFLICT, false},
    {"HELD", E_UNAVAILABLE, false},
    {"LOST", E_UNAVAILABLE, false},
    {"DAMAGED", E_CORRUPT, false},
    {"WRONGTYPE", E_CORRUPT, false},
    {"LOADING", E_UNAVAILABLE, true},
    {"BUSY", E_UNAVAILABLE, true},
    {"MOVED", E_UNAVAILABLE, true},
    {"ASK", E_UNAVAILABLE, true},
    {"TRYAGAIN", E_UNAVAILABLE, true},
    {"CLUSTERDOWN", E_UNAVAILABLE, true},
    {"MASTERDOWN", E_UNAVAILABLE, true},
    {"READONLY", E_UNAVAILABLE, true},
    {"NOREPLICAS", E_UNAVAILABLE, true},
    {"NOAUTH", E_UNAVAILABLE, true},
    {"ERR Function not found", E_UNAVAILABLE, true},
};

static const struct meaning *meaning_of(const redisReply *reply)
{
    static const struct meaning other = {"", E_UNAVAILABLE, false};

    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if (redis_is_error(reply, meanings[i].word))
            return &meanings[i];
    }
    return &other;
}

int kv_redis_report(struct kv_redis *self, int error, struct str reason, const char *doing)
{
    if (error && log_is_news(&self->told, error))
        log_warning("the store refused", LOG_T("error", error_name(error)), LOG_S("reason", reason),
                    LOG_T("cell", self->options.cell), LOG_T("doing", doing));
    return error;
}

int kv_redis_refusal(struct kv_redis *self, const redisReply *reply, const char *doing)
{
    const struct meaning *meaning = meaning_of(reply);

    if (redis_is_error(reply, "FENCED"))
        atomic_store_explicit(&self->gone, E_CONFLICT, memory_order_relaxed);
    if (redis_is_error(reply, "LOST"))
        atomic_store_explicit(&self->gone, E_NOT_FOUND, memory_order_relaxed);
    if (meaning->error == E_CORRUPT)
        atomic_store_explicit(&self->damaged, true, memory_order_relaxed);
    return kv_redis_report(self, meaning->error,
                           reply->type == REDIS_REPLY_ERROR ? redis_text(reply) : STR("an answer of another kind"),
                           doing);
}

void kv_redis_call_with(const struct kv_redis *self, struct buf *command, const char *function, size_t n_keys, size_t n)
{
    const char *const keys[] = {self->meta, self->data, self->names, self->held};

    redis_command(command, 3 + n_keys + n);
    redis_word(command, STR("FCALL"));
    redis_word(command, str_of(function));
    redis_number(command, (int64_t)n_keys);
    for (size_t i = 0; i < n_keys; i++)
        redis_word(command, str_of(keys[i]));
}

void kv_redis_call(const struct kv_redis *self, struct buf *command, const char *function, size_t n)
{
    kv_redis_call_with(self, command, function, 3, n);
}

/* --- getting there --- */

/* "MOVED 3999 127.0.0.1:6381"; without a host it is the one that was asked. */
static bool take_moved(struct str text, struct redis_place *place)
{
    struct str rest;

    (void)str_split(text, ' ', &rest);
    (void)str_split(rest, ' ', &rest);
    const char *colon = rest.n ? memrchr(rest.p, ':', rest.n) : NULL;
    if (!colon)
        return false;
    size_t n = (size_t)(colon - rest.p);
    if (n >= sizeof(place->host) || rest.n - n - 1 >= sizeof(place->port))
        return false;
    if (n) {
        memcpy(place->host, rest.p, n);
        place->host[n] = '\0';
    }
    memcpy(place->port, colon + 1, rest.n - n - 1);
    place->port[rest.n - n - 1] = '\0';
    return true;
}

/* In a Redis Cluster each cell lies on one node, which any node names. */
static int ask_where(struct kv_redis *self, struct redis_line *line, int64_t deadline, struct redis_place *place,
                     bool *moved, struct buf *problem)
{
    struct buf command = {0};
    redisReply *reply = NULL;
    bool sent = false;

    redis_command(&command, 2);
    redis_word(&command, STR("EXISTS"));
    redis_word(&command, str_of(self->meta));
    int error = command.failed ? E_MEMORY : redis_line_ask(line, buf_str(&command), deadline, &reply, &sent);
    *moved = !error && redis_is_error(reply, "MOVED") && take_moved(redis_text(reply), place);
    if (!error && !*moved && reply->type != REDIS_REPLY_INTEGER) {
        error = meaning_of(reply)->again ? E_UNAVAILABLE : E_SYSTEM;
        buf_printf(problem, "Redis at %s:%s refuses to say where the cell %s lies: %.*s", place->host, place->port,
                   self->options.cell, STR_ARG(redis_text(reply)));
    } else if (error)
        buf_printf(problem, "Redis at %s:%s doesn't answer: look whether it runs and can be reached", place->host,
                   place->port);
    freeReplyObject(reply);
    buf_free(&command);
    return error;
}

static int reach_once(struct kv_redis *self, struct redis_line *line, int64_t deadline, struct buf *problem)
{
    struct redis_place place = self->place;
    bool moved = true;
    int error = OK;

    for (int hops = 0; moved && !error && hops < MOST_HOPS; hops++) {
        const char *why = "";
        redis_line_close(line);
        error = redis_line_open(line, &place, self->tls, deadline, &why);
        if (error == E_SYSTEM)
            buf_printf(problem,
                       "Redis at %s:%s isn't believed over TLS (%s): look at its certificate, and at the authority "
                       "and the certificate given here",
                       place.host, place.port, why);
        else if (error)
            buf_printf(problem, "Redis at %s:%s can't be reached (%s): look whether it runs and can be reached",
                       place.host, place.port, error == E_MEMORY ? error_text(error) : why);
        else
            error = kv_redis_inspect(self, line, deadline, problem);
        if (!error)
            error = ask_where(self, line, deadline, &place, &moved, problem);
    }
    if (!error && moved) {
        buf_printf(problem, "the Redis Cluster at %s:%s sends on and on: look at its CLUSTER NODES", self->place.host,
                   self->place.port);
        error = E_UNAVAILABLE;
    }
    if (error)
        redis_line_close(line);
    return error;
}

/* Longer each time. False: the deadline comes first. */
static bool pause_before(int64_t deadline, int64_t *pause_ms)
{
    int64_t us = *pause_ms * US_PER_MS;
    const struct timespec span = {us / US_PER_S, us % US_PER_S * 1000};

    if (clock_monotonic() + us >= deadline)
        return false;
    nanosleep(&span, NULL);
    *pause_ms = *pause_ms * 2 < LONGEST_PAUSE_MS ? *pause_ms * 2 : LONGEST_PAUSE_MS;
    return true;
}

int kv_redis_reach(struct kv_redis *self, struct redis_line *line, int64_t deadline, struct buf *problem)
{
    int64_t pause_ms = FIRST_PAUSE_MS;
    struct buf said = {0};
    int error;

    buf_clear(problem);
    do {
        buf_clear(&said);
        error = reach_once(self, line, deadline, &said);
        if (problem->n == 0 ||
            clock_monotonic() < deadline) { /* what the deadline cut short says less than what was before */
            buf_clear(problem);
            buf_add(problem, buf_str(&said));
        }
    } while (error == E_UNAVAILABLE && pause_before(deadline, &pause_ms));
    buf_free(&said);
    return error;
}

static int ask_until(struct kv_redis *self, struct redis_line *line, struct str command, int64_t deadline,
                     redisReply **reply, bool *sent, struct buf *problem)
{
    int64_t pause_ms = FIRST_PAUSE_MS;

    *sent = false;
    for (;;) {
        bool went = false;
        int error = line->reader ? OK : kv_redis_reach(self, line, deadline, problem);
        if (!error)
            error = redis_line_ask(line, command, deadline, reply, &went);
        if (!error && !((*reply)->type == REDIS_REPLY_ERROR && meaning_of(*reply)->again))
            return OK;
        if (!error) {
            buf_clear(problem);
            buf_printf(problem, "Redis says: %.*s", STR_ARG(redis_text(*reply)));
            freeReplyObject(*reply);
            *reply = NULL;
            redis_line_close(line);
            went = false; /* it was refused */
            error = E_UNAVAILABLE;
        } else if (!problem->n) {
            buf_printf(problem, "Redis at %s:%s gave no answer", self->place.host, self->place.port);
        }
        *sent = *sent || went;
        if (error != E_UNAVAILABLE || !pause_before(deadline, &pause_ms))
            return error;
    }
}

int kv_redis_ask(struct kv_redis *self, struct redis_line *line, struct str command, int64_t patience_ms,
                 redisReply **reply, bool *sent, struct buf *problem)
{
    int64_t deadline = clock_monotonic() + patience_ms * US_PER_MS;
    int error = ask_until(self, line, command, deadline, reply, sent, problem);

    atomic_store_explicit(&self->away, error == E_UNAVAILABLE, memory_order_relaxed);
    return error;
}
