#include "payment_waiting.h"

#include "clock.h"
#include "errors.h"

/* What is decided waits so long for what is decided a moment later, so that order doesn't ask for the rest once for
 * each. */
static const int64_t company_us = 10 * US_PER_MS;

bool payment_waiting_is_pending(const struct payment_step *step)
{
    return !step->key_of_another && step->payment.state == PAYMENT_PENDING;
}

static size_t count_pending(const struct payment_command *command)
{
    size_t n = 0;

    for (size_t i = 0; i < command->n; i++)
        n += payment_waiting_is_pending(&command->steps[i]);
    return n;
}

static struct str kept(const struct payment_command *command, struct str text)
{
    struct str copy = arena_copy(command->memory, text);

    return copy.p ? copy : STR("");
}

/* What has become of a payment in this batch. All that an answer says of its texts is the reason and the currency. */
static void look_at(struct payment_command *command, struct payment_step *step, struct payment_batch *batch)
{
    if (!payment_waiting_is_pending(step) || !working_set_has_number(&batch->ids, step->payment_id))
        return;
    const struct payment *payment = &batch->entries[working_set_number(&batch->ids, step->payment_id)].payment;
    step->payment = *payment;
    step->valid_us = payment->expires_at - batch->base.now;
    step->payment.reason = kept(command, payment->reason);
    step->payment.currency = kept(command, payment->currency);
}

void payment_waiting_keep(struct payment_waiting *waiting, struct payment_command *command, struct payment_batch *batch,
                          int64_t until)
{
    if (!command->memory || command->n == 0 || count_pending(command) < command->n)
        return;
    for (size_t i = 0; i < command->n; i++) {
        command->steps[i].payment.reason = STR(""); /* its texts are the batch's, and none is said of it */
        look_at(command, &command->steps[i], batch);
    }
    if (count_pending(command) < command->n) {
        command->render(command); /* it was decided behind its question, in the same batch */
        return;
    }
    command->base.kept = true;
    command->wait_until = command->hurried_to && command->hurried_to < until ? command->hurried_to : until;
    command->next_waiting = NULL;
    if (waiting->last)
        waiting->last->next_waiting = command;
    else
        waiting->first = command;
    waiting->last = command;
}

/* The first that is decided shortens the wait for the others. */
static void look_again(struct payment_command *command, struct payment_batch *batch)
{
    int64_t until = batch->base.now + company_us;

    for (size_t i = 0; i < command->n; i++)
        look_at(command, &command->steps[i], batch);
    if (count_pending(command) < command->n && command->wait_until > until)
        command->wait_until = until;
}

static void answer(struct payment_command *command)
{
    command->base.kept = false;
    command->render(command);
    command->base.finish(&command->base, OK);
}

void payment_waiting_answer(struct payment_waiting *waiting, struct payment_batch *batch)
{
    struct payment_command **at = &waiting->first;

    waiting->last = NULL;
    while (*at) {
        struct payment_command *command = *at;
        look_again(command, batch);
        if (count_pending(command) == 0 || command->wait_until <= batch->base.now) {
            *at = command->next_waiting;
            answer(command);
        } else {
            waiting->last = command;
            at = &command->next_waiting;
        }
    }
}

void payment_waiting_hurry(struct payment_command *command, int64_t now)
{
    if (!command->hurried_to)
        command->hurried_to = now + company_us;
    if (command->wait_until > command->hurried_to)
        command->wait_until = command->hurried_to;
}

int64_t payment_waiting_until(const struct payment_waiting *waiting)
{
    int64_t until = INT64_MAX;

    for (const struct payment_command *command = waiting->first; command; command = command->next_waiting)
        until = command->wait_until < until ? command->wait_until : until;
    return until;
}

void payment_waiting_end(struct payment_waiting *waiting)
{
    while (waiting->first) {
        struct payment_command *command = waiting->first;
        waiting->first = command->next_waiting;
        answer(command);
    }
    waiting->last = NULL;
}
