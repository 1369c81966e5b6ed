#include "payment_waiting.h"

#include "errors.h"

static bool is_pending(const struct payment_step *step)
{
    return !step->key_of_another && step->payment.state == PAYMENT_PENDING;
}

static bool has_pending(const struct payment_command *command)
{
    for (size_t i = 0; i < command->n; i++) {
        if (is_pending(&command->steps[i]))
            return true;
    }
    return false;
}

/* The texts of a step are the batch's. All that an answer says of them is the reason. */
static bool keep_reason(const struct payment_command *command, struct payment_step *step)
{
    step->payment.reason = arena_copy(command->memory, step->payment.reason);
    return step->payment.reason.p != NULL;
}

void payment_waiting_keep(struct payment_waiting *waiting, struct payment_command *command, int64_t until)
{
    if (!command->memory || !has_pending(command))
        return;
    for (size_t i = 0; i < command->n; i++) {
        if (!keep_reason(command, &command->steps[i]))
            return; /* it is answered now, as it is */
    }
    command->base.kept = true;
    command->wait_until = until;
    command->next_waiting = NULL;
    if (waiting->last)
        waiting->last->next_waiting = command;
    else
        waiting->first = command;
    waiting->last = command;
}

/* What has become of a payment in this batch. */
static void look_at(struct payment_command *command, struct payment_step *step, struct payment_batch *batch)
{
    if (!is_pending(step) || !working_set_has_number(&batch->ids, step->payment_id))
        return;
    const struct payment *payment = &batch->entries[working_set_number(&batch->ids, step->payment_id)].payment;
    step->payment = *payment;
    step->valid_us = payment->expires_at - batch->base.now;
    if (!keep_reason(command, step))
        step->payment.reason = STR("");
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
        for (size_t i = 0; i < command->n; i++)
            look_at(command, &command->steps[i], batch);
        if (has_pending(command) && command->wait_until > batch->base.now) {
            waiting->last = command;
            at = &command->next_waiting;
        } else {
            *at = command->next_waiting;
            answer(command);
        }
    }
}

int64_t payment_waiting_until(const struct payment_waiting *waiting)
{
    return waiting->first ? waiting->first->wait_until : INT64_MAX;
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
