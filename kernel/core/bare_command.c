#include "bare_command.h"

#include "alloc.h"
#include "base.h"

struct bare_command {
    struct command base;
    char text[]; /* of a dead letter: reason, frame */
};

static void finish(struct command *command, int rc)
{
    UNUSED(rc);
    heap_free(CONTAINER_OF(command, struct bare_command, base));
}

struct command *bare_command_new(enum command_fate fate, struct str reason, struct str frame)
{
    struct bare_command *bare = heap_alloc(sizeof(*bare) + reason.n + frame.n);

    if (!bare)
        return NULL;
    bare->base = (struct command){.fate = fate, .finish = finish};
    if (reason.n > 0)
        memcpy(bare->text, reason.p, reason.n);
    if (frame.n > 0)
        memcpy(bare->text + reason.n, frame.p, frame.n);
    bare->base.reason = (struct str){bare->text, reason.n};
    bare->base.frame = (struct str){bare->text + reason.n, frame.n};
    return &bare->base;
}
