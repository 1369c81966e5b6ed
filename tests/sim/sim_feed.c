#include "sim_feed.h"

#include "alloc.h"
#include "errors.h"
#include "event.h"
#include "sim_letters.h"
#include "sim_loss.h"
#include "sim_memory.h"
#include "sim_rules_story.h"
#include "sim_service.h"
#include "sse.h"

#include <stdlib.h>

enum { MAX_EVENT = 1 << 16, MOST_AT_ONCE = 8 };

/* ---- the producer's side ---- */

struct no_data {
    int64_t id;
};
static const struct json_field no_fields[] = {
    JSON_FIELD(struct no_data, "id", id, JSON_I64, JSON_NULLABLE, INT64_MIN, INT64_MAX)};
static const struct json_desc no_desc = {"data", no_fields, COUNT_OF(no_fields), sizeof(struct no_data)};

/* Rule 9 begins here: an aggregate's events have growing versions, and are a story. */
static void check_version(struct sim_service *producer, const struct sim_event *event)
{
    const struct sim_feed *feed = &producer->feed;
    const struct sim_event *last = NULL;

    for (size_t i = feed->n; i-- > 0 && !last;) {
        if (str_eq(feed->events[i].subject, event->subject) && feed->events[i].aggregate == event->aggregate)
            last = &feed->events[i];
    }
    if (last && last->version >= event->version)
        sim_break(producer->sim, "9: events in the order in which they happened",
                  "%s tells %.*s version %lld behind version %lld", sim_who_name(producer->who),
                  STR_ARG(event->subject), (long long)event->version, (long long)last->version);
    sim_rules_check_story(producer, event->subject, last ? last->type : STR(""), event->type);
}

static int on_published(void *context, const struct sse_event *sse)
{
    struct sim_service *producer = context;
    struct sim *sim = producer->sim;
    struct sim_feed *feed = &producer->feed;
    struct event envelope;
    struct no_data data;
    struct json_error error;
    uint64_t position;

    if (!str_to_u64(sse->id, &position) || position > feed->n + 1) {
        sim_break(sim, "9: a feed has no gap", "%s sends %.*s behind %zu", sim_who_name(producer->who),
                  STR_ARG(sse->id), feed->n);
        return 1;
    }
    struct str text = arena_copy(&sim->arena, sse->data);
    if (position <= feed->n) {
        if (!str_eq(text, feed->events[position - 1].text))
            sim_break(sim, "9: what was told stays told", "%s tells another event %llu than before",
                      sim_who_name(producer->who), (unsigned long long)position);
        return 0;
    }
    if (!event_decode(text, &envelope, &no_desc, &data, &sim->arena, &error)) {
        sim_break(sim, "events can be read", "%s: %s", sim_who_name(producer->who), error.reason);
        return 1;
    }
    struct sim_event event = {text, envelope.type, envelope.subject, sim->now, data.id, envelope.version};
    check_version(producer, &event);
    feed->events = fake_grow(feed->events, feed->n, 1, &feed->room, sizeof(event));
    feed->events[feed->n++] = event;
    sim_note(sim, producer->who, "tells event", (int64_t)position, event.version, (int64_t)str_hash(event.type));
    return 0;
}

static void wake_followers(struct sim_service *producer);

void sim_feed_publish(struct sim_service *producer, struct str frames)
{
    struct sse_parser parser;

    sse_init(&parser, MAX_EVENT);
    sse_feed(&parser, frames.p, frames.n, on_published, producer);
    sse_free(&parser);
    wake_followers(producer);
}

void sim_feed_reload(struct sim_service *producer)
{
    struct buf frames = {0};
    uint64_t oldest;

    if (producer->feed.n > producer->committed)
        producer->feed.n = producer->committed;
    if (producer->store)
        fake_outbox_read(producer->store, producer->feed.n, &frames);
    else
        producer->type->read_outbox(producer, producer->feed.n, SIZE_MAX, &frames, &oldest);
    if (frames.n)
        sim_feed_publish(producer, buf_str(&frames));
    buf_free(&frames);
    wake_followers(producer);
}

uint64_t sim_feed_oldest(struct sim_service *producer)
{
    struct buf frames = {0};
    uint64_t oldest = 0;

    if (producer->store)
        return fake_outbox_oldest(producer->store);
    producer->type->read_outbox(producer, 0, 1, &frames, &oldest);
    buf_free(&frames);
    return oldest;
}

void sim_feed_free(struct sim_service *service)
{
    free(service->feed.events);
    for (size_t i = 0; i < service->n_followers; i++) {
        free(service->followers[i].seen);
        free(service->followers[i].read);
    }
    feed_history_free(&service->epochs.history);
}

/* ---- the consumer's side ---- */

static void come_soon(struct sim_follower *follower)
{
    struct sim *sim = follower->consumer->sim;

    if (follower->under_way || !follower->consumer->up || !follower->producer->up)
        return;
    follower->under_way = true;
    if (sim_fault(sim, sim->shape.feed_cut))
        sim_set_timer_within(sim, &follower->timer, 5 * US_PER_S, 30 * US_PER_S);
    else if (sim_fault(sim, sim->shape.feed_late))
        sim_set_timer_within(sim, &follower->timer, 100 * US_PER_MS, 8 * US_PER_S);
    else
        sim_set_timer_within(sim, &follower->timer, 0, 20 * US_PER_MS);
}

static void wake_followers(struct sim_service *producer)
{
    for (size_t who = 0; who < producer->sim->n_services; who++) {
        struct sim_service *consumer = producer->sim->services[who];
        for (size_t i = 0; consumer && i < consumer->n_followers; i++) {
            if (consumer->followers[i].producer == producer)
                come_soon(&consumer->followers[i]);
        }
    }
}

/* Rule 9 as this consumer sees it. */
static void check_order(struct sim_follower *follower, uint64_t position, const struct sim_event *event)
{
    size_t i = 0;

    if (position <= follower->highest)
        return;
    follower->highest = position;
    while (i < follower->n_seen &&
           (!str_eq(follower->seen[i].subject, event->subject) || follower->seen[i].aggregate != event->aggregate))
        i++;
    if (i == follower->n_seen) {
        follower->seen = fake_grow(follower->seen, follower->n_seen, 1, &follower->seen_room, sizeof(*follower->seen));
        follower->seen[follower->n_seen++] = (struct sim_seen){event->subject, event->aggregate, 0};
    }
    if (event->version <= follower->seen[i].version)
        sim_break(follower->consumer->sim, "9: everyone sees events in the order in which they happened",
                  "%s gets %.*s version %lld behind version %lld", sim_who_name(follower->consumer->who),
                  STR_ARG(event->subject), (long long)event->version, (long long)follower->seen[i].version);
    follower->seen[i].version = event->version;
}

/* false: there is no memory for it; it has to come again. */
static bool hand_over(struct sim_follower *follower, uint64_t position, struct str text, bool last)
{
    struct sim_service *consumer = follower->consumer;
    const char *reason = NULL;

    sim_memory_may_fail(consumer->sim);
    struct command *command = sim_letter_decode(consumer, follower->source, position, text, &reason);
    if (sim_memory_is_back(consumer->sim) && !command && reason == error_text(E_MEMORY)) {
        sim_meet(consumer->sim, MET_MEMORY_ENDED_READING);
        if (!sim_has_plant(consumer->sim, PLANT_EVENT_WITHOUT_MEMORY))
            return false;
        reason = NULL;
    }
    if (!command && reason)
        command = sim_own_command(COMMAND_DEAD, str_of(reason));
    if (command && command->fate == COMMAND_DEAD)
        command->frame = text;
    if (!command && last)
        command = sim_own_command(COMMAND_SKIP, (struct str){NULL, 0});
    if (!command)
        return true;
    command->origin = FROM_FEED;
    command->source = follower->source;
    command->position = position;
    sim_service_post(consumer, command);
    return true;
}

/* The event that comes in the place of `position`. */
static const struct sim_event *event_at(struct sim_follower *follower, uint64_t position)
{
    const struct sim_feed *feed = &follower->producer->feed;
    struct sim *sim = follower->consumer->sim;

    if (sim_has_plant(sim, PLANT_EVENTS_OUT_OF_ORDER)) {
        uint64_t other = position % 2 ? position + 1 : position - 1;
        if (other >= 1 && other <= feed->n &&
            str_eq(feed->events[other - 1].subject, feed->events[position - 1].subject))
            return &feed->events[other - 1];
    }
    return &feed->events[position - 1];
}

/* `coffeeshop feeds CONSUMER resume PRODUCER`, as follower_skip_gap() does it. */
static void resumes(struct sim_timer *timer)
{
    struct sim_follower *follower = CONTAINER_OF(timer, struct sim_follower, resume);
    struct sim *sim = follower->consumer->sim;
    uint64_t gone = follower->gap_until;

    if (!follower->has_gap || !follower->consumer->up || follower->consumer->epochs.barred ||
        gone <= follower->position)
        return;
    sim_note(sim, follower->consumer->who, "passes events over", (int64_t)follower->source, (int64_t)follower->position,
             (int64_t)gone);
    sim_loss_note(follower, gone);
    sim_epoch_enter(follower, follower->gap_epoch);
    struct command *skip =
        sim_own_command(sim_has_plant(sim, PLANT_GAP_IS_A_SKIP) ? COMMAND_SKIP : COMMAND_GAP, (struct str){NULL, 0});
    skip->origin = FROM_FEED;
    skip->source = follower->source;
    skip->position = follower->position = gone;
    sim_service_post(follower->consumer, skip);
    follower->has_gap = false;
    come_soon(follower);
}

void sim_feed_gap(struct sim_follower *follower)
{
    struct sim *sim = follower->consumer->sim;

    if (!follower->has_gap)
        sim_note(sim, follower->consumer->who, "needs what is gone", (int64_t)follower->source,
                 (int64_t)follower->position, 0);
    sim_meet(sim, MET_GAP);
    follower->has_gap = true;
    follower->gap_epoch = feed_history_epoch(&follower->producer->epochs.history);
    follower->gap_until = sim_feed_gone(follower->producer);
    follower->resume.fire = resumes;
    sim_set_timer_within(sim, &follower->resume, 0, 5 * US_PER_S);
}

static void deliver(struct sim_timer *timer)
{
    struct sim_follower *follower = CONTAINER_OF(timer, struct sim_follower, timer);
    struct sim *sim = follower->consumer->sim;
    const struct sim_feed *feed = &follower->producer->feed;

    follower->under_way = false;
    if (!follower->consumer->up || follower->consumer->epochs.barred || !follower->producer->up)
        return;
    uint64_t gone = sim_feed_gone(follower->producer);
    if (!sim->split && sim_fault(sim, sim->shape.feed_again) && follower->position > gone)
        follower->position -= (uint64_t)sim_between(&sim->random, 1, (int64_t)(follower->position - gone));
    if (!sim_epoch_admits(follower))
        return;
    uint64_t end = follower->position + (uint64_t)sim_between(&sim->random, 1, MOST_AT_ONCE);
    if (end > feed->n)
        end = feed->n;
    sim_note(sim, follower->consumer->who, "follows", (int64_t)follower->source, (int64_t)follower->position,
             (int64_t)end);
    if (follower->position < gone)
        follower->position = gone; /* GAP_IS_PASSED_OVER */
    if (follower->position < end && sim->split && !sim_epoch_is_one_history(follower))
        sim_break(sim, "data: nobody goes on in another history than the one they have read", "%s does, with %s's",
                  sim_who_name(follower->consumer->who), sim_who_name(follower->producer->who));
    for (uint64_t at = follower->position + 1; at <= end; at++) {
        const struct sim_event *event = event_at(follower, at);
        if (at > follower->producer->committed)
            sim_break(sim, "what is told has happened", "%s gets event %llu of %s's, which is not committed",
                      sim_who_name(follower->consumer->who), (unsigned long long)at,
                      sim_who_name(follower->producer->who));
        check_order(follower, at, event);
        if (!hand_over(follower, at, event->text, at == end))
            break;
        sim_epoch_note_read(follower, at, event->text);
        follower->position = at;
    }
    if (follower->position < feed->n)
        come_soon(follower);
}

void sim_follow(struct sim_service *consumer, size_t source, struct sim_service *producer)
{
    ASSERT(source == consumer->n_followers);
    consumer->followers[consumer->n_followers++] =
        (struct sim_follower){.timer = {.fire = deliver}, .consumer = consumer, .producer = producer, .source = source};
}

void sim_followers_restart(struct sim_service *consumer)
{
    for (size_t i = 0; i < consumer->n_followers; i++) {
        struct sim_follower *follower = &consumer->followers[i];
        follower->position = consumer->cursors->position[follower->source];
        follower->epoch = consumer->cursors->epoch[follower->source];
        follower->has_gap = follower->refused = false;
        sim_epoch_forget_read(follower, follower->position);
        come_soon(follower);
    }
}

/* A command that isn't the context's: no more than the core's part of one. */
static void finish_own(struct command *command, int rc)
{
    UNUSED(rc);
    heap_free(command);
}

struct command *sim_own_command(enum command_fate fate, struct str reason)
{
    struct command *own = heap_alloc(sizeof(*own));

    ASSERT(own);
    *own = (struct command){.fate = fate, .reason = reason, .finish = finish_own};
    return own;
}
