#include "sim_epochs.h"

#include "sim_memory.h"
#include "sim_service.h"

static const int64_t back_off = 2 * (int64_t)US_PER_S;

void sim_epoch_begin(struct sim_service *service)
{
    struct sim_epochs *epochs = &service->epochs;
    if (service->who == SIM_VIEW)
        return; /* nobody follows it */
    uint64_t number = (sim_random_next(&service->sim->random) & INT64_MAX) | 2;
    uint64_t left = sim_memory_pause(service->sim);
    int rc;

    if (service->type->begin_epoch)
        rc = service->type->begin_epoch(service, number, &epochs->history);
    else
        rc = feed_history_add(&epochs->history, (struct feed_epoch){number, service->committed});
    ASSERT(!rc);
    sim_memory_resume(left);
    bool other = epochs->file && !feed_history_knows(&epochs->history, epochs->file);
    if (other && !sim_has_plant(service->sim, PLANT_DATA_NOT_COMPARED)) {
        sim_note(service->sim, service->who, "finds other data", 0, 0, 0);
        sim_meet(service->sim, MET_OTHER_DATA_FOUND);
        epochs->barred = true;
        return;
    }
    epochs->file = number;
}

static void post(struct sim_follower *follower, enum command_fate fate, uint64_t position)
{
    struct command *command = sim_own_command(fate, (struct str){NULL, 0});

    command->origin = FROM_FEED;
    command->source = follower->source;
    command->position = position;
    sim_service_post(follower->consumer, command);
}

void sim_epoch_enter(struct sim_follower *follower, uint64_t epoch)
{
    if (follower->epoch == epoch)
        return;
    follower->epoch = epoch;
    post(follower, COMMAND_EPOCH, epoch);
}

/* Whether the producer, which follows us, has read what we have never said. */
static bool is_overtaken(const struct sim_follower *follower)
{
    const struct sim_service *self = follower->consumer;

    for (size_t i = 0; i < follower->producer->n_followers; i++) {
        const struct sim_follower *other = &follower->producer->followers[i];
        struct feed_cursor cursor = {other->epoch, other->position};
        if (other->producer == self && cursor.epoch > EPOCH_REFUSED &&
            feed_history_check(&self->epochs.history, cursor, self->committed, 0) == CURSOR_FOREIGN)
            return true;
    }
    return false;
}

static void come_again(struct sim_follower *follower)
{
    follower->under_way = true;
    sim_set_timer_within(follower->consumer->sim, &follower->timer, back_off / 2, back_off);
}

static void refuse(struct sim_follower *follower)
{
    if (!follower->refused)
        sim_note(follower->consumer->sim, follower->consumer->who, "is refused", (int64_t)follower->source,
                 (int64_t)follower->position, 0);
    sim_meet(follower->consumer->sim, MET_FOLLOWER_REFUSED);
    follower->refused = true;
    if (follower->epoch == EPOCH_UNKNOWN)
        sim_epoch_enter(follower, EPOCH_REFUSED);
    come_again(follower);
}

bool sim_epoch_admits(struct sim_follower *follower)
{
    struct sim_service *producer = follower->producer, *self = follower->consumer;
    bool ignored = sim_has_plant(self->sim, PLANT_EPOCHS_IGNORED);
    struct feed_cursor cursor = {ignored ? EPOCH_UNKNOWN : follower->epoch, follower->position};

    switch (feed_history_check(&producer->epochs.history, cursor, producer->committed, sim_feed_oldest(producer))) {
    case CURSOR_FOREIGN:
        refuse(follower);
        return false;
    case CURSOR_TOO_OLD:
        if (sim_has_plant(self->sim, PLANT_GAP_IS_PASSED_OVER))
            break;
        sim_feed_gap(follower);
        return false;
    case CURSOR_GOES_ON:
        break;
    }
    if (!ignored && is_overtaken(follower)) {
        sim_note(self->sim, self->who, "is overtaken", (int64_t)follower->source, 0, 0);
        sim_meet(self->sim, MET_OVERTAKEN);
        sim_service_bar(self);
        return false;
    }
    follower->refused = false;
    sim_epoch_enter(follower, feed_history_epoch(&producer->epochs.history));
    return true;
}

/* ---- the truth about it ---- */

void sim_epoch_note_read(struct sim_follower *follower, uint64_t position, struct str text)
{
    while (follower->n_read < position) {
        follower->read = fake_grow(follower->read, follower->n_read, 1, &follower->read_room, sizeof(struct str));
        follower->read[follower->n_read++] = (struct str){NULL, 0};
    }
    follower->read[position - 1] = text;
}

void sim_epoch_forget_read(struct sim_follower *follower, uint64_t position)
{
    if (follower->n_read > position)
        follower->n_read = position;
}

bool sim_epoch_is_one_history(const struct sim_follower *follower)
{
    const struct sim_feed *feed = &follower->producer->feed;

    for (size_t i = 0; i < follower->n_read; i++) {
        if (follower->read[i].p && (i >= feed->n || !str_eq(follower->read[i], feed->events[i].text)))
            return false;
    }
    return true;
}
