#include "fake_outbox.h"

#include "base.h"
#include "errors.h"

#include <stdlib.h>

struct fake_text {
    struct fake_text *next;
    char bytes[];
};

void *fake_bytes(struct fake_outbox *outbox, const void *bytes, size_t n)
{
    struct fake_text *text = calloc(1, sizeof(*text) + n + 1);

    ASSERT(text);
    text->next = outbox->texts;
    outbox->texts = text;
    if (n)
        memcpy(text->bytes, bytes, n);
    return text->bytes;
}

struct str fake_copy(struct fake_outbox *outbox, struct str text)
{
    return (struct str){fake_bytes(outbox, text.p, text.n), text.n};
}

void *fake_grow(void *array, size_t n, size_t more, size_t *room, size_t size)
{
    if (n + more <= *room)
        return array;
    *room = (n + more) * 2 + 16;
    array = realloc(array, *room * size);
    ASSERT(array);
    return array;
}

void fake_outbox_init(struct fake_outbox *outbox)
{
    *outbox = (struct fake_outbox){0};
}

void fake_outbox_free(struct fake_outbox *outbox)
{
    while (outbox->texts) {
        struct fake_text *text = outbox->texts;
        outbox->texts = text->next;
        free(text);
    }
    free(outbox->frames);
    free(outbox->batches);
    free(outbox->records);
    free(outbox->moments);
    free(outbox->dead);
    *outbox = (struct fake_outbox){0};
}

int fake_outbox_check(const struct outbox_write *write)
{
    return write->outbox->count && write->outbox->frames.failed ? E_MEMORY : OK;
}

static void write_events(struct fake_outbox *self, const struct outbox *outbox, int64_t moment)
{
    if (!outbox->count)
        return;
    ASSERT(outbox->first > self->last);
    self->batches = fake_grow(self->batches, self->n_batches, 1, &self->batches_room, sizeof(struct fake_outbox_batch));
    self->batches[self->n_batches++] =
        (struct fake_outbox_batch){outbox->first, outbox->count, self->n_frames, outbox->frames.n, moment};
    self->frames = fake_grow(self->frames, self->n_frames, outbox->frames.n, &self->frames_room, 1);
    memcpy(self->frames + self->n_frames, outbox->frames.p, outbox->frames.n);
    self->n_frames += outbox->frames.n;
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
        self->cursors.epoch[at] = cursors->epoch[i];
    }
}

static void write_record(struct fake_outbox *self, const struct idempotency_record *record, int64_t moment)
{
    self->moments = fake_grow(self->moments, self->n_records, 1, &self->moments_room, sizeof(*self->moments));
    self->moments[self->n_records] = moment;
    self->records = fake_grow(self->records, self->n_records, 1, &self->records_room, sizeof(*record));
    self->records[self->n_records++] = (struct idempotency_record){
        .key = fake_copy(self, record->key),
        .fingerprint = record->fingerprint,
        .status = record->status,
        .location = fake_copy(self, record->location),
        .body = fake_copy(self, record->body),
        .found = true,
    };
}

static void write_dead(struct fake_outbox *self, const struct dead_letter *dead)
{
    for (size_t i = 0; i < self->n_dead; i++) {
        if (self->dead[i].position == dead->position && str_eq(self->dead[i].source, dead->source))
            return; /* put aside before */
    }
    self->dead = fake_grow(self->dead, self->n_dead, 1, &self->dead_room, sizeof(*dead));
    self->dead[self->n_dead++] = (struct dead_letter){
        .source = fake_copy(self, dead->source),
        .position = dead->position,
        .reason = fake_copy(self, dead->reason),
        .frame = fake_copy(self, dead->frame),
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
    int64_t moment = self->retention ? retention_clock_at(self->retention, write->now) : write->now;

    write_events(self, write->outbox, moment);
    if (write->cursors_moved)
        write_cursors(self, write->cursors);
    for (size_t i = 0; i < write->n_records; i++)
        write_record(self, &write->records[i], moment);
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
        cursors->epoch[i] = at < self->cursors.n ? self->cursors.epoch[at] : EPOCH_UNKNOWN;
    }
}

int64_t fake_outbox_newest(const struct fake_outbox *self)
{
    int64_t newest = self->n_batches ? self->batches[self->n_batches - 1].moment : 0;

    for (size_t i = 0; i < self->n_records; i++) {
        if (self->moments[i] > newest)
            newest = self->moments[i];
    }
    return newest;
}

uint64_t fake_outbox_oldest(const struct fake_outbox *self)
{
    return self->n_batches ? self->batches[0].first : 0;
}

void fake_outbox_expire(struct fake_outbox *self, int64_t keys_before, int64_t batches_before)
{
    size_t kept = 0, old = 0;

    for (size_t i = 0; i < self->n_records; i++) {
        if (self->moments[i] < keys_before)
            continue;
        self->records[kept] = self->records[i];
        self->moments[kept++] = self->moments[i];
    }
    self->n_records = kept;
    while (old + 1 < self->n_batches && self->batches[old].moment < batches_before)
        old++;
    if (!old)
        return;
    self->n_batches -= old;
    memmove(self->batches, self->batches + old, self->n_batches * sizeof(*self->batches));
}

void fake_outbox_read(const struct fake_outbox *self, uint64_t after, struct buf *frames)
{
    for (size_t i = 0; i < self->n_batches; i++) {
        const struct fake_outbox_batch *batch = &self->batches[i];
        if (batch->first + batch->count - 1 > after)
            buf_add(frames, (struct str){self->frames + batch->at, batch->n});
    }
}

void *fake_duplicate(const void *array, size_t n, size_t size)
{
    void *copy = malloc(n * size + 1);

    ASSERT(copy);
    if (n)
        memcpy(copy, array, n * size);
    return copy;
}

struct fake_outbox fake_outbox_copy(const struct fake_outbox *self)
{
    struct fake_outbox copy = *self;

    copy.texts = NULL;
    copy.frames = fake_duplicate(self->frames, self->n_frames, 1);
    copy.batches = fake_duplicate(self->batches, self->n_batches, sizeof(*self->batches));
    copy.records = fake_duplicate(self->records, self->n_records, sizeof(*self->records));
    copy.moments = fake_duplicate(self->moments, self->n_records, sizeof(*self->moments));
    copy.dead = fake_duplicate(self->dead, self->n_dead, sizeof(*self->dead));
    copy.frames_room = self->n_frames;
    copy.batches_room = self->n_batches;
    copy.records_room = copy.moments_room = self->n_records;
    copy.dead_room = self->n_dead;
    return copy;
}

void fake_outbox_put_back(struct fake_outbox *self, const struct fake_outbox *copy)
{
    struct fake_outbox before = *self;

    *self = copy ? fake_outbox_copy(copy) : (struct fake_outbox){0};
    self->texts = before.texts;
    self->retention = before.retention;
    before.texts = NULL;
    fake_outbox_free(&before);
}
