#include "watch.h"

#include "buf.h"
#include "clock.h"

enum { YOUNG_US = 1000, PART_OF_AGE = 16 };

void watch_open(struct watch *watch, int epoll)
{
    watch->epoll = epoll;
    for (size_t i = 0; i < WATCH_CONNECTIONS; i++)
        watch->connection[i].fd = -1;
}

void watch_close(struct watch *watch)
{
    for (size_t i = 0; i < WATCH_CONNECTIONS; i++)
        connection_close(&watch->connection[i]);
}

bool watch_add(struct watch *watch, int64_t order, int64_t posted, bool counts)
{
    for (size_t i = 0; i < WATCH_MOST && watch->n < WATCH_MOST; i++) {
        if (watch->used[i])
            continue;
        watch->orders[i] =
            (struct watched){.order = order, .posted = posted, .look_at = posted + YOUNG_US, .counts = counts};
        watch->used[i] = true;
        watch->n++;
        return true;
    }
    watch->skipped++;
    return false;
}

static bool ask(struct watch *watch, size_t by, size_t which)
{
    struct connection *connection = &watch->connection[by];
    struct buf request = {0};

    if (connection->fd < 0 && !connection_open(connection, CONNECTION_WATCH, watch->address, watch->epoll))
        return false;
    buf_printf(&request, "GET %s%lld HTTP/1.1\r\nHost: %s\r\n\r\n", watch->path, (long long)watch->orders[which].order,
               watch->address);
    bool sent = !request.failed && connection_send(connection, buf_str(&request));
    buf_free(&request);
    watch->asked[by] = which;
    watch->orders[which].asked = true;
    return sent;
}

/* The one that has been due for longest; WATCH_MOST when none waits to be asked for. */
static size_t first_due(const struct watch *watch)
{
    size_t first = WATCH_MOST;

    for (size_t i = 0; i < WATCH_MOST; i++) {
        if (watch->used[i] && !watch->orders[i].asked &&
            (first == WATCH_MOST || watch->orders[i].look_at < watch->orders[first].look_at))
            first = i;
    }
    return first;
}

int64_t watch_look(struct watch *watch, int64_t now)
{
    for (size_t tried = 0; tried < WATCH_CONNECTIONS && watch->n > 0; tried++) {
        size_t by = watch->next;
        watch->next = (by + 1) % WATCH_CONNECTIONS;
        if (watch->connection[by].busy)
            continue;
        size_t which = first_due(watch);
        if (which == WATCH_MOST)
            return TIME_NEVER;
        if (watch->orders[which].look_at > now)
            return watch->orders[which].look_at;
        if (!ask(watch, by, which))
            return -1;
    }
    return TIME_NEVER;
}

static void look_again(struct watched *order, int64_t now)
{
    int64_t pause = (now - order->posted) / PART_OF_AGE;

    order->asked = false;
    order->look_at = now + (pause > YOUNG_US ? pause : YOUNG_US);
}

bool watch_receive(struct watch *watch, struct connection *connection, int64_t now)
{
    struct answer answer;

    if (!connection->busy) {
        connection_close(connection);
        return true;
    }
    enum connection_progress progress = connection_receive(connection, &answer);
    if (progress != CONNECTION_ANSWERED)
        return progress == CONNECTION_WAITS;
    size_t which = watch->asked[connection - watch->connection];
    struct watched *order = &watch->orders[which];
    if (answer.status != 200 || !memmem(answer.body.p, answer.body.n, watch->until, strlen(watch->until))) {
        look_again(order, now);
        return true;
    }
    if (order->counts)
        latencies_add(&watch->completed, now - order->posted);
    watch->used[which] = false;
    watch->n--;
    return true;
}
