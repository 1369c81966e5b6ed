/* sim_plants.c: the planted bugs that lie in a commit. The others lie where their port is wrapped. */
#include "errors.h"
#include "sim_memory.h"
#include "sim_shop.h"

static void plant(struct sim_service *service, struct batch *batch)
{
    static const struct outbox nothing = {0};

    switch (service->sim->options.plant) {
    case PLANT_PUBLISH_BEFORE_COMMIT:
        if (batch->outbox->count && !service->dying) {
            sim_feed_publish(service, buf_str(&batch->outbox->frames));
            service->published_early = true;
        }
        break;
    case PLANT_OUTBOX_NOT_IN_COMMIT:
        batch->outbox->count = 0;
        break;
    case PLANT_CURSOR_BEFORE_STATE:
        if (!service->dying)
            fake_outbox_write(service->store, &(struct outbox_write){.outbox = &nothing,
                                                                     .cursors = &batch->cursors,
                                                                     .cursors_moved = batch->cursors_moved});
        break;
    case PLANT_EVENTS_WITHOUT_MEMORY:
        if (batch->outbox->frames.failed)
            outbox_abandon(batch->outbox);
        break;
    case PLANT_KEYS_NOT_KEPT:
        memset(batch->record_is_new, 0, batch->keys.n);
        break;
    default:
        break;
    }
}

void sim_plant_before_commit(struct sim_service *service, struct batch *batch)
{
    uint64_t left = sim_memory_pause(service->sim);

    plant(service, batch);
    sim_memory_resume(left);
}

void sim_plant_others_time(struct sim_service *product, struct product_batch *batch)
{
    const struct sim *sim = product->sim;
    int64_t ahead = sim->now + sim->services[SIM_ORDER]->clock.off - sim_clock_now(product);

    for (size_t i = 0; i < batch->tickets.n && sim_has_plant(sim, PLANT_OTHERS_TIME_DECIDES); i++) {
        struct ticket *ticket = &batch->entries[i].ticket;
        if (batch->entries[i].is_new && ticket->state == TICKET_READY)
            ticket->due_at += ahead;
    }
}

int sim_plant_unknown(struct sim_service *service, int error)
{
    bool done = sim_has_plant(service->sim, PLANT_UNKNOWN_IS_DONE);
    bool failed = sim_has_plant(service->sim, PLANT_UNKNOWN_GOES_ON);

    if (done || failed)
        service->lost = false;
    if (done)
        return OK;
    return failed ? E_UNAVAILABLE : error;
}
