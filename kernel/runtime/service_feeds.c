/* service_feeds.c: services that follow each other's feeds: nothing else has to run. */
#include "errors.h"
#include "service_bus.h"
#include "service_history.h"

static bool join(struct service *service, struct cursors *sources, bool says, struct buf *problem)
{
    UNUSED(service);
    UNUSED(sources);
    UNUSED(says);
    UNUSED(problem);
    return true;
}

static bool open_feed(struct service *service)
{
    const struct common_settings *common = service->common;
    struct feed_settings settings = {
        .tail_bytes = common->feed_tail_bytes,
        .heartbeat_ms = common->feed_heartbeat_ms,
        .max_followers = common->feed_max_followers,
        .followers_per_address = common->feed_followers_per_address,
    };

    service->feed = feed_new(service->loop, &settings, service->cells[0].last_position, service->parts.history,
                             service->parts.read_stored, service->parts.read_context);
    return service->feed != NULL;
}

static bool begin(struct service *service, struct buf *problem)
{
    const struct service_parts *parts = &service->parts;

    for (size_t i = 0; i < parts->n_producers; i++) {
        struct follower_options options = {
            .producer = parts->producers[i].name,
            .url = parts->producers[i].url,
            .source = i,
            .position = service->cells[0].cursors->position[i],
            .epoch = service->cells[0].cursors->epoch[i],
            .max_waiting = (size_t)service->common->feed_max_waiting,
            .silence_ms = service->common->feed_silence_ms,
            .decode = parts->decode,
            .context = parts->decode_context,
        };
        service_watch_producer(service, &options);
        service->followers[i] = follower_new(service->loop, service->client, service->writer, &options);
        if (!service->followers[i]) {
            BUF_LIT(problem, "there is not enough memory to follow the other services");
            return false;
        }
        service->n_followers = i + 1;
    }
    return true;
}

static void publish(struct service *service, int32_t cell, struct outbox *outbox)
{
    ASSERT(cell == 0);
    feed_publish(service->feed, outbox);
}

static void stop(struct service *service)
{
    for (size_t i = 0; i < service->n_followers; i++)
        follower_stop(service->followers[i]);
}

static void end(struct service *service)
{
    for (size_t i = 0; i < service->n_followers; i++)
        follower_free(service->followers[i]);
    service->n_followers = 0;
}

static struct feed_cursor newest(const struct service *service, int32_t cell)
{
    const struct feed_history *history = service->parts.history;

    UNUSED(cell);
    return (struct feed_cursor){history ? feed_history_epoch(history) : EPOCH_UNKNOWN, feed_last(service->feed)};
}

/* "order=4711:57,stock=1234:8": how far we have read the others, for the answer to one of them. */
static struct str cursors_text(const struct service *service, struct arena *arena)
{
    struct buf text = {0};

    for (size_t i = 0; i < service->n_followers; i++) {
        struct feed_cursor cursor = follower_cursor(service->followers[i]);
        if (cursor.epoch <= EPOCH_REFUSED)
            continue;
        buf_printf(&text, "%s%s=%llu:%llu", text.n > 0 ? "," : "", service->parts.producers[i].name,
                   (unsigned long long)cursor.epoch, (unsigned long long)cursor.position);
    }
    struct str kept = text.failed || text.n == 0 ? (struct str){NULL, 0} : arena_copy(arena, buf_str(&text));
    buf_free(&text);
    return kept;
}

static void serve_events(struct service *service, struct http_request *request)
{
    struct str cursors = cursors_text(service, &request->arena);

    http_add_header(request, "Feed-Producer", str_of(service->program->name));
    if (cursors.n)
        http_add_header(request, "Feed-Cursors", cursors);
    feed_serve(service->feed, request);
}

static void add_trouble(struct service *service, struct buf *out)
{
    for (size_t i = 0; i < service->n_followers; i++) {
        const char *name = service->parts.producers[i].name;
        uint64_t oldest;
        enum follower_trouble trouble = follower_trouble(service->followers[i], &oldest);
        uint64_t next = follower_cursor(service->followers[i]).position + 1;
        if (trouble != FOLLOWER_REFUSED && trouble != FOLLOWER_GAP && trouble != FOLLOWER_FOREIGN)
            continue;
        if (out->n > 0)
            BUF_LIT(out, "; ");
        if (trouble == FOLLOWER_FOREIGN)
            buf_printf(out, "another service answers at the address of %s: look at %s.%s_url", name,
                       service->program->name, name);
        else if (trouble == FOLLOWER_GAP)
            buf_printf(
                out,
                "the events of %s from %llu on are needed here and are kept from %llu on only; `coffeeshop feeds "
                "%s resume %s` goes on without those that are gone",
                name, (unsigned long long)next, (unsigned long long)oldest, service->program->name, name);
        else
            buf_printf(out, "the events of %s are not those that were read here: its data was lost, or is older; %s",
                       name, service->parts.rebuild ? service->parts.rebuild : SERVICE_PUT_BACK_DATA);
    }
}

static void add_notice(struct service *service, struct buf *out)
{
    UNUSED(service);
    UNUSED(out);
}

/* ---- for people ---- */

static const char *state_of(const struct follower *follower)
{
    static const char *const troubles[] = {[FOLLOWER_REFUSED] = "another history",
                                           [FOLLOWER_GAP] = "gap",
                                           [FOLLOWER_FOREIGN] = "another service",
                                           [FOLLOWER_OVERTAKEN] = "has read more than there is"};
    uint64_t oldest;
    enum follower_trouble trouble = follower_trouble(follower, &oldest);

    if (trouble != FOLLOWER_WELL)
        return troubles[trouble];
    return follower_is_connected(follower) ? "following" : "not connected";
}

static void list(struct service *service, struct buf *out)
{
    for (size_t i = 0; i < service->n_followers; i++) {
        struct feed_cursor cursor = follower_cursor(service->followers[i]);
        buf_printf(out, "%s{\"source\":\"%s\",\"epoch\":\"%llu\",\"position\":%llu,\"state\":\"%s\"}", i > 0 ? "," : "",
                   service->parts.producers[i].name, (unsigned long long)cursor.epoch,
                   (unsigned long long)cursor.position, state_of(service->followers[i]));
    }
}

static int resume(struct service *service, struct str source)
{
    for (size_t i = 0; i < service->n_followers; i++) {
        if (str_is(source, service->parts.producers[i].name))
            return follower_skip_gap(service->followers[i]) ? OK : E_CONFLICT;
    }
    return E_NOT_FOUND;
}

const struct service_bus service_feeds = {
    .join = join,
    .open = open_feed,
    .begin = begin,
    .publish = publish,
    .stop = stop,
    .end = end,
    .newest = newest,
    .serve_events = serve_events,
    .add_trouble = add_trouble,
    .add_notice = add_notice,
    .list = list,
    .resume = resume,
};
