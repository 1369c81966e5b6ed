/* sim_letters.c: a consumer is older than what it is told; what it can't read lies aside until somebody has mended it
 * and tries again, long after everything else has gone on. */
#include "sim_letters.h"

#include "sim_customers.h"
#include "sim_loss.h"

#include <stdlib.h>

static const char unreadable[] = "is of a later version";

/* Which events, and when each consumer is mended, is the seed's: nothing has to be remembered. */
static uint64_t draw(const struct sim *sim, enum sim_who who, size_t source, uint64_t position)
{
    struct sim_random random = {sim->options.seed ^ ((uint64_t)who << 56 | (uint64_t)source << 48 | position)};

    return sim_random_next(&random);
}

static bool is_mended(const struct sim_service *consumer)
{
    const struct sim *sim = consumer->sim;
    int64_t after = (int64_t)(draw(sim, consumer->who, 0, 0) % (uint64_t)sim->shape.busy_for);

    return sim->calm || sim->now >= sim->began + after;
}

static bool can_read(const struct sim_service *consumer, size_t source, uint64_t position)
{
    return is_mended(consumer) ||
           draw(consumer->sim, consumer->who, source, position) % 1000 >= (uint64_t)consumer->sim->shape.unreadable;
}

struct command *sim_letter_decode(struct sim_service *consumer, size_t source, uint64_t position, struct str text,
                                  const char **reason)
{
    if (can_read(consumer, source, position))
        return consumer->type->decode(consumer->decode_context, source, text, reason);
    sim_meet(consumer->sim, MET_PUT_ASIDE);
    sim_note(consumer->sim, consumer->who, "can't read", (int64_t)source, (int64_t)position, 0);
    if (!sim_has_plant(consumer->sim, PLANT_LETTER_NOT_PUT_ASIDE))
        *reason = unreadable;
    return NULL;
}

/* ---- the operator ---- */

struct operator_at_work {
    struct sim_timer timer;
    struct sim *sim;
};

static size_t source_of(const struct sim_service *service, struct str name)
{
    size_t i = 0;

    while (!str_is(name, service->cursors->source[i]))
        i++;
    return i;
}

/* As dead_letters.c: what can be read now goes through the writer again. */
static void try_again(struct sim_service *service, const struct dead_letter *letter)
{
    size_t source = source_of(service, letter->source);
    const char *reason = NULL;
    struct command *command = sim_letter_decode(service, source, letter->position, letter->frame, &reason);

    if (!command && !reason)
        command = sim_own_command(COMMAND_SKIP, (struct str){NULL, 0});
    sim_note(service->sim, SIM_WORLD, "tries a letter again", (int64_t)service->who, (int64_t)letter->position,
             command != NULL);
    if (!command) {
        sim_meet(service->sim, MET_REPLAYED_IN_VAIN);
        return;
    }
    sim_meet(service->sim, MET_REPLAYED);
    command->origin = sim_has_plant(service->sim, PLANT_LETTER_TAKEN_FOR_AN_EVENT) ? FROM_FEED : FROM_REPLAY;
    command->source = source;
    command->position = letter->position;
    sim_service_post(service, command);
}

static void look_at(struct sim_service *service)
{
    struct sim *sim = service->sim;
    struct fake_outbox *store = service->store;

    if (!service->up || !store || !store->n_dead)
        return;
    struct dead_letter *letter = &store->dead[sim_between(&sim->random, 0, (int64_t)store->n_dead - 1)];
    try_again(service, letter);
    if (sim_chance(&sim->random, 300)) {
        sim_meet(sim, MET_REPLAYED_TWICE);
        try_again(service, letter);
    }
    if (sim_has_plant(sim, PLANT_LETTER_LOST) &&
        !can_read(service, source_of(service, letter->source), letter->position))
        *letter = store->dead[--store->n_dead];
}

static void looks(struct sim_timer *timer)
{
    struct operator_at_work *operator_at_work = CONTAINER_OF(timer, struct operator_at_work, timer);
    struct sim *sim = operator_at_work->sim;

    for (size_t who = 0; who < sim->n_services; who++) {
        if (sim->calm || sim_chance(&sim->random, 500))
            look_at(sim->services[who]);
    }
    sim_set_timer_within(sim, timer, US_PER_MS, sim->calm ? 200 * US_PER_MS : sim->shape.busy_for / 4);
}

void sim_operator_comes(struct sim *sim)
{
    if (!sim->shape.unreadable)
        return;
    struct operator_at_work *operator_at_work = SIM_NEW(sim, struct operator_at_work);
    *operator_at_work = (struct operator_at_work){.timer = {.fire = looks}, .sim = sim};
    sim_set_timer_within(sim, &operator_at_work->timer, 0, sim->shape.busy_for / 2);
}

/* ---- the rules ---- */

static void accuse(const struct sim_service *service, const struct dead_letter *letter, const char *rule)
{
    sim_break(service->sim, rule, "%s puts %.*s's event %llu aside, which %.*s: %.*s", sim_who_name(service->who),
              STR_ARG(letter->source), (unsigned long long)letter->position, STR_ARG(letter->reason),
              STR_ARG(letter->frame));
}

void sim_letters_check(const struct sim_service *service)
{
    for (size_t i = 0; service->store && i < service->store->n_dead; i++) {
        if (!str_is(service->store->dead[i].reason, unreadable) &&
            !sim_loss_explains(service, &service->store->dead[i]))
            accuse(service, &service->store->dead[i], "facts don't contradict each other");
    }
}

void sim_letters_check_end(struct sim *sim)
{
    for (size_t who = 0; who < sim->n_services; who++) {
        const struct sim_service *service = sim->services[who];
        sim_letters_check(service);
        for (size_t i = 0; service->store && i < service->store->n_dead; i++) {
            if (!sim_loss_explains(service, &service->store->dead[i]))
                accuse(service, &service->store->dead[i], "what was tried again is put aside no more");
        }
    }
}
