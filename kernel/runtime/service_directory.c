/* service_directory.c: the data directory of a service: it belongs to one process, and this is where its files are. */
#include "service_files.h"
#include "service_internal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a machine, since it was last booted. */
enum { BOOT_ID_SIZE = 36 };

static void add_boot_id(struct buf *name)
{
    char id[BOOT_ID_SIZE];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, id, sizeof(id));

    if (n > 0)
        buf_add(name, (struct str){id, (size_t)n});
    if (fd >= 0)
        close(fd);
}

/* The lock's file is one process's at a time, and a copy of the directory has another one. */
void service_name_holder(const struct service *service, struct buf *name)
{
    struct stat lock;

    add_boot_id(name);
    if (fstat(service->lock_fd, &lock) == 0)
        buf_printf(name, ":%llx:%llx", (unsigned long long)lock.st_dev, (unsigned long long)lock.st_ino);
}

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
