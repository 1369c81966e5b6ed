/** nginx_lock.h: one gateway a directory, and no nginx that an earlier one has left.
 *
 *  Two files are locked (flock): one by the gateway's process alone; the other by nginx, whose processes inherit the
 * descriptor, so that it stays locked for as long as any of them lives, whoever was killed. Its content is their
 * process group, which can't be anybody else's meanwhile. One thread.
 */
#ifndef COFFEESHOP_NGINX_LOCK_H
#define COFFEESHOP_NGINX_LOCK_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

/** Locks `path` for this process, waiting up to `patience_ms` for one that is just stopping. The descriptor, to be
 * closed by the caller; or -1 with a sentence in `problem`. */
int gateway_lock(const char *path, int64_t patience_ms, struct buf *problem);
/** Locks `path` for the nginx that will inherit the returned descriptor. What is left of an earlier one is killed: its
 * gateway is gone. -1 with a sentence in `problem`. */
int nginx_lock(const char *path, struct buf *problem);
/** In the process that becomes nginx, once it leads its group: leaves the group's number. */
void nginx_lock_sign(int fd);

#endif
