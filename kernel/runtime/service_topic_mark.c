/* service_topic_mark.c: how far the relay is, noted in the store now and then: a commit for it alone is not worth
 * while, and what is behind it is only told twice. */
#include "bare_command.h"
#include "clock.h"
#include "service_topic.h"

#include "alloc.h"

enum { NOTE_US = 200000 };

struct mark_command {
    struct command base;
    struct topic_mark *mark;
};

static void finish(struct command *base, int rc)
{
    struct mark_command *self = CONTAINER_OF(base, struct mark_command, base);

    if (!rc)
        self->mark->relayed = base->position;
    heap_free(self);
}

static void post(struct loop_timer *timer)
{
    struct topic_mark *mark = CONTAINER_OF(timer, struct topic_mark, timer);
    uint64_t reached = atomic_load(&mark->reached);
    struct mark_command *command = reached > mark->posted ? heap_alloc(sizeof(*command)) : NULL;

    if (!command)
        return; /* with the next one */
    mark->posted = reached;
    *command = (struct mark_command){.base = {.origin = FROM_FEED,
                                              .fate = COMMAND_SKIP,
                                              .cell = mark->cell,
                                              .source = mark->source,
                                              .position = reached,
                                              .finish = finish},
                                     .mark = mark};
    writer_post_list(mark->service->writer, &command->base, &command->base, 1);
}

static void wait(struct loop_job *job)
{
    struct topic_mark *mark = CONTAINER_OF(job, struct topic_mark, moved);

    if (!mark->timer.due_us)
        loop_timer_set(mark->service->loop, &mark->timer, clock_monotonic() + NOTE_US);
}

void topic_mark_init(struct topic_mark *mark, struct service *service, int32_t cell, size_t source, uint64_t relayed)
{
    *mark = (struct topic_mark){.service = service,
                                .cell = cell,
                                .source = source,
                                .reached = relayed,
                                .posted = relayed,
                                .relayed = relayed,
                                .moved = {.run = wait},
                                .timer = {.fire = post}};
}

void topic_mark_moved(struct topic_mark *mark, uint64_t position)
{
    atomic_store(&mark->reached, position);
    loop_post(mark->service->loop, &mark->moved);
}

void topic_mark_stop(struct topic_mark *mark)
{
    if (mark->service)
        loop_timer_cancel(mark->service->loop, &mark->timer);
}
