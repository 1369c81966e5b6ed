#include "order_product_client.h"

#include "alloc.h"
#include "errors.h"
#include "log.h"
#include "order_product_answer.h"

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

static void give_back(struct product_client *client, struct order_command *command)
{
    command->base.origin = FROM_EFFECT;
    (void)writer_post(service_writer(client->service), &command->base); /* an effect's outcome is always taken */
}

/* No connection, or product says that it did nothing: then nothing was. Everything else that isn't its answer leaves it
 * open. */
static void on_answer(struct guarded_call *call, int error)
{
    struct asking *asking = CONTAINER_OF(call, struct asking, call);
    struct order_command *command = asking->command;
    struct product_canceled canceled = {0};
    enum product_answer answer =
        error ? PRODUCT_ANSWER_NONE : order_product_answer(&call->http, command->order_id, &canceled);

    command->intent.ticket_id = canceled.ticket_id;
    command->intent.given_up = canceled.given_up;
    switch (answer) {
    case PRODUCT_ANSWER_CANCELED:
        command->intent.kind = ORDER_CANCEL_CONFIRMED;
        break;
    case PRODUCT_ANSWER_TOO_LATE:
        command->intent.kind = ORDER_CANCEL_REFUSED;
        break;
    case PRODUCT_ANSWER_NONE:
        command->unanswered = error == E_UNAVAILABLE ? E_UNAVAILABLE : E_OUTCOME_UNKNOWN;
        break;
    }
    if (!error && !answer)
        log_error("what answered a cancel isn't product", LOG_I("status", call->http.status),
                  LOG_I("order", command->order_id));
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
