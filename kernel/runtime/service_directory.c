/* service_directory.c: the data directory of a service: it belongs to one process, and this is where its files are. */
#include "service_internal.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

const char *service_path(struct service *service, const char *file)
{
    struct buf path = {0};

    buf_printf(&path, "%s/%s", service->common->data, file);
    struct str kept = path.failed ? (struct str){NULL, 0} : arena_copy(&service->arena, buf_str(&path));
    buf_free(&path);
    return kept.p;
}

/* One process a data file: two writers on the same state would undo each other. */
bool service_lock_data(struct service *service, struct buf *problem)
{
    struct buf name = {0};

    int rc = file_make_directories(service->common->data);
    if (rc) {
        buf_printf(problem, "the data directory %s can't be made: %s", service->common->data, strerror(rc));
        return false;
    }
    buf_printf(&name, "%s.lock", service->program->name);
    buf_char(&name, '\0');
    const char *path = name.failed ? NULL : service_path(service, name.p);
    buf_free(&name);
    service->lock_fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (service->lock_fd < 0) {
        buf_printf(problem, "%s can't be opened: %s", path ? path : "the lock file", strerror(errno));
        return false;
    }
    if (flock(service->lock_fd, LOCK_EX | LOCK_NB)) {
        buf_printf(
            problem,
            "the data directory %s is in use by another %s service; stop it, or give this one its own with --data",
            service->common->data, service->program->name);
        return false;
    }
    return true;
}
