#include "outbox.h"

#include "base.h"

void outbox_init(struct outbox *outbox, const char *source, uint64_t last)
{
    *outbox = (struct outbox){.source = source, .next = last + 1, .first = last + 1};
}

void outbox_free(struct outbox *outbox)
{
    buf_free(&outbox->frames);
}

void outbox_begin(struct outbox *outbox)
{
    outbox->first = outbox->next;
    outbox->count = 0;
    buf_clear(&outbox->frames);
}

void outbox_add(struct outbox *outbox, const struct event *event, const struct json_desc *data_desc, const void *data)
{
    uint64_t position = outbox->next++;

    ASSERT(position == outbox->first + outbox->count);
    if (outbox->count++ == 0)
        (void)buf_reserve(&outbox->frames, outbox->expected); /* instead of growing to it step by step */
    BUF_LIT(&outbox->frames, "id: ");
    buf_u64(&outbox->frames, position);
    BUF_LIT(&outbox->frames, "\ndata: ");
    event_encode(&outbox->frames, str_of(outbox->source), position, event, data_desc, data);
    BUF_LIT(&outbox->frames, "\n\n");
    outbox->expected = outbox->frames.n;
}

void outbox_abandon(struct outbox *outbox)
{
    outbox->next = outbox->first;
    outbox->count = 0;
    buf_clear(&outbox->frames);
}
