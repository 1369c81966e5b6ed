#include "http_provider.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "provider_contradiction.h"
#include "provider_messages.h"
#include "provider_name.h"
#include "provider_turns.h"
#include "signature.h"

enum { MOST_REPLY = 16 * 1024, OPERATIONS = 3, CURRENCY_SIZE = 3 };

struct http_provider {
    struct payment_provider port;
    struct http_provider_parts parts;
    struct buf urls[OPERATIONS]; /* NUL-terminated */
    struct provider_turns turns;
};

/* A question on its way, and then its answer on its way to the writer. */
struct provider_call {
    struct guarded_call call;
    struct loop_job handed_over;
    struct http_provider *provider;
    struct provider_turn turn;
    struct buf body, signature, key;
    struct provider_name name;
    int64_t amount;
    char currency[CURRENCY_SIZE];
    struct arena arena; /* of the answer */
    struct payment_command command;
    struct payment_step step;
};

static void free_call(struct provider_call *call)
{
    buf_free(&call->body);
    buf_free(&call->signature);
    buf_free(&call->key);
    arena_free(&call->arena);
    heap_free(call);
}

/* ---- answers: loop thread ---- */

static void finish(struct command *base, int rc)
{
    struct payment_command *command = CONTAINER_OF(base, struct payment_command, base);

    if (!rc) /* otherwise it is asked again */
        provider_contradiction_look(command->steps);
    free_call(CONTAINER_OF(command, struct provider_call, command));
}

static bool says_what_was_asked(const struct provider_call *call, const struct provider_outcome *outcome)
{
    return str_eq(outcome->name, provider_name_text(&call->name)) &&
           str_eq(outcome->operation, provider_operation_text(call->turn.operation)) &&
           outcome->amount == call->amount && str_eq(outcome->currency, (struct str){call->currency, CURRENCY_SIZE}) &&
           provider_outcome_is_known(outcome);
}

/* Its texts are the call's afterwards. */
static bool read_outcome(struct provider_call *call, struct provider_outcome *outcome)
{
    const struct http_call *http = &call->call.http;
    struct json_error error;

    if (http->status != 200 || http->media != HTTP_MEDIA_JSON)
        return false;
    struct str text = arena_copy(&call->arena, buf_str(&http->reply));
    return text.p && json_decode(&provider_outcome_desc, text, outcome, &call->arena, &error) &&
           says_what_was_asked(call, outcome);
}

/* ---- whose turn it is ---- */

static void on_answer(struct guarded_call *guarded, int error);

/* Not before it is asked: a signature has its time. */
static bool sign(struct provider_call *call)
{
    signature_write(call->provider->parts.key, clock_wall() / US_PER_S, buf_str(&call->body), &call->signature);
    call->call.http.signature = buf_str(&call->signature);
    return !call->signature.failed;
}

static void ask_now(struct provider_call *call)
{
    if (sign(call))
        guarded_call_here(call->provider->parts.caller, &call->call);
    else
        on_answer(&call->call, E_MEMORY);
}

/* The question of the same payment that has been waiting goes now. */
static void end_turn(struct provider_call *call)
{
    struct provider_turn *next = provider_turns_end(&call->provider->turns, &call->turn);

    if (next)
        ask_now(CONTAINER_OF(next, struct provider_call, turn));
}

static void on_answer(struct guarded_call *guarded, int error)
{
    struct provider_call *call = CONTAINER_OF(guarded, struct provider_call, call);
    const struct http_provider_parts *parts = &call->provider->parts;
    struct provider_outcome outcome;

    end_turn(call);
    bool said = !error && read_outcome(call, &outcome);
    if (!error && !said)
        log_error("what answered isn't the payment provider, or not to what was asked",
                  LOG_I("status", guarded->http.status), LOG_I("payment", call->turn.payment_id),
                  LOG_S("operation", provider_operation_text(call->turn.operation)));
    if (!said || !provider_outcome_intent(&outcome, &call->step.intent)) {
        free_call(call);
        return;
    }
    call->step.payment_id = call->turn.payment_id;
    call->command =
        (struct payment_command){.base = {.origin = FROM_EFFECT, .finish = finish}, .steps = &call->step, .n = 1};
    parts->answered(parts->context, &call->command.base);
}

static void take_turn(struct loop_job *job)
{
    struct provider_call *call = CONTAINER_OF(job, struct provider_call, handed_over);
    struct provider_turn *needless;

    if (provider_turns_take(&call->provider->turns, &call->turn, &needless))
        ask_now(call);
    else if (needless)
        free_call(CONTAINER_OF(needless, struct provider_call, turn));
}

/* ---- what is asked: writer thread ---- */

static bool decide(struct payment_provider *self, const struct provider_question *question,
                   struct payment_intent *answer)
{
    UNUSED(self);
    UNUSED(question);
    UNUSED(answer);
    return false;
}

static void note_what_is_asked(struct provider_call *call, const struct provider_question *question)
{
    ASSERT(question->currency.n == CURRENCY_SIZE);
    call->turn = (struct provider_turn){.payment_id = question->payment_id, .operation = question->operation};
    call->name = provider_name_of(question->payment_id, question->key);
    call->amount = question->amount;
    memcpy(call->currency, question->currency.p, CURRENCY_SIZE);
}

/* false: no memory. */
static bool write_question(struct provider_call *call, const struct provider_question *question)
{
    provider_question_write(&call->body, question, provider_name_text(&call->name));
    provider_question_key(&call->key, question, provider_name_text(&call->name));
    call->call.http = (struct http_call){.method = "POST",
                                         .url = call->provider->urls[question->operation].p,
                                         .body = buf_str(&call->body),
                                         .idempotency_key = buf_str(&call->key),
                                         .max_reply = MOST_REPLY};
    call->call.done = on_answer;
    return !call->body.failed && !call->key.failed;
}

static void ask(struct payment_provider *self, const struct provider_question *question)
{
    struct http_provider *provider = CONTAINER_OF(self, struct http_provider, port);
    struct provider_call *call = heap_alloc(sizeof(*call));

    if (!call)
        return; /* it is asked again */
    call->provider = provider;
    arena_init(&call->arena, 1024);
    note_what_is_asked(call, question);
    if (!write_question(call, question)) {
        free_call(call);
        return;
    }
    call->handed_over.run = take_turn;
    loop_post(provider->parts.loop, &call->handed_over);
}

static void flush(struct payment_provider *self)
{
    UNUSED(self); /* each question has left by itself */
}

/* ---- making it ---- */

struct payment_provider *http_provider_new(const struct http_provider_parts *parts)
{
    struct http_provider *self = heap_alloc(sizeof(*self));
    bool fine = true;

    if (!self)
        return NULL;
    self->port =
        (struct payment_provider){.decide = decide, .ask = ask, .flush = flush, .patience_us = parts->patience_us};
    self->parts = *parts;
    provider_contradiction_init();
    for (size_t i = 0; i < OPERATIONS; i++) {
        struct str operation = provider_operation_text((enum provider_operation)i);
        buf_printf(&self->urls[i], "%s/%.*s", parts->url, STR_ARG(operation));
        buf_char(&self->urls[i], '\0');
        fine = fine && !self->urls[i].failed;
    }
    if (fine)
        return &self->port;
    http_provider_free(&self->port);
    return NULL;
}

void http_provider_free(struct payment_provider *provider)
{
    if (!provider)
        return;
    struct http_provider *self = CONTAINER_OF(provider, struct http_provider, port);
    for (size_t i = 0; i < OPERATIONS; i++)
        buf_free(&self->urls[i]);
    heap_free(self);
}
