#include "order_product_client.h"

#include "alloc.h"
#include "errors.h"
#include "json.h"

struct product_client {
    struct order_product_caller port;
    struct guarded_caller *caller;
    struct service *service;
    const char *url;
};

/* One question under way. */
struct asking {
    struct guarded_call call;
    struct product_client *client;
    struct order_command *command;
    struct buf url;
};

/* What product answers with: the ticket, or for an order it has not heard of yet, one without an id. */
struct ticket {
    int64_t id;
};
static const struct json_field ticket_fields[] = {
    JSON_FIELD(struct ticket, "id", id, JSON_I64, JSON_NULLABLE, 1, INT64_MAX)};
static const struct json_desc ticket_desc = {"ticket", ticket_fields, COUNT_OF(ticket_fields), sizeof(struct ticket)};

static int64_t ticket_id_of(struct str reply)
{
    struct arena arena;
    struct ticket ticket = {0};
    struct json_error error;

    arena_init(&arena, 4096);
    if (!json_decode(&ticket_desc, reply, &ticket, &arena, &error))
        ticket.id = 0; /* the confirmation counts; the id comes with the event */
    arena_free(&arena);
    return ticket.id;
}

static void give_back(struct product_client *client, struct order_command *command)
{
    command->base.origin = FROM_EFFECT;
    (void)writer_post(service_writer(client->service), &command->base); /* an effect's outcome is always taken */
}

static void on_answer(struct guarded_call *call, int error)
{
    struct asking *asking = CONTAINER_OF(call, struct asking, call);
    struct order_command *command = asking->command;

    command->unanswered = error;
    if (!error && call->http.status == 200) {
        command->intent.kind = ORDER_CANCEL_CONFIRMED;
        command->intent.ticket_id = ticket_id_of(buf_str(&call->http.reply));
    } else if (!error && call->http.status == 409) {
        command->intent.kind = ORDER_CANCEL_REFUSED;
    } else if (!error) {
        command->unanswered = E_UNAVAILABLE; /* not an answer that product gives: nothing is known */
    }
    give_back(asking->client, command);
    buf_free(&asking->url);
    heap_free(asking);
}

static void cancel(struct order_product_caller *self, struct order_command *command)
{
    struct product_client *client = CONTAINER_OF(self, struct product_client, port);
    struct asking *asking = heap_alloc(sizeof(*asking));

    if (asking) {
        asking->client = client;
        asking->command = command;
        buf_printf(&asking->url, "%s/products/search/cancelByOrderId?orderId=%lld", client->url,
                   (long long)command->order_id);
        buf_char(&asking->url, '\0');
    }
    if (!asking || asking->url.failed) {
        heap_free(asking);
        command->unanswered = E_MEMORY;
        give_back(client, command);
        return;
    }
    asking->call.http = (struct http_call){.method = "PUT",
                                           .url = asking->url.p,
                                           .correlation_id = command->correlation,
                                           .traceparent = command->traceparent};
    asking->call.done = on_answer;
    guarded_call(client->caller, &asking->call);
}

struct order_product_caller *order_product_client_new(struct guarded_caller *caller, const char *url,
                                                      struct service *service)
{
    struct product_client *client = heap_alloc(sizeof(*client));

    if (!client)
        return NULL;
    *client = (struct product_client){.port = {.cancel = cancel}, .caller = caller, .service = service, .url = url};
    return &client->port;
}

void order_product_client_free(struct order_product_caller *caller)
{
    if (caller)
        heap_free(CONTAINER_OF(caller, struct product_client, port));
}
