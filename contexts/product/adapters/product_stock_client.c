#include "product_stock_client.h"

#include "alloc.h"
#include "errors.h"
#include "log.h"

enum {
    FIRST_ROOM = 8,
    MOST_LOGGED = 512,
    MOST_BODY = 48 * 1024, /* stock takes 64 KiB (http.max_body), and a question has a few hundred bytes at most */
};

struct stock_client {
    struct stock_caller port;
    struct guarded_caller *caller;
    struct service *service;
    size_t max_batch;
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
    struct buf body;
    size_t n, room;
    struct answer_command *answers;
    size_t unfinished; /* once the answers are posted: whoever finishes them, the writer or, after its end, the loop */
};

/* ---- asking: writer thread ---- */

static void free_call(struct stock_call *call)
{
    buf_free(&call->body);
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
    buf_char(&call->body, '[');
    return call;
}

/* The next answer; the array may move as long as the call isn't sent. NULL: no memory. */
static struct answer_command *add_answer(struct stock_call *call)
{
    if (call->n == call->room) {
        size_t room = call->room ? call->room * 2 : FIRST_ROOM;
        struct answer_command *more = heap_resize(call->answers, room * sizeof(*more));
        if (!more)
            return NULL;
        call->answers = more;
        call->room = room;
    }
    return &call->answers[call->n++];
}

static void write_question(struct buf *body, const struct stock_question *question)
{
    BUF_LIT(body, "{\"reservationId\":\"");
    buf_char(body, question->order_id ? 'o' : 't');
    buf_i64(body, question->order_id ? question->order_id : question->ticket_id);
    buf_char(body, '.');
    buf_i64(body, question->attempt);
    buf_char(body, '"');
    if (!question->release) {
        BUF_LIT(body, ",\"productName\":");
        buf_json_string(body, question->product_name);
        BUF_LIT(body, ",\"qty\":");
        buf_i64(body, question->qty);
    }
    buf_char(body, '}');
}

/* Hands the answers to the writer, in the order of the questions. */
static void post_answers(struct stock_call *call)
{
    struct writer *writer = service_writer(call->client->service);
    size_t n = call->n;

    call->unfinished = n;
    buf_free(&call->body);
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

static void send(struct stock_client *client, struct stock_call **pending);

static void ask(struct stock_caller *self, const struct stock_question *question)
{
    struct stock_client *client = CONTAINER_OF(self, struct stock_client, port);
    struct stock_call **pending = question->release ? &client->release : &client->reduce;

    if (!*pending)
        *pending = new_call(client, question->release);
    struct stock_call *call = *pending;
    struct answer_command *answer = call ? add_answer(call) : NULL;
    ASSERT(answer); /* without it a question would be lost: better a restart, which asks again */
    if (call->n > 1)
        buf_char(&call->body, ',');
    write_question(&call->body, question);
    *answer = (struct answer_command){.command = {.base = {.origin = FROM_EFFECT, .finish = finish},
                                                  .ticket_id = question->ticket_id,
                                                  .intent = {.attempt = question->attempt}},
                                      .call = call};
    if (call->n == client->max_batch || call->body.n >= MOST_BODY)
        send(client, pending);
}

/* ---- answers: loop thread ---- */

static void skip_blanks(struct str *text)
{
    while (text->n && (*text->p == ' ' || *text->p == '\n' || *text->p == '\r' || *text->p == '\t')) {
        text->p++;
        text->n--;
    }
}

static bool take(struct str *text, struct str word)
{
    skip_blanks(text);
    if (!str_starts_with(*text, word))
        return false;
    text->p += word.n;
    text->n -= word.n;
    return true;
}

/* [true,false,…]: exactly as many as were asked. */
static bool read_booleans(struct str text, enum ticket_command_kind *kinds, size_t n)
{
    if (!take(&text, STR("[")))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (i && !take(&text, STR(",")))
            return false;
        if (take(&text, STR("true")))
            kinds[i] = TICKET_REDUCED;
        else if (take(&text, STR("false")))
            kinds[i] = TICKET_REFUSED;
        else
            return false;
    }
    if (!take(&text, STR("]")))
        return false;
    skip_blanks(&text);
    return text.n == 0;
}

/* Enough for a log line. */
static struct str beginning_of(struct str text)
{
    return (struct str){text.p, text.n < MOST_LOGGED ? text.n : MOST_LOGGED};
}

static void on_answer(struct guarded_call *guarded, int error)
{
    struct stock_call *call = CONTAINER_OF(guarded, struct stock_call, call);
    enum ticket_command_kind *kinds = heap_alloc(call->n * sizeof(*kinds));
    bool known = kinds && !error && guarded->http.status == 200;

    if (!error && guarded->http.status != 200)
        log_error("stock refused a question", LOG_I("status", guarded->http.status),
                  LOG_S("answer", beginning_of(buf_str(&guarded->http.reply))));
    for (size_t i = 0; known && i < call->n; i++)
        kinds[i] = TICKET_RELEASED;
    if (known && !call->release)
        known = read_booleans(buf_str(&guarded->http.reply), kinds, call->n);
    settle(call, known ? kinds : NULL);
    heap_free(kinds);
}

static void send(struct stock_client *client, struct stock_call **pending)
{
    struct stock_call *call = *pending;

    if (!call)
        return;
    *pending = NULL;
    buf_char(&call->body, ']');
    if (call->body.failed) {
        settle(call, NULL);
        return;
    }
    call->call.http = (struct http_call){.method = "POST",
                                         .url = call->release ? client->release_url.p : client->reduce_url.p,
                                         .body = buf_str(&call->body),
                                         .caller = STR("product")}; /* its reservation ids are the kitchen's */
    call->call.done = on_answer;
    guarded_call(client->caller, &call->call);
}

static void flush(struct stock_caller *self)
{
    struct stock_client *client = CONTAINER_OF(self, struct stock_client, port);

    send(client, &client->release);
    send(client, &client->reduce);
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
