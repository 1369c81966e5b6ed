#include "fake_outbox.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"

struct str fake_copy(struct arena *memory, struct str text)
{
    struct str copy = arena_copy(memory, text);

    ASSERT(copy.p);
    return copy;
}

void *fake_grow(void *array, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return array;
    *room = *room ? *room * 2 : 16;
    array = heap_resize(array, *room * size);
    ASSERT(array);
    return array;
}

void fake_outbox_init(struct fake_outbox *outbox)
{
    *outbox = (struct fake_outbox){0};
    arena_init(&outbox->memory, 0);
}

void fake_outbox_free(struct fake_outbox *outbox)
{
    arena_free(&outbox->memory);
    buf_free(&outbox->frames);
    heap_free(outbox->batches);
    heap_free(outbox->records);
    heap_free(outbox->dead);
    *outbox = (struct fake_outbox){0};
}

int fake_outbox_check(const struct outbox_write *write)
{
    return write->outbox->count && write->outbox->frames.failed ? E_MEMORY : OK;
}

static void write_events(struct fake_outbox *self, const struct outbox *outbox)
{
    if (!outbox->count)
        return;
    ASSERT(outbox->first > self->last);
    self->batches = fake_grow(self->batches, self->n_batches, &self->batches_room, sizeof(struct fake_outbox_batch));
    self->batches[self->n_batches++] =
        (struct fake_outbox_batch){outbox->first, outbox->count, self->frames.n, outbox->frames.n};
    buf_add(&self->frames, buf_str(&outbox->frames));
    ASSERT(!self->frames.failed);
    self->last = outbox->first + outbox->count - 1;
}

static size_t cursor_of(const struct cursors *cursors, const char *source)
{
    size_t i = 0;

    while (i < cursors->n && strcmp(cursors->source[i], source) != 0)
        i++;
    return i;
}

static void write_cursors(struct fake_outbox *self, const struct cursors *cursors)
{
    for (size_t i = 0; i < cursors->n; i++) {
        size_t at = cursor_of(&self->cursors, cursors->source[i]);
        ASSERT(at < CURSOR_MAX_SOURCES);
        if (at == self->cursors.n)
            self->cursors.source[self->cursors.n++] = cursors->source[i];
        self->cursors.position[at] = cursors->position[i];
    }
}

static void write_record(struct fake_outbox *self, const struct idempotency_record *record)
{
    self->records = fake_grow(self->records, self->n_records, &self->records_room, sizeof(*record));
    self->records[self->n_records++] = (struct idempotency_record){
        .key = fake_copy(&self->memory, record->key),
        .fingerprint = record->fingerprint,
        .status = record->status,
        .location = fake_copy(&self->memory, record->location),
        .body = fake_copy(&self->memory, record->body),
        .found = true,
    };
}

static void write_dead(struct fake_outbox *self, const struct dead_letter *dead)
{
    for (size_t i = 0; i < self->n_dead; i++) {
        if (self->dead[i].position == dead->position && str_eq(self->dead[i].source, dead->source))
            return; /* put aside before */
    }
    self->dead = fake_grow(self->dead, self->n_dead, &self->dead_room, sizeof(*dead));
    self->dead[self->n_dead++] = (struct dead_letter){
        .source = fake_copy(&self->memory, dead->source),
        .position = dead->position,
        .reason = fake_copy(&self->memory, dead->reason),
        .frame = fake_copy(&self->memory, dead->frame),
    };
}

static void forget_dead(struct fake_outbox *self, const struct dead_letter *replayed)
{
    for (size_t i = 0; i < self->n_dead; i++) {
        if (self->dead[i].position == replayed->position && str_eq(self->dead[i].source, replayed->source)) {
            self->dead[i] = self->dead[--self->n_dead];
            return;
        }
    }
}

void fake_outbox_write(struct fake_outbox *self, const struct outbox_write *write)
{
    write_events(self, write->outbox);
    if (write->cursors_moved)
        write_cursors(self, write->cursors);
    for (size_t i = 0; i < write->n_records; i++)
        write_record(self, &write->records[i]);
    for (size_t i = 0; i < write->n_replayed; i++)
        forget_dead(self, &write->replayed[i]);
    for (size_t i = 0; i < write->n_dead; i++)
        write_dead(self, &write->dead[i]);
}

static int copy_record(struct idempotency_record *to, const struct idempotency_record *from, struct arena *arena)
{
    to->fingerprint = from->fingerprint;
    to->status = from->status;
    to->location = arena_copy(arena, from->location);
    to->body = arena_copy(arena, from->body);
    to->found = true;
    return to->location.p && to->body.p ? OK : E_MEMORY;
}

int fake_outbox_find_keys(const struct fake_outbox *self, struct idempotency_record *records, size_t n,
                          struct arena *arena)
{
    int rc = OK;

    for (size_t i = 0; i < n && !rc; i++) {
        for (size_t j = 0; j < self->n_records && !rc; j++) {
            if (str_eq(records[i].key, self->records[j].key))
                rc = copy_record(&records[i], &self->records[j], arena);
        }
    }
    return rc;
}

void fake_outbox_restore(const struct fake_outbox *self, uint64_t *last, struct cursors *cursors)
{
    *last = self->last;
    for (size_t i = 0; i < cursors->n; i++) {
        size_t at = cursor_of(&self->cursors, cursors->source[i]);
        cursors->position[i] = at < self->cursors.n ? self->cursors.position[at] : 0;
    }
}

void fake_outbox_read(const struct fake_outbox *self, uint64_t after, struct buf *frames)
{
    for (size_t i = 0; i < self->n_batches; i++) {
        const struct fake_outbox_batch *batch = &self->batches[i];
        if (batch->first + batch->count - 1 > after)
            buf_add(frames, (struct str){self->frames.p + batch->at, batch->n});
    }
}
