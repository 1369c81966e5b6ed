#include "order_watch.h"

#include <stddef.h>

static size_t bucket_of(const struct watch_board *board, int64_t order_id)
{
    return (size_t)(siphash_number(&board->key, order_id) % WATCH_BUCKETS);
}

void watch_init(struct watch_board *board)
{
    *board = (struct watch_board){.key = siphash_process_key()};
}

void watch_add(struct watch_board *board, struct watch *watch)
{
    struct watch **list = &board->bucket[bucket_of(board, watch->order_id)];

    watch->prev = list;
    watch->next = *list;
    if (*list)
        (*list)->prev = &watch->next;
    *list = watch;
}

void watch_remove(struct watch *watch)
{
    *watch->prev = watch->next;
    if (watch->next)
        watch->next->prev = watch->prev;
}

void watch_each(const struct watch_board *board, int64_t order_id, void (*on_watch)(void *context, struct watch *watch),
                void *context)
{
    size_t first = order_id ? bucket_of(board, order_id) : 0;
    size_t end = order_id ? first + 1 : WATCH_BUCKETS;

    for (size_t i = first; i < end; i++) {
        for (struct watch *watch = board->bucket[i]; watch; watch = watch->next) {
            if (order_id == 0 || watch->order_id == order_id)
                on_watch(context, watch);
        }
    }
}
