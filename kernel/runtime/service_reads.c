/* service_reads.c: whether those who read a store on a server get through to it: they have connections of their own,
 * and the writer's says nothing about these. */
#include "service_internal.h"

#include "base.h"
#include "clock.h"
#include "errors.h"

static void look(struct read_job *job, struct sql *sql)
{
    struct read_look *self = CONTAINER_OF(job, struct read_look, job);

    /* One that had to wait for others for too long has nothing to say. */
    if (clock_monotonic() < job->until_us) {
        int error = self->store->look_read(self->store, sql);
        if (error != E_TIMEOUT)
            atomic_store_explicit(&self->error, error, memory_order_relaxed);
    }
    atomic_store_explicit(&self->under_way, false, memory_order_release);
}

/* Who is that busy reads. */
static void let_be(struct read_job *job)
{
    atomic_store_explicit(&CONTAINER_OF(job, struct read_look, job)->under_way, false, memory_order_release);
}

void service_look_at_reads(struct service *service)
{
    static const int64_t rows[SERVICE_READ_LOOKS] = {1, 1, INT64_MAX}; /* of the lane of rows, of few and of many */
    struct store *store = service->parts.store;

    if (!store->look_read || !service->parts.reader)
        return;
    for (size_t i = 0; i < SERVICE_READ_LOOKS; i++) {
        struct read_look *self = &service->read_looks[i];
        if (atomic_exchange_explicit(&self->under_way, true, memory_order_acquire))
            continue;
        self->store = store;
        self->job = (struct read_job){.run = look, .refused = let_be, .rows = rows[i]};
        if (i == 0)
            reader_post_row(service->parts.reader, &self->job);
        else
            reader_post_list(service->parts.reader, &self->job);
    }
}

bool service_can_read(const struct service *service)
{
    bool can = true;

    for (size_t i = 0; i < SERVICE_READ_LOOKS; i++)
        can = can && atomic_load_explicit(&service->read_looks[i].error, memory_order_relaxed) == OK;
    return can;
}
