#include "service_decode.h"

struct command *service_decode(struct service *service, size_t source, struct str text, const char **reason)
{
    const struct service_parts *parts = &service->parts;

    pthread_mutex_lock(&service->decoding);
    struct command *command = parts->decode(parts->decode_context, source, text, reason);
    pthread_mutex_unlock(&service->decoding);
    return command;
}
