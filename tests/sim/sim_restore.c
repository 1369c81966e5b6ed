#include "sim_restore.h"

#include "sim_customers.h"
#include "sim_letters.h"
#include "sim_payment.h"
#include "sim_provider.h"
#include "sim_rules.h"
#include "sim_rules_time.h"

#include <stdlib.h>

/* Of one process. */
struct copy {
    void *store; /* its type's */
    struct sim_event *events;
    size_t n_events;
    struct feed_epoch *epochs;
    size_t n_epochs;
    uint64_t file;
};

struct sim_backup {
    struct sim_timer taking, breaking;
    struct sim *sim;
    bool is_taken;
    struct copy copies[SIM_N_SERVICES];
    struct sim_provider provider; /* its books are put back with ours */
    struct sim_rules rules;       /* what they knew then */
    struct sim_service *victim;
    size_t commits;  /* the victim's, when its data was replaced */
    bool file_tells; /* the epoch that DATA/<name>.epoch names has begun after the copy was made */
};

/* ---- taking one ---- */

static void copy_service(struct copy *copy, struct sim_service *service)
{
    const struct feed_history *history = &service->epochs.history;

    *copy = (struct copy){
        .store = service->type->copy(service),
        .events = fake_duplicate(service->feed.events, (size_t)service->committed, sizeof(struct sim_event)),
        .n_events = (size_t)service->committed,
        .epochs = fake_duplicate(history->epochs, history->n, sizeof(struct feed_epoch)),
        .n_epochs = history->n,
        .file = service->epochs.file,
    };
}

static void copy_rules(struct sim_rules *to, const struct sim_rules *from)
{
    *to = *from;
    to->orders = fake_duplicate(from->orders, from->n_orders, sizeof(*from->orders));
    to->tickets = fake_duplicate(from->tickets, from->n_tickets, sizeof(*from->tickets));
    to->orders_room = from->n_orders;
    to->tickets_room = from->n_tickets;
    to->payments = fake_duplicate(from->payments, from->n_payments, sizeof(*from->payments));
    to->payments_room = from->n_payments;
}

/* All that is committed has been told, to whoever looks: the copies are of one moment. */
static bool is_told(const struct sim *sim)
{
    for (size_t who = 0; who < sim->n_services; who++) {
        if (sim->services[who]->feed.n < sim->services[who]->committed)
            return false;
    }
    return true;
}

static void takes(struct sim_timer *timer)
{
    struct sim_backup *backup = CONTAINER_OF(timer, struct sim_backup, taking);
    struct sim *sim = backup->sim;

    if (sim->calm || backup->victim)
        return;
    if (!is_told(sim)) {
        sim_set_timer_within(sim, timer, US_PER_MS, US_PER_S);
        return;
    }
    for (size_t who = 0; who < sim->n_services; who++)
        copy_service(&backup->copies[who], sim->services[who]);
    if (sim_provider(sim))
        sim_provider_copy(&backup->provider, sim_provider(sim));
    copy_rules(&backup->rules, sim->rules);
    backup->is_taken = true;
    sim_note(sim, SIM_WORLD, "takes a backup", 0, 0, 0);
}

/* ---- putting one back ---- */

static void put_back_epochs(struct sim_service *service, const struct copy *copy)
{
    feed_history_free(&service->epochs.history);
    for (size_t i = 0; copy && i < copy->n_epochs; i++) {
        int rc = feed_history_add(&service->epochs.history, copy->epochs[i]);
        ASSERT(!rc);
    }
}

/* NULL: an empty one. */
static void put_back(struct sim_service *service, const struct copy *copy)
{
    struct sim_feed *feed = &service->feed;

    service->type->put_back(service, copy ? copy->store : NULL);
    put_back_epochs(service, copy);
    service->committed = copy ? copy->n_events : 0;
    feed->n = 0;
    if (copy) {
        feed->events = fake_grow(feed->events, 0, copy->n_events, &feed->room, sizeof(struct sim_event));
        if (copy->n_events)
            memcpy(feed->events, copy->events, copy->n_events * sizeof(struct sim_event));
        feed->n = copy->n_events;
    }
    feed->oldest = sim_feed_oldest(service);
}

static size_t commits_of(const struct sim *sim, enum sim_who who)
{
    if (who == SIM_ORDER)
        return sim_orders(sim)->n_commits;
    if (who == SIM_PRODUCT)
        return sim_tickets(sim)->n_commits;
    if (who == SIM_PAYMENT)
        return sim_payments(sim)->n_commits;
    return (size_t)sim->services[who]->committed; /* epochs are commits, too */
}

/* A feed that says some of its events again is a fault for a whole shop: here who has read them asks for the next. */
static void ask_for_the_next(const struct sim *sim, const struct sim_service *producer)
{
    for (size_t who = 0; who < sim->n_services; who++) {
        struct sim_service *consumer = sim->services[who];
        for (size_t i = 0; i < consumer->n_followers; i++) {
            struct sim_follower *follower = &consumer->followers[i];
            if (follower->producer == producer && follower->position < follower->n_read)
                follower->position = follower->n_read;
        }
    }
}

static void breaks(struct sim_timer *timer)
{
    struct sim_backup *backup = CONTAINER_OF(timer, struct sim_backup, breaking);
    struct sim *sim = backup->sim;
    struct sim_service *victim = sim->services[sim_between(&sim->random, 0, (int64_t)sim->n_services - 1)];
    bool older = backup->is_taken && sim_chance(&sim->random, 600);
    const struct copy *copy = older ? &backup->copies[victim->who] : NULL;

    if (sim->calm)
        return;
    if (victim->up)
        sim_service_crash(victim);
    put_back(victim, copy);
    sim_note(sim, victim->who, "has other data", older, (int64_t)victim->committed, 0);
    sim_meet(sim, older ? MET_OLDER_DATA : MET_NO_DATA);
    if (victim->who == SIM_VIEW) {
        sim_meet(sim, MET_VIEW_REPLACED);
        return; /* it is made again of what the others say */
    }
    backup->victim = victim;
    ask_for_the_next(sim, victim);
    if (sim_chance(&sim->random, 300))
        victim->epochs.file = copy ? copy->file : 0; /* replaced as well */
    backup->file_tells = victim->epochs.file && !feed_history_knows(&victim->epochs.history, victim->epochs.file);
    backup->commits = commits_of(sim, victim->who);
    sim->split = true;
}

void sim_restore_begin(struct sim *sim)
{
    struct sim_backup *backup = SIM_NEW(sim, struct sim_backup);

    *backup = (struct sim_backup){.taking = {.fire = takes}, .breaking = {.fire = breaks}, .sim = sim};
    sim->backup = backup;
    if (!sim_fault(sim, sim->shape.restores) || sim_has_plant(sim, PLANT_COMMIT_NOT_DURABLE))
        return;
    sim_set_timer_within(sim, &backup->taking, 0, sim->shape.busy_for);
    sim_set_timer_within(sim, &backup->breaking, 0, sim->shape.busy_for);
}

/* ---- while the data don't fit together ---- */

static bool is_well(const struct sim_follower *follower)
{
    return !follower->refused && !follower->has_gap && !follower->consumer->epochs.barred;
}

void sim_restore_check_said(struct sim *sim)
{
    const struct sim_backup *backup = sim->backup;
    const struct sim_service *victim = backup->victim;

    if (backup->file_tells && !victim->epochs.barred)
        sim_break(sim, "data: data that isn't the one that was there is said to be so", "%s is ready",
                  sim_who_name(victim->who));
    if (backup->file_tells && commits_of(sim, victim->who) != backup->commits)
        sim_break(sim, "data: who has other data changes nothing", "%s has committed", sim_who_name(victim->who));
    for (size_t who = 0; who < sim->n_services; who++) {
        const struct sim_service *service = sim->services[who];
        for (size_t i = 0; i < service->n_followers; i++) {
            const struct sim_follower *follower = &service->followers[i];
            if (follower->producer == victim && is_well(follower) && !sim_epoch_is_one_history(follower))
                sim_break(sim, "data: data that isn't the one that was read is said to be so", "%s is ready",
                          sim_who_name(service->who));
        }
    }
}

static void forget_timers(struct sim *sim)
{
    for (size_t i = 0; i < sim->n_timers; i++)
        sim->timers[i]->set = false;
    sim->n_timers = 0;
}

static void follow_anew(struct sim_service *service)
{
    for (size_t i = 0; i < service->n_followers; i++) {
        struct sim_follower *follower = &service->followers[i];
        follower->under_way = follower->has_gap = follower->refused = false;
        follower->n_read = follower->n_seen = 0;
        follower->highest = follower->producer->committed; /* versions are looked at in what is told from now on */
    }
}

void sim_restore_everything(struct sim *sim)
{
    struct sim_backup *backup = sim->backup;

    sim_note(sim, SIM_WORLD, "puts all back", backup->is_taken, 0, 0);
    for (size_t who = 0; who < sim->n_services; who++)
        sim_service_end(sim->services[who]);
    forget_timers(sim); /* everybody has gone home */
    for (size_t who = 0; who < sim->n_services; who++) {
        struct sim_service *service = sim->services[who];
        put_back(service, backup->is_taken ? &backup->copies[who] : NULL);
        service->epochs.file = backup->is_taken ? backup->copies[who].file : 0;
        service->epochs.barred = false;
    }
    if (sim_provider(sim))
        sim_provider_put_back(sim_provider(sim), backup->is_taken ? &backup->provider : NULL);
    sim_rules_free(sim);
    if (backup->is_taken)
        copy_rules(sim->rules, &backup->rules);
    else
        sim_rules_begin(sim);
    sim_rules_forget_times(sim);
    sim->rules->order_commits = sim->rules->ticket_commits = sim->rules->stock_commits = sim->rules->payment_changes =
        SIZE_MAX;
    sim->split = false;
    sim->calm_since = sim->now;
    for (size_t who = 0; who < sim->n_services; who++)
        follow_anew(sim->services[who]);
    for (size_t who = 0; who < sim->n_services; who++)
        sim_service_start(sim->services[who]);
    sim_operator_comes(sim);
    sim_barista_comes(sim);
    sim_meet(sim, MET_ALL_PUT_BACK);
}

void sim_restore_free(struct sim *sim)
{
    struct sim_backup *backup = sim->backup;

    for (size_t who = 0; who < sim->n_services && backup->is_taken; who++) {
        sim->services[who]->type->drop_copy(backup->copies[who].store);
        free(backup->copies[who].events);
        free(backup->copies[who].epochs);
    }
    free(backup->rules.orders);
    free(backup->rules.tickets);
    free(backup->rules.payments);
    if (backup->is_taken)
        sim_provider_close(&backup->provider);
}
