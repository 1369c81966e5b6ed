#include "batch.h"

#include "errors.h"

int batch_begin(struct batch *batch, int64_t now, size_t n, const struct cursors *cursors, struct outbox *outbox,
                struct arena *arena)
{
    *batch = (struct batch){.now = now, .wall = now, .arena = arena, .outbox = outbox, .cursors = *cursors};
    outbox_begin(outbox); /* first: whatever fails below, abandoning gives back this batch's positions and no others */
    batch->dead = ARENA_ARRAY(arena, struct dead_letter, n + 1);
    batch->replayed = ARENA_ARRAY(arena, struct dead_letter, n + 1);
    batch->records = ARENA_ARRAY(arena, struct idempotency_record, n + 1);
    batch->record_is_new = ARENA_ARRAY(arena, bool, n + 1);
    if (!batch->dead || !batch->replayed || !batch->records || !batch->record_is_new ||
        !working_set_init(&batch->keys, n, arena))
        return E_MEMORY;
    return OK;
}

static struct dead_letter letter_of(const struct batch *batch, const struct command *command, struct str reason)
{
    return (struct dead_letter){
        .source = str_of(batch->cursors.source[command->source]),
        .position = command->position,
        .reason = reason,
        .frame = command->frame,
    };
}

bool batch_admit(struct batch *batch, const struct command *command)
{
    if (command->origin == FROM_REPLAY)
        batch->replayed[batch->n_replayed++] = letter_of(batch, command, (struct str){NULL, 0});
    if (command->origin != FROM_FEED)
        return command->fate == COMMAND_NORMAL;

    if (command->fate == COMMAND_EPOCH) {
        batch->cursors_moved |= batch->cursors.epoch[command->source] != command->position;
        batch->cursors.epoch[command->source] = command->position;
        return false;
    }
    uint64_t *position = &batch->cursors.position[command->source];
    if (command->position <= *position)
        return false;
    *position = command->position;
    batch->cursors_moved = true;
    if (command->fate == COMMAND_DEAD)
        batch_bury(batch, command, command->reason);
    return command->fate == COMMAND_NORMAL;
}

void batch_bury(struct batch *batch, const struct command *command, struct str reason)
{
    if (command->origin == FROM_FEED || command->origin == FROM_REPLAY)
        batch->dead[batch->n_dead++] = letter_of(batch, command, reason);
}

struct idempotency_record *batch_key(struct batch *batch, struct str key)
{
    size_t index = working_set_text(&batch->keys, key);

    batch->records[index].key = key;
    return &batch->records[index];
}

enum key_verdict batch_check_key(const struct idempotency_record *record, const struct fingerprint *fingerprint)
{
    if (!record->found)
        return KEY_NEW;
    bool same = record->fingerprint == fingerprint->members ||
                (fingerprint->bytes && record->fingerprint == fingerprint->bytes);
    return same ? KEY_SEEN : KEY_OF_ANOTHER;
}

int batch_keep_answer(struct batch *batch, struct idempotency_record *record, uint64_t fingerprint,
                      const struct answer *answer)
{
    /* Copies: whoever repeats it in this batch is answered when its first client is answered and gone. */
    record->location = arena_copy(batch->arena, answer->location);
    record->body = arena_copy(batch->arena, answer->body);
    if (!answer->status || !record->location.p || !record->body.p)
        return E_MEMORY;
    record->fingerprint = fingerprint;
    record->status = answer->status;
    record->found = true; /* the next command of this batch with the same key gets the same answer */
    batch->record_is_new[record - batch->records] = true;
    return OK;
}

struct outbox_write batch_write(struct batch *batch)
{
    size_t kept = 0;

    /* Known ones are not needed any more: the new ones move to the front. */
    for (size_t i = 0; i < batch->keys.n; i++) {
        if (batch->record_is_new[i])
            batch->records[kept++] = batch->records[i];
    }
    return (struct outbox_write){
        .outbox = batch->outbox,
        .cursors = &batch->cursors,
        .cursors_moved = batch->cursors_moved,
        .records = batch->records,
        .n_records = kept,
        .dead = batch->dead,
        .n_dead = batch->n_dead,
        .replayed = batch->replayed,
        .n_replayed = batch->n_replayed,
        .now = batch->now,
        .wall = batch->wall,
    };
}
