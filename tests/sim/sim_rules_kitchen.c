/* sim_rules_kitchen.c: whatever strangers do, nothing of the kitchen's moves; and what is theirs is kept as promised.
 */
#include "sim_rules.h"

void sim_rules_cancel_is_asked(int *asked, int64_t id, int by)
{
    if (id > 0 && id < SIM_MOST_ASKED)
        asked[id] += by;
}

static bool is_asked(const int *asked, int64_t id)
{
    ASSERT(id < SIM_MOST_ASKED);
    return id > 0 && asked[id] > 0;
}

static void check_asked(struct sim *sim, const struct ticket *ticket)
{
    bool canceled = (ticket->state == TICKET_CANCELED && !ticket->given_up) || ticket->state == TICKET_TOMBSTONE;

    if (canceled && !is_asked(sim->rules->asked_orders, ticket->order_id) &&
        !is_asked(sim->rules->asked_tickets, ticket->id))
        sim_break(sim, "3: nothing is cancelled unasked", "ticket %lld (order %lld) is %s", (long long)ticket->id,
                  (long long)ticket->order_id, ticket_state_name(ticket->state));
}

/* The kitchen asks under a ticket's name when the ticket is committed, for the attempt that it has then (ADR 8). */
static void check_has_ticket(struct sim *sim, const struct sim_reservation *reservation)
{
    const struct fake_product_repo *tickets = sim_tickets(sim);
    const struct ticket *ticket = reservation->of_order ? fake_product_repo_find_order(tickets, reservation->number)
                                                        : fake_product_repo_find(tickets, reservation->number);

    if (!ticket || ticket->attempt < reservation->attempt)
        sim_break(sim, "2: nobody reserves in the kitchen's name", "%c%lld.%lld is kept, and its ticket has %lld",
                  reservation->of_order ? 'o' : 't', (long long)reservation->number, (long long)reservation->attempt,
                  (long long)(ticket ? ticket->attempt : 0));
}

void sim_rules_check_kitchen(struct sim *sim)
{
    const struct fake_product_repo *tickets = sim_tickets(sim);
    const struct sim_stock_picture *stock = &sim->rules->stock;

    for (size_t i = 0; i < tickets->n; i++)
        check_asked(sim, &tickets->tickets[i]);
    for (size_t i = 0; i < stock->n; i++)
        check_has_ticket(sim, &stock->reservations[i]);
}

/* ---- clients' own ---- */

const struct sim_client_reservation *sim_rules_client(const struct sim *sim, struct str id)
{
    const struct sim_stock_picture *stock = &sim->rules->stock;

    for (size_t i = 0; i < stock->n_clients; i++) {
        if (str_eq(stock->clients[i].id, id))
            return &stock->clients[i];
    }
    return NULL;
}

static struct sim_client_reservation *client_of(struct sim *sim, struct str id)
{
    struct sim_stock_picture *stock = &sim->rules->stock;
    const struct sim_client_reservation *known = sim_rules_client(sim, id);

    if (known)
        return &stock->clients[known - stock->clients];
    ASSERT(stock->n_clients < SIM_MOST_CLIENTS);
    struct sim_client_reservation *new = &stock->clients[stock->n_clients++];
    new->id = arena_copy(&sim->arena, id);
    ASSERT(new->id.p);
    return new;
}

void sim_rules_take_client(struct sim *sim, const struct reservation *reservation)
{
    struct sim_client_reservation *client = client_of(sim, reservation->id);
    const struct reservation *last = &client->last;

    bool goes_back = last->state == RESERVATION_RELEASED && reservation->state != RESERVATION_RELEASED;
    bool turns = last->state != RESERVATION_NONE && reservation->state != last->state &&
                 reservation->state != RESERVATION_RELEASED;
    bool other = last->qty && (last->qty != reservation->qty || last->stock_id != reservation->stock_id);
    if (goes_back || turns || other || last->deducted > reservation->deducted)
        sim_break(sim, "2: one reservation is one reduction", "%.*s of %lld was %s and is %s, of %lld",
                  STR_ARG(client->id), (long long)last->qty, reservation_state_name(last->state),
                  reservation_state_name(reservation->state), (long long)reservation->qty);
    client->last = *reservation;
    client->last.id = client->id;
    client->last.product_name = sim_items[sim_item_of(reservation->product_name) % SIM_ITEMS];
}
