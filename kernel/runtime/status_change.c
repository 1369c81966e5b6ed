#include "status_change.h"

#include "base.h"
#include "hal.h"
#include "http_body.h"

struct change_json {
    struct str status;
};
static const struct json_field change_fields[] = {
    JSON_FIELD(struct change_json, "status", status, JSON_STRING, JSON_REQUIRED, 1, 32)};
static const struct json_desc change_desc = {"change", change_fields, COUNT_OF(change_fields),
                                             sizeof(struct change_json)};

bool status_change_read(struct http_request *request, int64_t *id, struct str *status)
{
    struct change_json change;

    if (!hal_read_id(request, 0, id)) {
        http_reply(request);
        return false;
    }
    if (!http_read_json(request, &change_desc, &change))
        return false;
    *status = change.status;
    return true;
}
