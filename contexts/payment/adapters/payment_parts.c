#include "payment_parts.h"

#include "base.h"
#include "client_answer.h"
#include "errors.h"
#include "payment_authorized.h"
#include "payment_waiting.h"

#include <stdatomic.h>

/* The questions of one cell. */
struct part {
    struct payment_command command;
    struct parts *whole;
    size_t *place; /* by step: its number in the request */
    int rc;        /* how it ended */
};

struct parts {
    const struct payment_http *http;
    struct http_request *request;
    struct authorized_json *answers; /* to all, as they were asked */
    size_t n_answers;
    struct part *parts;
    size_t n;
    _Atomic size_t unfinished;
};

static struct part *part_of(struct payment_command *command)
{
    return CONTAINER_OF(command, struct part, command);
}

/* ---- what came out ---- */

static struct str kept(struct part *part, struct str text)
{
    return text.n ? arena_copy(&part->whole->request->arena, text) : (struct str){NULL, 0};
}

/* The texts are the batch's, and others may end later. */
static void render(struct payment_command *command)
{
    struct part *part = part_of(command);

    for (size_t i = 0; i < command->n; i++) {
        struct authorized_json json = payment_authorized_of(&command->steps[i]);
        bool has_texts = json.reason.n || json.currency.n;
        json.reason = kept(part, json.reason);
        json.currency = kept(part, json.currency);
        if (has_texts && !json.reason.p && !json.currency.p)
            json = payment_authorized_pending(); /* there is no memory */
        part->whole->answers[part->place[i]] = json;
    }
}

/* Of all in the first failure's words, when all have failed; but what isn't known of one isn't known of all. */
static int outcome_of(const struct parts *whole)
{
    int rc = whole->parts[0].rc;

    for (size_t i = 0; i < whole->n; i++) {
        if (whole->parts[i].rc == OK)
            return OK;
        if (whole->parts[i].rc == E_OUTCOME_UNKNOWN)
            rc = E_OUTCOME_UNKNOWN;
    }
    return rc;
}

static void reply(struct parts *whole)
{
    int rc = outcome_of(whole);

    payment_authorized_begin(whole->request);
    for (size_t i = 0; i < whole->n_answers; i++)
        payment_authorized_add(whole->request, &whole->answers[i]);
    payment_authorized_end(whole->request);
    client_answer_send(whole->request, rc, &(struct client_request){0}, NULL);
}

/* It may have been rendered before its commit failed. */
static void take_back(struct part *part)
{
    for (size_t i = 0; i < part->command.n; i++)
        part->whole->answers[part->place[i]] = payment_authorized_pending();
}

static bool is_something_decided(const struct part *part)
{
    for (size_t i = 0; i < part->command.n; i++) {
        if (!payment_waiting_is_pending(&part->command.steps[i]))
            return true;
    }
    return false;
}

static void hurry_the_others(const struct part *part)
{
    const struct parts *whole = part->whole;
    int64_t now = service_now(whole->http->base.service);

    for (size_t i = 0; i < whole->n; i++) {
        if (&whole->parts[i] != part)
            payment_waiting_hurry(&whole->parts[i].command, now);
    }
}

/* On the writer's thread, or on another's for one that isn't taken; the last one answers. */
static void finish(struct command *base, int rc)
{
    struct part *part = part_of(CONTAINER_OF(base, struct payment_command, base));
    struct parts *whole = part->whole;

    part->rc = rc;
    if (rc)
        take_back(part);
    else if (is_something_decided(part))
        hurry_the_others(part);
    if (atomic_fetch_sub_explicit(&whole->unfinished, 1, memory_order_acq_rel) == 1)
        reply(whole);
}

/* ---- taking it apart ---- */

static size_t steps_in(const struct payment_command *all, const int32_t *cells, int32_t cell)
{
    size_t n = 0;

    for (size_t i = 0; i < all->n; i++)
        n += cells[i] == cell;
    return n;
}

/* false: no memory. */
static bool fill_part(struct parts *whole, struct part *part, const struct payment_command *all, const int32_t *cells,
                      int32_t cell)
{
    struct arena *arena = &whole->request->arena;
    size_t n = steps_in(all, cells, cell);

    *part = (struct part){.command = *all, .whole = whole, .place = ARENA_ARRAY(arena, size_t, n)};
    part->command.base.cell = cell;
    part->command.base.finish = finish;
    part->command.render = render;
    part->command.steps = ARENA_ARRAY(arena, struct payment_step, n);
    part->command.n = 0;
    if (!part->place || !part->command.steps)
        return false;
    for (size_t i = 0; i < all->n; i++) {
        if (cells[i] != cell)
            continue;
        part->place[part->command.n] = i;
        part->command.steps[part->command.n++] = all->steps[i];
    }
    return true;
}

/* NULL: no memory. */
static struct parts *take_apart(const struct payment_http *http, struct http_request *request,
                                const struct payment_command *all, const int32_t *cells)
{
    struct arena *arena = &request->arena;
    struct parts *whole = ARENA_NEW(arena, struct parts);

    if (!whole)
        return NULL;
    *whole = (struct parts){.http = http,
                            .request = request,
                            .answers = ARENA_ARRAY(arena, struct authorized_json, all->n),
                            .n_answers = all->n,
                            .parts = ARENA_ARRAY(arena, struct part, (size_t)http->n_cells)};
    bool fine = whole->answers && whole->parts;
    for (int32_t cell = 0; cell < http->n_cells && fine; cell++) {
        if (steps_in(all, cells, cell) > 0)
            fine = fill_part(whole, &whole->parts[whole->n++], all, cells, cell);
    }
    return fine ? whole : NULL;
}

void payment_parts_submit(const struct payment_http *http, struct http_request *request,
                          const struct payment_command *all, const int32_t *cells)
{
    struct service *service = http->base.service;

    if (!service_lets_in(service, request))
        return;
    struct parts *whole = take_apart(http, request, all, cells);
    if (!whole) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    atomic_init(&whole->unfinished, whole->n);
    /* Once the last is posted the request may be gone. */
    for (size_t i = 0, n = whole->n; i < n; i++) {
        struct command *command = &whole->parts[i].command.base;
        int rc = writer_post(service_writer(service), command);
        if (rc)
            finish(command, rc);
    }
}
