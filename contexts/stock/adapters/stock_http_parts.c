#include "stock_http_parts.h"

#include "errors.h"

#include <stdatomic.h>

/* The steps of one cell. */
struct part {
    struct stock_command command;
    struct parts *whole;
    size_t *place; /* by step: its number in the request */
    char *kept;    /* what is kept with the key: a letter a step */
    int rc;        /* how it ended */
};

struct parts {
    struct client_command *self;
    stock_http_answer *answer;
    bool *failed;
    size_t n;
    struct part *parts;
    _Atomic size_t unfinished;
};

enum { NO = 'n', YES = 'y' };

/* ---- what came out ---- */

static const struct part *part_with(const struct parts *whole, bool (*fits)(const struct part *part))
{
    for (size_t i = 0; i < whole->n; i++) {
        if (fits(&whole->parts[i]))
            return &whole->parts[i];
    }
    return NULL;
}

static bool is_done(const struct part *part)
{
    return part->rc == OK;
}

static bool is_unknown(const struct part *part)
{
    return part->rc == E_OUTCOME_UNKNOWN;
}

static bool is_of_another_body(const struct part *part)
{
    return part->command.client.key_reused;
}

static void take_results(struct parts *whole)
{
    struct stock_step *steps = whole->self->command.steps;

    for (size_t i = 0; i < whole->n; i++) {
        const struct part *part = &whole->parts[i];
        for (size_t j = 0; j < part->command.n; j++) {
            steps[part->place[j]] = part->command.steps[j];
            whole->failed[part->place[j]] = part->rc != OK;
        }
    }
}

static void reply(struct parts *whole)
{
    const struct part *another = part_with(whole, is_of_another_body);
    const struct part *unknown = part_with(whole, is_unknown);
    struct client_command *self = whole->self;
    int rc = part_with(whole, is_done) ? OK : unknown ? unknown->rc : whole->parts[0].rc;

    if (!rc && !another) {
        take_results(whole);
        whole->answer(self, whole->failed);
    }
    client_answer_send(self->request, rc, another ? &another->command.client : &self->command.client, NULL);
}

/* A repeat: only what was answered then is known. */
static int recall(struct part *part)
{
    struct str kept = part->command.client.answer.body;

    if (kept.n != part->command.n)
        return E_CORRUPT;
    for (size_t i = 0; i < kept.n; i++) {
        part->command.steps[i].verdict = STOCK_REPEAT;
        part->command.steps[i].yes = kept.p[i] == YES;
    }
    return OK;
}

/* On the writer's thread, or on the loop's for one that isn't taken; the last one answers. */
static void finish(struct command *base, int rc)
{
    struct part *part = CONTAINER_OF(CONTAINER_OF(base, struct stock_command, base), struct part, command);

    part->rc = !rc && part->command.client.replayed ? recall(part) : rc;
    if (atomic_fetch_sub_explicit(&part->whole->unfinished, 1, memory_order_acq_rel) == 1)
        reply(part->whole);
}

static void render(struct stock_command *command)
{
    struct part *part = CONTAINER_OF(command, struct part, command);

    for (size_t i = 0; i < command->n; i++)
        part->kept[i] = command->steps[i].yes ? YES : NO;
    command->client.answer = (struct answer){.status = 200, .body = {part->kept, command->n}};
}

/* ---- taking it apart ---- */

static size_t steps_in(const struct client_command *self, const int32_t *cells, int32_t cell)
{
    size_t n = 0;

    for (size_t i = 0; i < self->command.n; i++)
        n += cells[i] == cell;
    return n;
}

static bool fill_part(struct parts *whole, struct part *part, const int32_t *cells, int32_t cell, size_t n)
{
    struct client_command *self = whole->self;
    struct arena *arena = &self->request->arena;

    *part = (struct part){.command = self->command,
                          .whole = whole,
                          .place = ARENA_ARRAY(arena, size_t, n),
                          .kept = arena_alloc(arena, n)};
    part->command.base.cell = cell;
    part->command.base.finish = finish;
    part->command.render = render;
    part->command.n = 0;
    part->command.steps = ARENA_ARRAY(arena, struct stock_step, n);
    if (!part->place || !part->kept || !part->command.steps)
        return false;
    for (size_t i = 0; i < self->command.n; i++) {
        if (cells[i] == cell) {
            part->place[part->command.n] = i;
            part->command.steps[part->command.n++] = self->command.steps[i];
        }
    }
    return true;
}

/* NULL: no memory. */
static struct parts *take_apart(struct client_command *self, const int32_t *cells, int32_t count)
{
    struct arena *arena = &self->request->arena;
    struct parts *whole = ARENA_NEW(arena, struct parts);
    bool fine = whole != NULL;

    if (!fine)
        return NULL;
    whole->self = self;
    whole->parts = ARENA_ARRAY(arena, struct part, (size_t)count);
    whole->failed = ARENA_ARRAY(arena, bool, self->command.n);
    fine = whole->parts && whole->failed;
    for (int32_t cell = 0; cell < count && fine; cell++) {
        size_t n = steps_in(self, cells, cell);
        fine = !n || fill_part(whole, &whole->parts[whole->n++], cells, cell, n);
    }
    return fine ? whole : NULL;
}

void stock_http_submit_parts(struct stock_http *http, struct client_command *self, const struct client_body *body,
                             const int32_t *cells, stock_http_answer *answer)
{
    struct service *service = http->base.service;

    if (!client_read_key(self->request, body, &self->command.client) || !service_lets_in(service, self->request))
        return;
    struct parts *whole = take_apart(self, cells, http->cells->count);
    if (!whole) {
        http_fill_failure(self->request, E_MEMORY);
        http_reply(self->request);
        return;
    }
    whole->answer = answer;
    atomic_init(&whole->unfinished, whole->n);
    /* Once the last is posted the request may be gone. */
    for (size_t i = 0, n = whole->n; i < n; i++) {
        struct command *command = &whole->parts[i].command.base;
        int rc = writer_post(service_writer(service), command);
        if (rc)
            finish(command, rc);
    }
}
