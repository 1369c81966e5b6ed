/** process_metrics.h: what the operating system knows of this process, under the names that Prometheus' own clients
 * use. */
#ifndef COFFEESHOP_PROCESS_METRICS_H
#define COFFEESHOP_PROCESS_METRICS_H

#include "buf.h"

/** Appends process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds and process_start_time_seconds;
 * one that /proc doesn't tell is left out. Any thread. */
void process_metrics_write(struct buf *out);

#endif
