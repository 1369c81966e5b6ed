#include "feeds_http.h"

#include "errors.h"
#include "http_body.h"
#include "service_bus.h"

enum { MAX_SOURCE = 64 };

static struct service *service_of(void *context)
{
    return ((struct service_http *)context)->service;
}

void feeds_list(void *context, struct http_request *request)
{
    struct service *service = service_of(context);
    struct buf *reply = &request->reply;

    request->status = 200;
    BUF_LIT(reply, "{\"_embedded\":{\"feeds\":[");
    service->bus->list(service, reply);
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

void feeds_resume(void *context, struct http_request *request)
{
    struct which_json which;

    if (!http_read_json(request, &which_desc, &which))
        return;
    struct service *service = service_of(context);
    int rc = service->bus->resume(service, which.source);
    if (rc == E_NOT_FOUND) {
        http_problem(request, 422, "source", "source is not a producer that this service follows");
        return;
    }
    if (rc) {
        http_problem(request, 409, "source", "source has no gap behind what is known here: there is nothing to skip");
        return;
    }
    request->status = 202;
    request->content_type = "application/json";
    BUF_LIT(&request->reply, "{\"status\":\"resumed\"}");
    http_reply(request);
}
