#include "sim_rules_story.h"

#include "sim_loss.h"
#include "sim_rules.h"

/* ---- what is told ---- */

static const struct {
    struct str next, last; /* an empty last: it may be the first */
} stories[] = {
    {STR_INIT("Ordered"), STR_INIT("")},
    {STR_INIT("OrderCanceled"), STR_INIT("Ordered")},
    {STR_INIT("ProductionStarted"), STR_INIT("")},
    {STR_INIT("ProductionStarted"), STR_INIT("ProductRequeued")},
    {STR_INIT("Produced"), STR_INIT("ProductionStarted")},
    {STR_INIT("OutOfStock"), STR_INIT("")},
    {STR_INIT("OutOfStock"), STR_INIT("ProductRequeued")},
    {STR_INIT("ProductRequeued"), STR_INIT("OutOfStock")},
    {STR_INIT("ProductCanceled"), STR_INIT("")},
    {STR_INIT("ProductCanceled"), STR_INIT("OutOfStock")},
    {STR_INIT("ProductCanceled"), STR_INIT("ProductRequeued")},
    {STR_INIT("PaymentApproved"), STR_INIT("")},
    {STR_INIT("PaymentCanceled"), STR_INIT("")},
    {STR_INIT("PaymentCanceled"), STR_INIT("PaymentApproved")},
};

void sim_rules_check_story(struct sim_service *teller, struct str subject, struct str last, struct str next)
{
    if (teller->who == SIM_STOCK)
        return;
    for (size_t i = 0; i < COUNT_OF(stories); i++) {
        if (str_eq(stories[i].next, next) && str_eq(stories[i].last, last))
            return;
    }
    sim_break(teller->sim, "9: what is told can have happened", "%s tells %.*s of %.*s behind \"%.*s\"",
              sim_who_name(teller->who), STR_ARG(next), STR_ARG(subject), STR_ARG(last));
}

/* ---- what is known ---- */

static enum order_state known_as(const struct ticket *ticket)
{
    switch (ticket->state) {
    case TICKET_OUT_OF_STOCK:
        return ORDER_OUT_OF_STOCK;
    case TICKET_PRODUCING:
        return ORDER_PRODUCING;
    case TICKET_COMPLETED:
        return ORDER_COMPLETED;
    case TICKET_CANCELED:
        return ORDER_CANCELED;
    default:
        return ORDER_REQUESTED;
    }
}

void sim_rules_check_told(struct sim *sim)
{
    const struct fake_order_repo *orders = sim_orders(sim);
    const struct fake_product_repo *tickets = sim_tickets(sim);
    const struct cursors *heard = &orders->outbox.cursors;

    if (heard->n == 0 || heard->position[0] != sim->services[SIM_PRODUCT]->committed || orders->outbox.n_dead)
        return;
    for (size_t i = 0; i < tickets->n; i++) {
        const struct ticket *ticket = &tickets->tickets[i];
        const struct order *order = ticket->order_id ? fake_order_repo_find(orders, ticket->order_id) : NULL;
        if (order && sim_loss_is_of_order(sim, SIM_ORDER, order->id))
            continue;
        if (order && ticket->state != TICKET_TOMBSTONE && order->state != known_as(ticket))
            sim_break(sim, "whoever has heard all of it knows it", "order %lld is %s, and its ticket %s",
                      (long long)order->id, order_state_name(order->state), ticket_state_name(ticket->state));
    }
}

/* ---- what is answered ---- */

static bool is_started(const struct ticket *ticket)
{
    return ticket && (ticket->state == TICKET_PRODUCING || ticket->state == TICKET_COMPLETED);
}

void sim_rules_check_order_answer(const struct sim_order_request *request, const struct order_command *command)
{
    struct sim *sim = request->base.sim;
    int64_t order_id = request->order_id;
    const struct order *order = fake_order_repo_find(sim_orders(sim), order_id);
    const struct ticket *ticket = fake_product_repo_find_order(sim_tickets(sim), order_id);
    bool refused = command->verdict == ORDER_REFUSED;
    bool unknown = refused && command->refusal == ORDER_REFUSAL_NO_SUCH_ORDER;

    if (command->unanswered)
        return;
    if (command->verdict == ORDER_BROKEN || (order ? unknown && request->was_there : !unknown))
        sim_break(sim, "what somebody is told is so", "whether there is an order %lld is answered wrong",
                  (long long)order_id);
    else if (refused && !unknown && !is_started(ticket))
        sim_break(sim, "3: a cancel is refused only when production has started", "order %lld", (long long)order_id);
    else if (refused && command->refusal == ORDER_REFUSAL_PRODUCTION_DONE && order->state != ORDER_COMPLETED)
        sim_break(sim, "what somebody is told is so", "order %lld is said to be done", (long long)order_id);
    else if (!refused && order->state != ORDER_CANCELED)
        sim_break(sim, "3: a confirmed cancel is kept", "order %lld is %s", (long long)order->id,
                  order_state_name(order->state));
}

/* Whether the refusal can have been the truth, of a ticket that was so when it was asked and is so at the end of the
 * batch. */
static bool is_true(const struct sim_product_request *request, enum ticket_refusal refusal, enum ticket_state state)
{
    bool was_done = request->was == TICKET_COMPLETED;

    switch (refusal) {
    case TICKET_REFUSAL_CANCELED:
        return state == TICKET_CANCELED || state == TICKET_TOMBSTONE;
    case TICKET_REFUSAL_PRODUCTION_DONE:
        return state == TICKET_COMPLETED;
    case TICKET_REFUSAL_PRODUCTION_STARTED:
        return request->intent.kind == TICKET_CANCEL && !was_done &&
               (state == TICKET_PRODUCING || state == TICKET_COMPLETED);
    case TICKET_REFUSAL_NOT_STARTED:
        return request->intent.kind == TICKET_FINISH && !was_done;
    case TICKET_REFUSAL_OUT_OF_STOCK:
        return request->intent.kind == TICKET_START &&
               (state == TICKET_OUT_OF_STOCK || state == TICKET_READY || state == TICKET_CANCELED);
    case TICKET_REFUSAL_NO_SUCH_TICKET:
        return request->was == TICKET_NONE || request->was == TICKET_PENDING || request->was == TICKET_VOID;
    case TICKET_REFUSAL_NONE:
        break;
    }
    return false;
}

void sim_rules_check_ticket_answer(const struct sim_product_request *request, const struct product_command *command)
{
    struct sim *sim = request->base.sim;
    const struct ticket *ticket = fake_product_repo_find(sim_tickets(sim), request->ticket_id);
    enum ticket_state state = ticket ? ticket->state : TICKET_NONE;
    bool cancels = request->intent.kind == TICKET_CANCEL;

    if (command->unanswered)
        return;
    if (command->verdict == TICKET_REFUSAL && !is_true(request, command->refusal, state))
        sim_break(sim, "what somebody is told is so", "it is said that %s, and ticket %lld is %s",
                  ticket_refusal_text(command->refusal), (long long)request->ticket_id, ticket_state_name(state));
    else if (command->verdict == TICKET_REFUSAL && cancels && command->refusal != TICKET_REFUSAL_NO_SUCH_TICKET &&
             !is_started(ticket))
        sim_break(sim, "3: a cancel is refused only when production has started", "ticket %lld is %s",
                  (long long)request->ticket_id, ticket_state_name(state));
    else if (command->verdict != TICKET_REFUSAL && (!ticket || command->verdict == TICKET_BROKEN))
        sim_break(sim, "what somebody is told is so", "ticket %lld, which there isn't, is answered for",
                  (long long)request->ticket_id);
    else if (command->verdict != TICKET_REFUSAL && cancels && state != TICKET_CANCELED && state != TICKET_TOMBSTONE)
        sim_break(sim, "3: a confirmed cancel is kept", "ticket %lld is %s", (long long)request->ticket_id,
                  ticket_state_name(state));
    else if (command->verdict != TICKET_REFUSAL && request->intent.kind == TICKET_START && !is_started(ticket))
        sim_break(sim, "4: stock that was not deducted starts no production",
                  "the barista is told that ticket %lld is started: %s", (long long)request->ticket_id,
                  ticket_state_name(state));
}
