#include "sim_rules_time.h"

#include "sim_clock.h"
#include "sim_shop.h"

#include <stdlib.h>

/* Since when a ticket is what it is. */
struct sim_since {
    enum ticket_state state;
    int64_t attempt;
    int64_t at;    /* in true time */
    uint64_t life; /* of the kitchen: over a restart its own time may begin anywhere */
    bool ran_out;  /* ever; for the first time: */
    int64_t ran_out_at;
    uint64_t ran_out_life;
};

struct sim_times {
    struct sim_since *tickets; /* by place in the store */
    size_t n, room;
    int64_t *by_hand; /* tickets that a barista has taken up */
    size_t n_by_hand, by_hand_room;
};

/* The time to think, and the time to brew, are true time. */
static void check_not_before(struct sim *sim, const struct sim_since *since, const struct ticket *ticket)
{
    int64_t took = sim->now - since->at;
    bool started = since->state == TICKET_READY && since->attempt == 1 && ticket->order_id &&
                   (ticket->state == TICKET_PRODUCING || ticket->state == TICKET_COMPLETED);
    bool done = since->state == TICKET_PRODUCING && ticket->state == TICKET_COMPLETED;

    if (since->life != sim->services[SIM_PRODUCT]->life || sim_kitchen(sim)->manual)
        return;
    if ((started && took < sim_kitchen(sim)->start_after) || (done && took < sim_kitchen(sim)->brew))
        sim_break(sim, "time: nothing is done before its time", "ticket %lld is %s after %lld us",
                  (long long)ticket->id, ticket_state_name(ticket->state), (long long)took);
}

/* Only who has waited for goods for as long as it is set to. */
static void check_given_up(struct sim *sim, const struct sim_since *since, const struct ticket *ticket)
{
    int64_t patience = sim_kitchen(sim)->give_up_after;
    bool of_this_life = since->ran_out_life == sim->services[SIM_PRODUCT]->life;

    if (!ticket->given_up || since->state == TICKET_CANCELED)
        return;
    sim_meet(sim, MET_GIVEN_UP);
    if (!patience || !ticket->order_id || (of_this_life && sim->now - since->ran_out_at < patience))
        sim_break(sim, "time: nobody is given up before their time", "ticket %lld (order %lld) after %lld us",
                  (long long)ticket->id, (long long)ticket->order_id, (long long)(sim->now - since->ran_out_at));
}

static struct sim_times *times_of(struct sim *sim)
{
    if (!sim->times)
        sim->times = SIM_NEW(sim, struct sim_times);
    return sim->times;
}

void sim_rules_note_hand(struct sim *sim, int64_t ticket_id)
{
    struct sim_times *times = times_of(sim);

    times->by_hand = fake_grow(times->by_hand, times->n_by_hand, 1, &times->by_hand_room, sizeof(int64_t));
    times->by_hand[times->n_by_hand++] = ticket_id;
}

static void check_by_hand(struct sim *sim, const struct sim_since *since, const struct ticket *ticket)
{
    const struct sim_times *times = sim->times;
    size_t i = 0;

    if (!sim_kitchen(sim)->manual || since->state != TICKET_READY || ticket->state != TICKET_PRODUCING)
        return;
    while (i < times->n_by_hand && times->by_hand[i] != ticket->id)
        i++;
    if (i == times->n_by_hand)
        sim_break(sim, "a barista's work is done by nobody else", "ticket %lld is started", (long long)ticket->id);
}

static int64_t longest_wait(const struct sim *sim, enum ticket_state state)
{
    if (state == TICKET_READY)
        return sim_kitchen(sim)->start_after;
    if (state == TICKET_OUT_OF_STOCK)
        return sim_kitchen(sim)->give_up_after;
    return state == TICKET_PRODUCING ? sim_kitchen(sim)->brew : 0;
}

/* Batches follow each other by 1 us of the kitchen's own time at least, also when there is none in true time. */
static void check_not_behind(struct sim *sim, const struct ticket *ticket)
{
    const struct sim_service *product = sim->services[SIM_PRODUCT];
    int64_t wait = ticket->due_at - sim_clock_now(product);

    if (product->up && product->runs_well && wait > longest_wait(sim, ticket->state) + US_PER_MS)
        sim_break(sim, "time: nothing waits longer than it is set to", "ticket %lld is %s for %lld us more",
                  (long long)ticket->id, ticket_state_name(ticket->state), (long long)wait);
}

static void note_since(struct sim_times *times, const struct ticket *ticket, int64_t now, uint64_t life)
{
    times->tickets = fake_grow(times->tickets, times->n, 1, &times->room, sizeof(*times->tickets));
    times->tickets[times->n++] = (struct sim_since){
        .state = ticket->state,
        .attempt = ticket->attempt,
        .at = now,
        .life = life,
        .ran_out = ticket->waits_since != 0,
        .ran_out_at = now,
        .ran_out_life = life,
    };
}

static void note_change(struct sim_since *since, const struct ticket *ticket, int64_t now, uint64_t life)
{
    if (since->state == ticket->state && since->attempt == ticket->attempt)
        return;
    if (ticket->state == TICKET_OUT_OF_STOCK && !since->ran_out) {
        since->ran_out = true;
        since->ran_out_at = now;
        since->ran_out_life = life;
    }
    since->state = ticket->state;
    since->attempt = ticket->attempt;
    since->at = now;
    since->life = life;
}

void sim_rules_check_times(struct sim *sim)
{
    const struct fake_product_repo *tickets = sim_tickets(sim);
    uint64_t life = sim->services[SIM_PRODUCT]->life;

    struct sim_times *times = times_of(sim);

    for (size_t i = 0; i < tickets->n; i++) {
        const struct ticket *ticket = &tickets->tickets[i];
        if (i == times->n)
            note_since(times, ticket, sim->now, life);
        struct sim_since *since = &times->tickets[i];
        check_by_hand(sim, since, ticket);
        check_not_before(sim, since, ticket);
        check_given_up(sim, since, ticket);
        check_not_behind(sim, ticket);
        note_change(since, ticket, sim->now, life);
    }
}

void sim_rules_forget_times(struct sim *sim)
{
    const struct fake_product_repo *tickets = sim_tickets(sim);
    struct sim_times *times = times_of(sim);

    times->n = 0;
    for (size_t i = 0; i < tickets->n; i++)
        note_since(times, &tickets->tickets[i], sim->now, 0);
}

void sim_rules_free_times(struct sim *sim)
{
    if (!sim->times)
        return;
    free(sim->times->tickets);
    free(sim->times->by_hand);
}
