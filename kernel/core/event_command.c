#include "event_command.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"

#include <stdalign.h>

/* What lies in front of the context's command: which part of the block is still free. */
struct block {
    alignas(max_align_t) char *free;
    char *end;
};

static struct block *block_of(struct command *command)
{
    return (struct block *)(void *)command - 1;
}

static void finish(struct command *self, int rc)
{
    UNUSED(rc);
    heap_free(block_of(self));
}

struct command *event_command_new(size_t size, size_t source, struct str event)
{
    ASSERT(size >= sizeof(struct command));
    /* What was escaped in the event is shorter without the escapes. */
    size_t unescaped = event.n && memchr(event.p, '\\', event.n) ? event.n : 0;
    struct block *block = heap_alloc(sizeof(*block) + size + event.n + unescaped);
    if (!block)
        return NULL;
    struct command *command = (struct command *)(void *)(block + 1);
    char *text = (char *)command + size;
    if (event.n)
        memcpy(text, event.p, event.n);
    block->free = text + event.n;
    block->end = block->free + unescaped;
    *command = (struct command){.origin = FROM_FEED, .source = source, .frame = {text, event.n}, .finish = finish};
    return command;
}

struct str event_command_keep(struct command *command, struct str event, struct str text)
{
    struct block *block = block_of(command);

    if (text.n == 0)
        return (struct str){NULL, 0};
    if (text.p >= event.p && text.p + text.n <= event.p + event.n)
        return (struct str){command->frame.p + (text.p - event.p), text.n};
    ASSERT(text.n <= (size_t)(block->end - block->free));
    char *copy = block->free;
    memcpy(copy, text.p, text.n);
    block->free += text.n;
    return (struct str){copy, text.n};
}

const char *event_command_reason(const struct json_error *error, const char *unreadable)
{
    return error->kind == JSON_NO_MEMORY ? error_text(E_MEMORY) : unreadable;
}
