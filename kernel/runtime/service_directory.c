/* service_directory.c: the data directory of a service: it belongs to one process, and this is where its files are. */
#include "service_files.h"
#include "service_internal.h"

const char *service_path(struct service *service, const char *file)
{
    struct buf path = {0};

    buf_printf(&path, "%s/%s", service->common->data, file);
    struct str kept = path.failed ? (struct str){NULL, 0} : arena_copy(&service->arena, buf_str(&path));
    buf_free(&path);
    return kept.p;
}

bool service_lock_data(struct service *service, struct buf *problem)
{
    service->lock_fd = service_files_lock(service->common->data, service->program->name, problem);
    return service->lock_fd >= 0;
}
