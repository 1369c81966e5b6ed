#include "order_payment_client.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "order_payment_answer.h"
#include "order_payment_question.h"
#include "question_array.h"

enum { FIRST_ROOM = 8 };

struct payment_client {
    struct order_payment_caller port;
    struct guarded_caller *caller;
    struct service *service;
    int32_t n_cells;
    size_t max_batch;
    int64_t linger_us;
    struct question_size size;
    struct buf url;
    /* the writer's: */
    struct payment_call *pending; /* being filled, handed over by flush() */
    /* the loop's: */
    size_t under_way;
    struct payment_call *gathered; /* waits for the turn's end, or until what is under way is answered, or until
                                      `linger` fires */
    struct loop_timer linger;
};

/* One question for all that wait. */
struct payment_call {
    struct guarded_call call;
    struct loop_job handed_over;
    struct payment_client *client;
    struct question_array asked;
    struct own_keys keys; /* of those who have sent none */
    struct buf own_key;
    size_t n, room;
    struct order_command **commands;
    int64_t asked_at; /* own time */
    /* When these were first asked for, and nothing was known of them: */
    int64_t first_asked_at; /* 0: they never were */
    struct buf url;         /* the client's, with how long they have been waiting */
};

/* ---- a call ---- */

static struct payment_call *new_call(struct payment_client *client)
{
    struct payment_call *call = heap_alloc(sizeof(*call));

    if (!call)
        return NULL;
    call->client = client;
    return call;
}

static bool make_room(struct payment_call *call, size_t n)
{
    size_t room = call->room ? call->room : (size_t)FIRST_ROOM;

    while (room < n)
        room *= 2;
    if (room == call->room)
        return true;
    struct order_command **commands = heap_resize(call->commands, room * sizeof(struct order_command *));
    if (!commands)
        return false;
    call->commands = commands;
    call->room = room;
    return true;
}

static void free_call(struct payment_call *call)
{
    question_array_free(&call->asked);
    buf_free(&call->own_key);
    buf_free(&call->url);
    heap_free(call->commands);
    heap_free(call);
}

/* ---- answers: loop thread, or the writer's when there was no call ---- */

/* All go on, in the order in which they came. */
static void let_go_on(struct payment_call *call)
{
    struct writer *writer = service_writer(call->client->service);
    size_t n = call->n;
    struct order_command **commands = call->commands;

    for (size_t i = 0; i < n; i++)
        commands[i]->base.next = i + 1 < n ? &commands[i + 1]->base : NULL;
    writer_post_again(writer, &commands[0]->base, &commands[n - 1]->base, n);
    free_call(call);
}

/* What was asked for before may have been approved since, whatever has become of this question. */
static void leave_open(struct payment_call *call, int why)
{
    for (size_t i = 0; i < call->n; i++)
        call->commands[i]->unanswered = call->first_asked_at ? E_OUTCOME_UNKNOWN : why;
    let_go_on(call);
}

static void keep_reason(struct order_command *command, struct str reason)
{
    struct str kept = str_beginning(reason, ORDER_DECLINE_REASON - 1);

    if (kept.n)
        memcpy(command->decline_reason, kept.p, kept.n);
    command->decline_reason[kept.n] = '\0';
}

/* The body is the same, so the quantity is: of what it says nothing is free text, and the price is held against the
 * menu's when the order is placed. */
static void take_price(struct order_command *command, const struct payment_answer *answer)
{
    memcpy(command->promised_currency, answer->currency.p, ORDER_CURRENCY);
    command->intent.currency = (struct str){command->promised_currency, ORDER_CURRENCY};
    command->intent.amount = answer->amount;
    command->intent.price = answer->amount / command->intent.qty;
}

/* Payment gives it back when it has not heard of its order in time. Half of that is ours, counted from before we asked.
 */
static void take(const struct payment_call *call, struct order_command *command, const struct payment_answer *answer)
{
    if (str_is(answer->status, "Authorized")) {
        command->intent.kind = ORDER_PLACE;
        command->intent.payment_id = answer->id;
        command->paid_until = call->asked_at + answer->valid_ms * US_PER_MS / 2;
        if (answer->amount >= 0)
            take_price(command, answer);
    } else if (str_is(answer->status, "Declined")) {
        command->intent.kind = ORDER_DECLINED;
        keep_reason(command, answer->reason);
    } else if (str_is(answer->status, "KeyReused")) {
        command->client.key_reused = true;
    } else if (str_is(answer->status, "NotKnown") && command->effect == ORDER_EFFECT_FIND_PURCHASE) {
        command->intent.may_be_known = false;
    } else {
        command->unanswered = E_OUTCOME_UNKNOWN;
    }
}

/* No connection, or payment says that it did nothing, by a 503 (guarded_caller.h): then nothing was. Everything else
 * that isn't its answer leaves it open. */
static int why_unanswered(const struct http_call *http, int error)
{
    if (error)
        return error == E_UNAVAILABLE ? E_UNAVAILABLE : E_OUTCOME_UNKNOWN;
    log_error("what answered an authorisation isn't payment, or not to what was asked", LOG_I("status", http->status));
    return E_OUTCOME_UNKNOWN;
}

static void send(struct payment_call *call);
static bool ask_in_halves(struct payment_call *whole);
static void send_gathered(struct payment_client *client);

/* What was asked from `from` to before `to`; with answers only those of it that are pending. NULL: no memory. */
static struct payment_call *part_of(const struct payment_call *whole, size_t from, size_t to,
                                    const struct payment_answer *answers)
{
    struct payment_call *part = new_call(whole->client);
    bool fine = part && make_room(part, to - from);

    for (size_t i = from; fine && i < to; i++) {
        if (answers && !order_payment_is_pending(&answers[i]))
            continue;
        fine = question_array_copy(&part->asked, &whole->asked, i, i + 1);
        part->commands[part->n++] = whole->commands[i];
    }
    if (part && !fine) {
        free_call(part);
        return NULL;
    }
    if (part)
        part->first_asked_at = whole->first_asked_at;
    return part;
}

/* Those of which payment knows nothing yet, where it knows something of the others: each of its answers but the last
 * decides something (payment_waiting.h). NULL: there are none to be asked for again, or there is no memory. */
static struct payment_call *undecided_of(const struct payment_call *call, const struct payment_answer *answers)
{
    size_t n = 0;

    for (size_t i = 0; i < call->n; i++)
        n += order_payment_is_pending(&answers[i]);
    struct payment_call *rest = n > 0 && n < call->n ? part_of(call, 0, call->n, answers) : NULL;
    if (rest && !rest->first_asked_at)
        rest->first_asked_at = call->asked_at;
    return rest;
}

/* What is decided goes on, and nobody waits for another's card. */
static void take_all(struct payment_call *call, const struct payment_answer *answers)
{
    struct payment_call *rest = undecided_of(call, answers);
    size_t n = 0;

    for (size_t i = 0; i < call->n; i++) {
        if (rest && order_payment_is_pending(&answers[i]))
            continue;
        take(call, call->commands[i], &answers[i]);
        call->commands[n++] = call->commands[i];
    }
    call->n = n;
    let_go_on(call);
    if (rest)
        send(rest);
}

static void on_answer(struct guarded_call *guarded, int error)
{
    struct payment_call *call = CONTAINER_OF(guarded, struct payment_call, call);
    struct payment_client *client = call->client;
    struct arena arena;

    client->under_way--;
    arena_init(&arena, 0);
    const struct payment_answer *answers = error ? NULL : order_payment_answer(&guarded->http, call->n, &arena);
    bool refused = !error && question_array_is_refused(&guarded->http);
    if (refused && guarded->http.status == 413)
        question_size_refused(&client->size, call->asked.body.n, "payment");
    if (answers) {
        take_all(call, answers);
    } else if (!refused || !ask_in_halves(call)) {
        leave_open(call, why_unanswered(&guarded->http, error));
    }
    arena_free(&arena);
    send_gathered(client);
}

/* ---- sending: loop thread ---- */

/* Asked again, it is for what is left of one call's time. NULL: nothing is, or there is no memory. */
static const char *url_of(struct payment_call *call)
{
    int64_t waited_ms = (call->asked_at - call->first_asked_at) / US_PER_MS;

    if (!call->first_asked_at)
        return call->client->url.p;
    call->call.timeout_ms = guarded_caller_timeout_ms(call->client->caller) - waited_ms;
    buf_clear(&call->url);
    buf_printf(&call->url, "%s?waitedMs=%lld", call->client->url.p, (long long)waited_ms);
    buf_char(&call->url, '\0');
    return call->url.failed || call->call.timeout_ms <= 0 ? NULL : call->url.p;
}

static void send(struct payment_call *call)
{
    struct payment_client *client = call->client;
    struct str body = question_array_close(&call->asked);

    call->asked_at = service_now(client->service);
    const char *url = url_of(call);
    if (!body.p || !url) {
        leave_open(call, E_UNAVAILABLE);
        return;
    }
    call->call.http = (struct http_call){.method = "POST", .url = url, .body = body};
    call->call.done = on_answer;
    client->under_way++;
    guarded_call_here(client->caller, &call->call);
}

/* Until the question that is refused stands alone (question_array.h). false: it does, or there is no memory. */
static bool ask_in_halves(struct payment_call *whole)
{
    struct payment_call *first = whole->n > 1 ? part_of(whole, 0, whole->n / 2, NULL) : NULL;
    struct payment_call *second = first ? part_of(whole, whole->n / 2, whole->n, NULL) : NULL;

    if (!second) {
        if (first)
            free_call(first);
        return false;
    }
    free_call(whole);
    send(first);
    send(second);
    return true;
}

/* ---- gathering: loop thread ---- */

static void send_gathered(struct payment_client *client)
{
    struct payment_call *call = client->gathered;

    loop_timer_cancel(service_loop(client->service), &client->linger);
    client->gathered = NULL;
    if (call)
        send(call);
}

static void linger_is_over(struct loop_timer *timer)
{
    send_gathered(CONTAINER_OF(timer, struct payment_client, linger));
}

static bool is_full(const struct payment_call *call)
{
    return call->n == call->client->max_batch || call->asked.body.n >= question_size_most(&call->client->size);
}

/* false: they don't go together. */
static bool absorb(struct payment_call *into, struct payment_call *call)
{
    size_t most = question_size_most(&call->client->size);

    if (into->n + call->n > call->client->max_batch || into->asked.body.n + call->asked.body.n > most ||
        !make_room(into, into->n + call->n) || !question_array_join(&into->asked, &call->asked))
        return false;
    memcpy(into->commands + into->n, call->commands, call->n * sizeof(struct order_command *));
    into->n += call->n;
    free_call(call);
    return true;
}

/* Those who come while payment is asked wait for its answer; otherwise they wait for who else comes in this turn. */
static void gather(struct payment_client *client, struct payment_call *call)
{
    int64_t linger_us = client->under_way ? client->linger_us : 0;

    client->gathered = call;
    loop_timer_set(service_loop(client->service), &client->linger, clock_monotonic() + linger_us);
}

static void take_over(struct loop_job *job)
{
    struct payment_call *call = CONTAINER_OF(job, struct payment_call, handed_over);
    struct payment_client *client = call->client;

    if (client->gathered && absorb(client->gathered, call)) {
        if (is_full(client->gathered))
            send_gathered(client);
        return;
    }
    send_gathered(client);
    gather(client, call);
    if (client->under_way == 0)
        send_gathered(client);
}

/* ---- a question ---- */

/* false: there is no memory. */
static bool add(struct payment_call *call, struct order_command *command)
{
    struct str key = command->client.key;

    if (key.n == 0)
        key = order_payment_own_key(&call->keys, service_now(call->client->service), call->n, &call->own_key);
    if (key.n == 0 || !make_room(call, call->n + 1) || !question_array_begin(&call->asked))
        return false;
    order_payment_question_write(&call->asked.body, command, key, call->client->n_cells);
    call->commands[call->n++] = command;
    return true;
}

/* ---- asking: writer thread ---- */

static void flush(struct order_payment_caller *self)
{
    struct payment_client *client = CONTAINER_OF(self, struct payment_client, port);
    struct payment_call *call = client->pending;

    client->pending = NULL;
    if (!call)
        return;
    call->handed_over = (struct loop_job){.run = take_over};
    loop_post(service_loop(client->service), &call->handed_over);
}

static void authorize(struct order_payment_caller *self, struct order_command *command)
{
    struct payment_client *client = CONTAINER_OF(self, struct payment_client, port);

    if (!client->pending)
        client->pending = new_call(client);
    if (!client->pending || !add(client->pending, command)) {
        command->unanswered = E_MEMORY;
        command->base.kept = false; /* it ends with its batch */
        return;
    }
    if (is_full(client->pending))
        flush(self);
}

/* ---- asking: loop thread ---- */

static bool authorize_here(struct order_payment_caller *self, struct order_command *command)
{
    struct payment_client *client = CONTAINER_OF(self, struct payment_client, port);
    struct payment_call *call = client->gathered ? client->gathered : new_call(client);

    if (!call || !add(call, command)) {
        if (call && call != client->gathered)
            free_call(call);
        return false;
    }
    if (call != client->gathered)
        gather(client, call);
    if (is_full(call))
        send_gathered(client);
    return true;
}

/* ---- making it ---- */

struct order_payment_caller *order_payment_client_new(struct guarded_caller *caller, const char *url, int32_t n_cells,
                                                      size_t max_batch, int64_t linger_us, struct service *service)
{
    struct payment_client *client = heap_alloc(sizeof(*client));

    if (!client)
        return NULL;
    *client = (struct payment_client){
        .port = {.authorize = authorize, .flush = flush, .authorize_here = authorize_here},
        .caller = caller,
        .service = service,
        .n_cells = n_cells,
        .max_batch = max_batch,
        .linger_us = linger_us,
        .linger = {.fire = linger_is_over},
    };
    question_size_init(&client->size);
    buf_printf(&client->url, "%s/payments/authorize", url);
    buf_char(&client->url, '\0');
    if (client->url.failed) {
        order_payment_client_free(&client->port);
        return NULL;
    }
    return &client->port;
}

void order_payment_client_free(struct order_payment_caller *caller)
{
    if (!caller)
        return;
    struct payment_client *client = CONTAINER_OF(caller, struct payment_client, port);
    if (client->pending)
        free_call(client->pending);
    if (client->gathered)
        free_call(client->gathered);
    buf_free(&client->url);
    heap_free(client);
}
