/** nginx_process.h: nginx as a child: found, started, told to stop the way it understands, waited for. One thread. */
#ifndef COFFEESHOP_NGINX_PROCESS_H
#define COFFEESHOP_NGINX_PROCESS_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

struct nginx_process {
    const char *program;   /* as nginx_find() found it */
    const char *directory; /* with nginx.conf; nginx's working directory */
    int lock_fd;           /* of nginx_lock(); nginx inherits it */
    int64_t drain_ms;      /* from SIGTERM until it stops to take connections */
    int64_t stop_ms;       /* then until it is killed */
};

/** The path of nginx: `wanted` itself when it has a slash, else looked for in PATH, /usr/sbin and /usr/local/sbin.
 * false with a sentence in `problem`. */
bool nginx_find(const char *wanted, struct buf *path, struct buf *problem);
/** Runs nginx until SIGTERM or SIGINT, or until it ends by itself; nothing of it is left when this returns. Returns 0;
 * or, with a sentence in `problem`, 1, or 128 + n when signal n ended it, as a shell says it. */
int nginx_run(const struct nginx_process *process, struct buf *problem);

#endif
