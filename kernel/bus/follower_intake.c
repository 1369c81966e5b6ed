/* follower_intake.c: from a feed's bytes to the writer's queue.
 *
 *  bytes -> events (sse.h) -> commands, gathered per piece of bytes -> one writer_post_list()
 *
 * The position moves when a command is handed over: the writer never loses one, so nothing has to be asked for twice.
 */
#include "follower_internal.h"

#include "bare_command.h"
#include "clock.h"
#include "errors.h"

/* Events that are not for us move the cursor with the next one that is, or by themselves after so long: a commit for
 * them alone is not worth while, and they must not be asked for again when the producer has long forgotten them. */
enum { SKIPPING_US = 50000 };

static void gather(struct follower *follower, struct command *command, uint64_t position)
{
    command->next = NULL;
    command->origin = FROM_FEED;
    command->source = follower->options.source;
    command->position = position;
    command->waiting = &follower->waiting;
    if (follower->first)
        follower->last->next = command;
    else
        follower->first = command;
    follower->last = command;
    follower->n++;
    follower->skipped = 0; /* this one moves the cursor past them too */
}

/* In the order in which they came, so 1 behind the last; the same one again is harmless (the server is older than our
 * wish), a gap is not. */
static int check_position(struct follower *follower, struct str id, uint64_t *position)
{
    if (!str_to_u64(id, position)) {
        log_error("feed sends an event without a position", LOG_T("producer", follower->options.producer),
                  LOG_I("after", follower->position));
        return E_FOREIGN;
    }
    if (*position > follower->position + 1) {
        log_error("feed leaves out events", LOG_T("producer", follower->options.producer),
                  LOG_I("after", follower->position), LOG_I("came", *position));
        return E_FOREIGN;
    }
    return OK;
}

static int on_event(void *context, const struct sse_event *event)
{
    struct follower *follower = context;
    uint64_t position = 0;
    const char *reason = NULL;
    int rc = check_position(follower, event->id, &position);

    if (rc != OK || position <= follower->position)
        return rc;
    struct command *command =
        follower->options.decode(follower->options.context, follower->options.source, event->data, &reason);
    if (!command && reason) {
        if (reason == error_text(E_MEMORY))
            return E_MEMORY;
        command = bare_command_new(COMMAND_DEAD, str_of(reason), event->data);
        if (!command)
            return E_MEMORY;
    }
    if (command)
        gather(follower, command, position);
    else
        follower->skipped = position;
    follower->position = position;
    follower->back_off_us = FOLLOWER_BACK_OFF_LEAST_US; /* it works; a connection alone doesn't say so */
    return OK;
}

static void hand_over(struct follower *follower)
{
    if (follower->n == 0)
        return;
    follower_metrics_moved(follower->metrics, follower->position);
    atomic_fetch_add_explicit(&follower->waiting, (int64_t)follower->n, memory_order_relaxed);
    writer_post_list(follower->writer, follower->first, follower->last, follower->n);
    follower->first = NULL;
    follower->last = NULL;
    follower->n = 0;
}

/* Without memory for it the cursor moves with a later command. */
void follower_move_past_skipped(struct follower *follower)
{
    loop_timer_cancel(follower->loop, &follower->skipping);
    struct command *skip = follower->skipped ? bare_command_new(COMMAND_SKIP, (struct str){0}, (struct str){0}) : NULL;
    if (!skip)
        return;
    gather(follower, skip, follower->skipped);
    hand_over(follower);
}

int follower_enter_epoch(struct follower *follower, uint64_t epoch)
{
    if (epoch == EPOCH_UNKNOWN || epoch == follower->epoch)
        return OK;
    follower_move_past_skipped(follower);
    struct command *command = bare_command_new(COMMAND_EPOCH, (struct str){0}, (struct str){0});
    if (!command)
        return E_MEMORY;
    gather(follower, command, epoch);
    hand_over(follower);
    follower->epoch = epoch;
    return OK;
}

int follower_take(struct follower *follower, const char *bytes, size_t n)
{
    int rc = sse_feed(&follower->parser, bytes, n, on_event, follower);

    hand_over(follower);
    if (follower->skipped && follower->skipping.due_us == 0)
        loop_timer_set(follower->loop, &follower->skipping, clock_monotonic() + SKIPPING_US);
    return rc;
}

bool follower_pass_over(struct follower *follower, uint64_t epoch, uint64_t position)
{
    struct command *gap = bare_command_new(COMMAND_GAP, (struct str){0}, (struct str){0});

    if (!gap || follower_enter_epoch(follower, epoch)) {
        if (gap)
            gap->finish(gap, OK);
        return false;
    }
    log_warning("events that are no longer kept are passed over", LOG_T("producer", follower->options.producer),
                LOG_I("after", follower->position), LOG_I("next", position + 1));
    follower->position = position;
    gather(follower, gap, position);
    hand_over(follower);
    return true;
}
