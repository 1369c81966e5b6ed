#include "sim_loss.h"

#include "sim_service.h"

#include <stdio.h>

struct sim_loss {
    struct sim_loss *next;
    enum sim_who consumer, producer;
    struct str subject;
};

void sim_loss_note(struct sim_follower *follower, uint64_t until)
{
    struct sim *sim = follower->consumer->sim;

    for (uint64_t at = follower->position + 1; at <= until && at <= follower->producer->feed.n; at++) {
        struct sim_loss *loss = SIM_NEW(sim, struct sim_loss);
        *loss = (struct sim_loss){.next = sim->losses,
                                  .consumer = follower->consumer->who,
                                  .producer = follower->producer->who,
                                  .subject = follower->producer->feed.events[at - 1].subject};
        sim->losses = loss;
    }
}

bool sim_loss_is_of(const struct sim *sim, enum sim_who consumer, struct str subject)
{
    for (const struct sim_loss *loss = sim->losses; loss; loss = loss->next) {
        if ((consumer == SIM_WORLD || loss->consumer == consumer) && str_eq(loss->subject, subject))
            return true;
    }
    return false;
}

bool sim_loss_is_of_order(const struct sim *sim, enum sim_who consumer, int64_t order_id)
{
    char text[24];

    if (!sim->losses)
        return false;
    int n = snprintf(text, sizeof(text), "%lld", (long long)order_id);
    return sim_loss_is_of(sim, consumer, (struct str){text, (size_t)n});
}

bool sim_loss_is_from(const struct sim *sim, enum sim_who consumer, enum sim_who producer)
{
    for (const struct sim_loss *loss = sim->losses; loss; loss = loss->next) {
        if (loss->consumer == consumer && loss->producer == producer)
            return true;
    }
    return false;
}

bool sim_loss_explains(const struct sim_service *consumer, const struct dead_letter *dead)
{
    for (size_t i = 0; i < consumer->n_followers; i++) {
        const struct sim_feed *feed = &consumer->followers[i].producer->feed;
        if (str_is(dead->source, consumer->cursors->source[i]) && dead->position <= feed->n)
            return sim_loss_is_of(consumer->sim, consumer->who, feed->events[dead->position - 1].subject);
    }
    return false;
}
