#include "stock_http_command.h"

#include "errors.h"
#include "http_body.h"
#include "stock_cell.h"

/* The problem says how many there are. */
static void tell_on_hand(struct http_request *request, const struct stock *stock)
{
    struct buf number = {0};

    buf_i64(&number, stock->on_hand);
    http_extend_problem(request, "qty", buf_str(&number));
    buf_free(&number);
}

static void refuse(struct http_request *request, const struct stock_step *step)
{
    const struct stock_intent *intent = &step->intent;
    struct buf link = {0};

    switch (step->refusal) {
    case STOCK_REFUSAL_NOT_KEPT:
        if (intent->kind == STOCK_RECEIVE)
            http_fill_problem(request, 404, "productName", "no stock is kept under this name");
        else
            http_fill_problem(request, 404, NULL, "%s", stock_refusal_text(step->refusal));
        break;
    case STOCK_REFUSAL_KEPT_ALREADY:
        http_fill_problem(request, 409, "productName", "%.*s is kept already", STR_ARG(step->stock.product_name));
        buf_printf(&link, "\"%.*s/stocks/%lld\"", STR_ARG(request->base), (long long)step->stock.id);
        http_extend_problem(request, "existing", buf_str(&link));
        buf_free(&link);
        break;
    case STOCK_REFUSAL_TOO_MUCH:
        http_fill_problem(request, 409, intent->kind == STOCK_ADJUST ? "change" : "qty", "%s %s",
                          intent->kind == STOCK_ADJUST ? "change" : "qty", stock_refusal_text(step->refusal));
        break;
    case STOCK_REFUSAL_TOO_LITTLE:
        http_fill_problem(request, 409, "change", "change %s; there are %lld", stock_refusal_text(step->refusal),
                          (long long)step->stock.on_hand);
        tell_on_hand(request, &step->stock);
        break;
    case STOCK_REFUSAL_CHANGED:
        http_fill_problem(request, 412, "If-Match", "the stock %s; there are %lld now",
                          stock_refusal_text(step->refusal), (long long)step->stock.on_hand);
        tell_on_hand(request, &step->stock);
        break;
    case STOCK_REFUSAL_ANOTHER_RESERVATION:
        http_fill_problem(request, 422, "reservationId", "reservationId %s", stock_refusal_text(step->refusal));
        break;
    case STOCK_REFUSAL_NONE:
        break;
    }
}

bool stock_http_is_problem(struct client_command *self)
{
    const struct stock_step *step = self->command.steps;

    if (self->is_array)
        return false;
    if (step->verdict == STOCK_BROKEN)
        http_fill_problem(self->request, 500, NULL, "what is stored contradicts itself; nothing was changed");
    else if (step->verdict == STOCK_REFUSED)
        refuse(self->request, step);
    return step->verdict == STOCK_BROKEN || step->verdict == STOCK_REFUSED;
}

/* After the commit, or once it is sure that there is none. */
static void finish(struct command *base, int rc)
{
    struct stock_command *command = CONTAINER_OF(base, struct stock_command, base);
    const struct client_command *self = client_of(command);

    client_answer_send(self->request, rc, &command->client, self->content_type);
}

struct client_command *stock_http_command(struct http_request *request, size_t n,
                                          void (*render)(struct stock_command *), int success)
{
    struct client_command *self = ARENA_NEW(&request->arena, struct client_command);
    struct stock_step *steps = ARENA_ARRAY(&request->arena, struct stock_step, n + 1);

    if (!self || !steps) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return NULL;
    }
    *self = (struct client_command){
        .command = {.base = {.origin = FROM_CLIENT, .finish = finish},
                    .steps = steps,
                    .n = n,
                    .correlation = request->correlation_id,
                    .traceparent = request->traceparent,
                    .render = render},
        .request = request,
        .success = success,
    };
    return self;
}

bool stock_http_find_cell(const struct stock_http *http, struct http_request *request, struct str name, int32_t *cell)
{
    bool found = stock_cell_of_name(&request->arena, name, http->cells->count, cell);

    if (!found) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
    }
    return found;
}

void stock_http_submit(struct stock_http *http, struct client_command *self, const struct client_body *body)
{
    struct stock_command *command = &self->command;

    if (!body || client_read_key(self->request, body, &command->client))
        service_submit(http->base.service, self->request, &command->base);
}

void stock_http_refuse_member(struct http_request *request, bool is_array, size_t at, const char *member,
                              const char *wrong)
{
    struct buf path = {0};

    if (is_array)
        buf_printf(&path, "[%zu].", at);
    buf_add(&path, str_of(member));
    buf_char(&path, '\0');
    const char *name = path.failed ? member : path.p;
    http_problem(request, 422, name, "%s %s", name, wrong);
    buf_free(&path);
}
