#include "membership_redis.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "kv_redis.h"
#include "log.h"
#include "membership_redis_functions.h"

enum { TAG_MAX = 64, KEY_SIZE = TAG_MAX + 16, MEMBER_WORDS = 3 };

struct membership_redis {
    struct membership port;
    struct redis_link *link;
    struct buf tag; /* "shop.cells" */
    struct buf command;
    int64_t lost_ms;
    int64_t id;             /* who we are; 0: no member */
    struct log_reason told; /* the error said last in the log */
    struct picture filling;
};

static struct membership_redis *of(struct membership *port)
{
    return CONTAINER_OF(port, struct membership_redis, port);
}

/* --- asking --- */

static void key_word(struct membership_redis *self, const char *what)
{
    char key[KEY_SIZE];

    stpcpy(stpcpy(stpcpy(stpcpy(key, "{"), self->tag.p), "}:"), what);
    redis_word(&self->command, str_of(key));
}

/* Begins a call of a function, with `n` words to follow. */
static void call(struct membership_redis *self, const char *verb, const char *function, size_t n)
{
    redis_command(&self->command, 6 + n);
    redis_word(&self->command, str_of(verb));
    redis_word(&self->command, str_of(function));
    redis_number(&self->command, 3);
    key_word(self, "meta");
    key_word(self, "members");
    key_word(self, "cells");
}

static int meaning_of(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return OK;
    if (redis_is_error(reply, "GONE"))
        return E_NOT_FOUND;
    return redis_is_error(reply, "OOM") || redis_is_error(reply, "MISCONF") ? E_FULL : E_UNAVAILABLE;
}

/* Sends what is in `command`. OK: `reply` is an answer, the caller's to free. */
static int ask(struct membership_redis *self, redisReply **reply)
{
    struct buf problem = {0};

    *reply = NULL;
    int error = self->command.failed ? E_MEMORY : redis_link_ask(self->link, buf_str(&self->command), reply, &problem);
    if (!error) {
        error = meaning_of(*reply);
        if (error && error != E_NOT_FOUND)
            buf_add(&problem, redis_text(*reply));
    }
    if (error && error != E_NOT_FOUND && log_is_news(&self->told, error))
        log_warning("the other replicas can't be asked about", LOG_T("error", error_name(error)),
                    LOG_S("reason", buf_str(&problem)));
    buf_free(&problem);
    if (error) {
        freeReplyObject(*reply);
        *reply = NULL;
    }
    return error;
}

/* What has nothing to tell but that it was done. */
static int ask_to_do(struct membership_redis *self)
{
    redisReply *reply = NULL;

    int error = ask(self, &reply);
    freeReplyObject(reply);
    return error;
}

/* --- being a member --- */

static int redis_join(struct membership *port, const char *address)
{
    struct membership_redis *self = of(port);
    redisReply *reply = NULL;

    ASSERT(strlen(address) < MEMBER_ADDRESS_SIZE);
    call(self, "FCALL", CELLS_LIBRARY "_join", 3);
    redis_number(&self->command, self->lost_ms);
    redis_word(&self->command, str_of(address));
    redis_number(&self->command, self->id);
    int error = ask(self, &reply);
    if (error == E_NOT_FOUND) /* the keys are gone that open() has made */
        error = E_UNAVAILABLE;
    if (!error && reply->type != REDIS_REPLY_INTEGER)
        error = E_CORRUPT;
    self->id = error ? 0 : reply->integer;
    freeReplyObject(reply);
    return error;
}

static int beat(struct membership_redis *self, const char *leaving)
{
    call(self, "FCALL", CELLS_LIBRARY "_beat", 3);
    redis_number(&self->command, self->id);
    redis_number(&self->command, self->lost_ms);
    redis_word(&self->command, str_of(leaving));
    return ask_to_do(self);
}

static int redis_beat(struct membership *port)
{
    return beat(of(port), "");
}

static int redis_leave(struct membership *port)
{
    return beat(of(port), "1");
}

/* --- the picture --- */

static bool are_words(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % MEMBER_WORDS != 0)
        return false;
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type != REDIS_REPLY_STRING)
            return false;
    }
    return true;
}

/* A hash has no order, and members are told by their ids. */
static int take_members(struct picture *picture, const redisReply *reply)
{
    int64_t below = 0;

    for (size_t n = 0; n < reply->elements; n += MEMBER_WORDS) {
        size_t next = reply->elements;
        int64_t lowest = INT64_MAX;
        for (size_t i = 0; i < reply->elements; i += MEMBER_WORDS) {
            int64_t id = 0;
            if (!str_to_i64(redis_text(reply->element[i]), &id) || id <= 0)
                return E_CORRUPT;
            if (id > below && id < lowest) {
                lowest = id;
                next = i;
            }
        }
        if (next == reply->elements)
            return E_CORRUPT;
        struct str address = redis_text(reply->element[next + 2]);
        if (!picture_add(picture, lowest, address.p, address.n, str_is(redis_text(reply->element[next + 1]), "1")))
            return E_MEMORY;
        below = lowest;
    }
    return OK;
}

static int take_cells(struct picture *picture, const redisReply *reply)
{
    for (size_t i = 0; i < reply->elements; i += MEMBER_WORDS) {
        int64_t cell = 0, owner = 0, change = 0;
        if (!str_to_i64(redis_text(reply->element[i]), &cell) ||
            !str_to_i64(redis_text(reply->element[i + 1]), &owner) ||
            !str_to_i64(redis_text(reply->element[i + 2]), &change) || cell < 0 || cell >= (int64_t)picture->n_cells)
            return E_CORRUPT;
        picture->cells[cell] = (struct cell_owner){picture_place(picture, owner), change};
    }
    return OK;
}

static int redis_read(struct membership *port, struct picture *picture)
{
    struct membership_redis *self = of(port);
    redisReply *reply = NULL;

    call(self, "FCALL_RO", CELLS_LIBRARY "_read", 0);
    int error = ask(self, &reply);
    if (error)
        return error == E_NOT_FOUND ? E_UNAVAILABLE : error;
    picture_clear(&self->filling);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !are_words(reply->element[0]) ||
        !are_words(reply->element[1]))
        error = E_CORRUPT;
    if (!error)
        error = take_members(&self->filling, reply->element[0]);
    if (!error)
        error = take_cells(&self->filling, reply->element[1]);
    freeReplyObject(reply);
    if (error)
        return error;
    self->filling.me = picture_place(&self->filling, self->id);
    picture_swap(picture, &self->filling);
    return OK;
}

/* --- claims --- */

static int take_claims(struct claim *claims, size_t n, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != n)
        return E_CORRUPT;
    for (size_t i = 0; i < n; i++) {
        claims[i].change = reply->element[i]->integer;
        claims[i].granted = claims[i].change > 0;
    }
    return OK;
}

static int redis_own(struct membership *port, struct claim *claims, size_t n)
{
    struct membership_redis *self = of(port);
    redisReply *reply = NULL;

    if (n == 0)
        return OK;
    call(self, "FCALL", CELLS_LIBRARY "_own", 1 + n);
    redis_number(&self->command, self->id);
    for (size_t i = 0; i < n; i++) {
        claims[i].granted = false;
        redis_number(&self->command, claims[i].cell);
    }
    int error = ask(self, &reply);
    if (!error)
        error = take_claims(claims, n, reply);
    freeReplyObject(reply);
    return error;
}

static int redis_disown(struct membership *port, const int *cells, size_t n)
{
    struct membership_redis *self = of(port);

    if (n == 0)
        return OK;
    call(self, "FCALL", CELLS_LIBRARY "_disown", 1 + n);
    redis_number(&self->command, self->id);
    for (size_t i = 0; i < n; i++)
        redis_number(&self->command, cells[i]);
    return ask_to_do(self);
}

/* --- life --- */

static void redis_close(struct membership *port)
{
    struct membership_redis *self = of(port);

    if (self->id) {
        call(self, "FCALL", CELLS_LIBRARY "_part", 1);
        redis_number(&self->command, self->id);
        (void)ask_to_do(self);
    }
    redis_link_free(self->link);
    picture_free(&self->filling);
    buf_free(&self->command);
    buf_free(&self->tag);
    heap_free(self);
}

static int refuse(const struct membership_redis *self, const redisReply *reply,
                  const struct membership_redis_options *options, struct buf *problem)
{
    struct str said = redis_text(reply);

    if (redis_is_error(reply, "FOREIGN")) {
        buf_printf(problem,
                   "the keys {%s}:* in Redis at %s belong to another program: choose another Redis or database",
                   self->tag.p, redis_link_place(self->link));
        return E_FOREIGN;
    }
    if (redis_is_error(reply, "NEWER")) {
        buf_printf(problem, "the keys {%s}:* in Redis at %s were written by a newer version: start the newer version",
                   self->tag.p, redis_link_place(self->link));
        return E_NEWER;
    }
    if (reply->type == REDIS_REPLY_INTEGER) {
        buf_printf(problem,
                   "the state of \"%s\" is cut into %lld cells, not into %zu: give it the number that it was made "
                   "with; with another one a shop has to be made anew",
                   options->service, reply->integer, options->n_cells);
        return E_FOREIGN;
    }
    int error = meaning_of(reply);
    buf_printf(problem, "Redis at %s refuses the keys {%s}:*: %.*s%s", redis_link_place(self->link), self->tag.p,
               STR_ARG(said), error == E_FULL ? ": make room there" : "");
    return error == E_FULL ? E_FULL : E_SYSTEM;
}

static int open_keys(struct membership_redis *self, const struct membership_redis_options *options, struct buf *problem)
{
    redisReply *reply = NULL;

    call(self, "FCALL", CELLS_LIBRARY "_open", 3);
    redis_word(&self->command, STR("coffeeshop"));
    redis_number(&self->command, CELLS_LAYOUT);
    redis_number(&self->command, (int64_t)options->n_cells);
    if (self->command.failed)
        return E_MEMORY;
    int error = redis_link_ask(self->link, buf_str(&self->command), &reply, problem);
    if (!error && (reply->type != REDIS_REPLY_INTEGER || reply->integer != (int64_t)options->n_cells))
        error = refuse(self, reply, options, problem);
    freeReplyObject(reply);
    return error;
}

static int set_up(struct membership_redis *self, const struct membership_redis_options *options, struct buf *problem)
{
    int error = OK;

    buf_printf(&self->tag, "%s.cells%c", options->service, '\0');
    if (self->tag.failed || !picture_init(&self->filling, options->n_cells))
        return E_MEMORY;
    const struct kv_redis_options redis = {.url = options->url,
                                           .password = options->password,
                                           .ca_file = options->ca_file,
                                           .cert_file = options->cert_file,
                                           .key_file = options->key_file,
                                           .cell = self->tag.p,
                                           .patience_ms = options->lost_ms / 2};
    self->lost_ms = options->lost_ms;
    self->link = redis_link_new(&redis, &membership_redis_library, problem, &error);
    return self->link ? open_keys(self, options, problem) : error;
}

struct membership *membership_redis_open(const struct membership_redis_options *options, struct buf *problem,
                                         int *error)
{
    struct membership_redis *self = heap_alloc(sizeof(*self));

    *error = self ? OK : E_MEMORY;
    if (self) {
        self->port = (struct membership){.join = redis_join,
                                         .beat = redis_beat,
                                         .leave = redis_leave,
                                         .read = redis_read,
                                         .own = redis_own,
                                         .disown = redis_disown,
                                         .close = redis_close};
        *error = set_up(self, options, problem);
    }
    if (*error == E_MEMORY && !problem->n)
        BUF_LIT(problem, "no memory left to join the other replicas");
    if (*error == OK)
        return &self->port;
    if (self)
        redis_close(&self->port);
    return NULL;
}
