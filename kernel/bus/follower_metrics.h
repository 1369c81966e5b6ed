/** follower_metrics.h: coffeeshop_follower_connected, coffeeshop_follower_position and
 * coffeeshop_follower_clock_ahead_seconds, by producer. Private to kernel/bus.
 *
 *  Metrics live as long as the program: a producer followed again gets the same ones. Any thread.
 */
#ifndef COFFEESHOP_FOLLOWER_METRICS_H
#define COFFEESHOP_FOLLOWER_METRICS_H

#include <stdbool.h>
#include <stdint.h>

struct follower_metrics;

/** NULL when there are already as many producers as there is room for; that is taken by the others and does nothing. */
struct follower_metrics *follower_metrics_of(const char *producer);
void follower_metrics_connected(struct follower_metrics *metrics, bool connected);
void follower_metrics_moved(struct follower_metrics *metrics, uint64_t position);
void follower_metrics_ahead(struct follower_metrics *metrics, int64_t seconds);

#endif
