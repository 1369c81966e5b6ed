#include "feed_history.h"

#include "alloc.h"
#include "errors.h"

#include <sys/random.h>
#include <sys/types.h>

/* The newest position that was said in the history that begins with this epoch; false: it isn't one of ours. */
static bool end_of(const struct feed_history *history, uint64_t epoch, uint64_t newest, uint64_t *end)
{
    for (size_t i = history->n; i-- > 0;) {
        if (history->epochs[i].number != epoch)
            continue;
        *end = i + 1 < history->n ? history->epochs[i + 1].after : newest;
        return true;
    }
    return false;
}

enum cursor_verdict feed_history_check(const struct feed_history *history, struct feed_cursor cursor, uint64_t newest,
                                       uint64_t oldest)
{
    uint64_t end = newest;

    if (cursor.position > 0 && cursor.epoch != EPOCH_UNKNOWN && !end_of(history, cursor.epoch, newest, &end))
        return CURSOR_FOREIGN;
    if (cursor.position > end)
        return CURSOR_FOREIGN;
    return cursor.position < newest && cursor.position + 1 < oldest ? CURSOR_TOO_OLD : CURSOR_GOES_ON;
}

uint64_t feed_history_epoch(const struct feed_history *history)
{
    return history->n ? history->epochs[history->n - 1].number : EPOCH_UNKNOWN;
}

bool feed_history_knows(const struct feed_history *history, uint64_t epoch)
{
    uint64_t end;

    return end_of(history, epoch, 0, &end);
}

uint64_t feed_epoch_new(void)
{
    uint64_t number = EPOCH_UNKNOWN;

    while (number <= EPOCH_REFUSED) {
        if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
            return EPOCH_UNKNOWN;
        number &= INT64_MAX;
    }
    return number;
}

int feed_history_add(struct feed_history *history, struct feed_epoch epoch)
{
    if (history->n == history->room) {
        size_t room = history->room ? history->room * 2 : 8;
        struct feed_epoch *epochs = heap_resize(history->epochs, room * sizeof(*epochs));
        if (!epochs)
            return E_MEMORY;
        history->epochs = epochs;
        history->room = room;
    }
    history->epochs[history->n++] = epoch;
    return OK;
}

void feed_history_free(struct feed_history *history)
{
    heap_free(history->epochs);
    *history = (struct feed_history){0};
}
