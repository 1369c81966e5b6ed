#include "product_stock_client.h"

#include "alloc.h"
#include "errors.h"
#include "log.h"
#include "metrics.h"
#include "product_stock_messages.h"
#include "question_array.h"

enum {
    FIRST_ROOM = 8,
    MOST_LOGGED = 512, /* enough for a log line */
};

static struct metric questions_refused =
    METRIC_COUNTER_INIT("coffeeshop_stock_questions_refused_total",
                        "Questions that stock refuses even alone; each is asked again, and its ticket waits.");

struct stock_client {
    struct stock_caller port;
    struct guarded_caller *caller;
    struct service *service;
    size_t max_batch;
    struct question_size size;
    struct buf reduce_url, release_url;
    struct stock_call *reduce, *release; /* being filled; sent by flush() */
};

/* An answer on its way to the writer; the answers of one call are one block, freed with the last. */
struct answer_command {
    struct product_command command;
    struct stock_call *call;
};

struct stock_call {
    struct guarded_call call;
    struct stock_client *client;
    bool release;
    struct question_array asked;
    size_t n, room;
    struct stock_question *questions; /* as asked, but for the name: that isn't kept */
    struct answer_command *answers;
    size_t unfinished; /* once the answers are posted: whoever finishes them, the writer or, after its end, the loop */
};

/* ---- a call ---- */

static void free_call(struct stock_call *call)
{
    question_array_free(&call->asked);
    heap_free(call->questions);
    heap_free(call->answers);
    heap_free(call);
}

static void finish(struct command *self, int rc)
{
    struct stock_call *call = CONTAINER_OF(self, struct answer_command, command.base)->call;

    UNUSED(rc);
    if (--call->unfinished == 0)
        free_call(call);
}

static struct stock_call *new_call(struct stock_client *client, bool release)
{
    struct stock_call *call = heap_alloc(sizeof(*call));

    if (!call)
        return NULL;
    call->client = client;
    call->release = release;
    return call;
}

/* The arrays may move as long as the call isn't sent. */
static bool make_room(struct stock_call *call)
{
    size_t room = call->room ? call->room * 2 : (size_t)FIRST_ROOM;
    struct stock_question *questions = heap_resize(call->questions, room * sizeof(*questions));

    if (questions)
        call->questions = questions;
    struct answer_command *answers = questions ? heap_resize(call->answers, room * sizeof(*answers)) : NULL;
    if (!answers)
        return false;
    call->answers = answers;
    call->room = room;
    return true;
}

/* What is remembered of one question more; its text is `asked`'s. false: no memory. */
static bool add(struct stock_call *call, const struct stock_question *question)
{
    if (call->n == call->room && !make_room(call))
        return false;
    struct stock_question *kept = &call->questions[call->n];
    *kept = *question;
    kept->product_name = (struct str){NULL, 0};
    call->answers[call->n] = (struct answer_command){
        .command = {.base = {.origin = FROM_EFFECT,
                             .cell = service_cell_of_id(call->client->service, question->ticket_id),
                             .finish = finish},
                    .ticket_id = question->ticket_id,
                    .intent = {.attempt = question->attempt}},
        .call = call};
    call->n++;
    return true;
}

/* Hands the answers to the writer, in the order of the questions. */
static void post_answers(struct stock_call *call)
{
    struct writer *writer = service_writer(call->client->service);
    size_t n = call->n;

    call->unfinished = n;
    question_array_free(&call->asked);
    for (size_t i = 0; i < n; i++)
        call->answers[i].command.base.next = i + 1 < n ? &call->answers[i + 1].command.base : NULL;
    writer_post_list(writer, &call->answers[0].command.base, &call->answers[n - 1].command.base, n);
}

/* The outcome of every question; `kinds` NULL: nothing is known of any. */
static void settle(struct stock_call *call, const enum ticket_command_kind *kinds)
{
    for (size_t i = 0; i < call->n; i++)
        call->answers[i].command.intent.kind = kinds ? kinds[i] : TICKET_UNANSWERED;
    post_answers(call);
}

static void on_answer(struct guarded_call *guarded, int error);

static void send(struct stock_call *call)
{
    struct stock_client *client = call->client;

    struct str body = question_array_close(&call->asked);
    if (!body.p) {
        settle(call, NULL);
        return;
    }
    call->call.http = (struct http_call){.method = "POST",
                                         .url = call->release ? client->release_url.p : client->reduce_url.p,
                                         .body = body,
                                         .caller = STR("product")}; /* its reservation ids are the kitchen's */
    call->call.done = on_answer;
    guarded_call(client->caller, &call->call);
}

/* ---- answers: loop thread ---- */

static struct stock_call *part_of(const struct stock_call *whole, size_t from, size_t to)
{
    struct stock_call *part = new_call(whole->client, whole->release);

    bool fine = part && question_array_copy(&part->asked, &whole->asked, from, to);
    for (size_t i = from; fine && i < to; i++)
        fine = add(part, &whole->questions[i]);
    if (part && !fine) {
        free_call(part);
        return NULL;
    }
    return part;
}

/* In two halves, until the question that is refused stands alone (question_array.h). */
static void ask_in_halves(struct stock_call *whole)
{
    struct stock_call *first = part_of(whole, 0, whole->n / 2);
    struct stock_call *second = first ? part_of(whole, whole->n / 2, whole->n) : NULL;

    if (!second) {
        if (first)
            free_call(first);
        settle(whole, NULL);
        return;
    }
    free_call(whole);
    send(first);
    send(second);
}

static bool is_believed(const struct stock_call *call, const struct http_call *http, enum ticket_command_kind *kinds)
{
    if (http->status != 200 || http->media != HTTP_MEDIA_JSON)
        return false;
    for (size_t i = 0; i < call->n; i++)
        kinds[i] = TICKET_RELEASED;
    return call->release ? product_stock_read_released(buf_str(&http->reply), call->questions, call->n)
                         : product_stock_read_reduced(buf_str(&http->reply), kinds, call->n);
}

static void on_answer(struct guarded_call *guarded, int error)
{
    struct stock_call *call = CONTAINER_OF(guarded, struct stock_call, call);
    const struct http_call *http = &guarded->http;
    enum ticket_command_kind *kinds = heap_alloc(call->n * sizeof(*kinds));
    bool known = kinds && !error && is_believed(call, http, kinds);
    bool refused = !error && question_array_is_refused(http);

    if (refused && http->status == 413)
        question_size_refused(&call->client->size, call->asked.body.n, "stock");
    if (refused && call->n > 1) {
        ask_in_halves(call);
    } else {
        if (refused)
            metric_add(&questions_refused, 1);
        if (!error && !known)
            log_error(refused ? "stock refuses a question" : "what answered isn't stock, or not to what was asked",
                      LOG_I("status", http->status), LOG_I("ticket", call->questions[0].ticket_id),
                      LOG_S("answer", str_beginning(buf_str(&http->reply), MOST_LOGGED)));
        settle(call, known ? kinds : NULL);
    }
    heap_free(kinds);
}

/* ---- asking: writer thread ---- */

static void send_pending(struct stock_call **pending)
{
    struct stock_call *call = *pending;

    *pending = NULL;
    if (call)
        send(call);
}

static void ask(struct stock_caller *self, const struct stock_question *question)
{
    struct stock_client *client = CONTAINER_OF(self, struct stock_client, port);
    struct stock_call **pending = question->release ? &client->release : &client->reduce;

    if (!*pending)
        *pending = new_call(client, question->release);
    struct stock_call *call = *pending;
    bool added = call && add(call, question) && question_array_begin(&call->asked);
    ASSERT(added); /* without it a question would be lost: better a restart, which asks again */
    product_stock_write_question(&call->asked.body, question);
    if (call->n == client->max_batch || call->asked.body.n >= question_size_most(&client->size))
        send_pending(pending);
}

static void flush(struct stock_caller *self)
{
    struct stock_client *client = CONTAINER_OF(self, struct stock_client, port);

    send_pending(&client->release);
    send_pending(&client->reduce);
}

/* ---- making it ---- */

struct stock_caller *product_stock_client_new(struct guarded_caller *caller, const char *url, size_t max_batch,
                                              struct service *service)
{
    struct stock_client *client = heap_alloc(sizeof(*client));

    if (!client)
        return NULL;
    *client = (struct stock_client){
        .port = {.ask = ask, .flush = flush}, .caller = caller, .service = service, .max_batch = max_batch};
    question_size_init(&client->size);
    metric_register(&questions_refused);
    buf_printf(&client->reduce_url, "%s/stocks/reduce", url);
    buf_char(&client->reduce_url, '\0');
    buf_printf(&client->release_url, "%s/stocks/release", url);
    buf_char(&client->release_url, '\0');
    if (client->reduce_url.failed || client->release_url.failed) {
        product_stock_client_free(&client->port);
        return NULL;
    }
    return &client->port;
}

void product_stock_client_free(struct stock_caller *caller)
{
    if (!caller)
        return;
    struct stock_client *client = CONTAINER_OF(caller, struct stock_client, port);
    buf_free(&client->reduce_url);
    buf_free(&client->release_url);
    heap_free(client);
}
