#include "feeds_http.h"

#include "http_body.h"
#include "service_internal.h"

enum { MAX_SOURCE = 64 };

static struct service *service_of(void *context)
{
    return ((struct service_http *)context)->service;
}

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

void feeds_list(void *context, struct http_request *request)
{
    const struct service *service = service_of(context);
    struct buf *reply = &request->reply;

    request->status = 200;
    BUF_LIT(reply, "{\"_embedded\":{\"feeds\":[");
    for (size_t i = 0; i < service->n_followers; i++) {
        struct feed_cursor cursor = follower_cursor(service->followers[i]);
        buf_printf(reply, "%s{\"source\":\"%s\",\"epoch\":\"%llu\",\"position\":%llu,\"state\":\"%s\"}",
                   i > 0 ? "," : "", service->parts.producers[i].name, (unsigned long long)cursor.epoch,
                   (unsigned long long)cursor.position, state_of(service->followers[i]));
    }
    BUF_LIT(reply, "]}}");
    http_reply(request);
}

struct which_json {
    struct str source;
};
static const struct json_field which_fields[] = {
    JSON_FIELD(struct which_json, "source", source, JSON_STRING, JSON_REQUIRED, 1, MAX_SOURCE),
};
static const struct json_desc which_desc = {"feed", which_fields, COUNT_OF(which_fields), sizeof(struct which_json)};

static struct follower *find_follower(const struct service *service, struct str source)
{
    for (size_t i = 0; i < service->n_followers; i++) {
        if (str_is(source, service->parts.producers[i].name))
            return service->followers[i];
    }
    return NULL;
}

void feeds_resume(void *context, struct http_request *request)
{
    struct which_json which;

    if (!http_read_json(request, &which_desc, &which))
        return;
    struct follower *follower = find_follower(service_of(context), which.source);
    if (!follower) {
        http_problem(request, 422, "source", "source is not a producer that this service follows");
        return;
    }
    if (!follower_skip_gap(follower)) {
        http_problem(request, 409, "source", "source has no gap behind what is known here: there is nothing to skip");
        return;
    }
    request->status = 202;
    request->content_type = "application/json";
    BUF_LIT(&request->reply, "{\"status\":\"resumed\"}");
    http_reply(request);
}
