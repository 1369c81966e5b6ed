/** moving.h: what `coffeeshop export` and `coffeeshop import` share: a stopped shop's stores, each locked as its
 * service would lock it, and how far it is on standard error.
 */
#ifndef COFFEESHOP_MOVING_H
#define COFFEESHOP_MOVING_H

#include "archive.h"
#include "shop.h"

enum { MOVING_MOST_LOCKS = 2 + ARCHIVE_MOST_SERVICES };

/** Starts with all zero. */
struct moving {
    const char *path; /* the archive */
    struct archive_progress progress;
    const char *doing; /* "exported", "imported" */
    int64_t told_at;   /* monotonic */
    int locks[MOVING_MOST_LOCKS];
    size_t n_locks;
    struct archive_part parts[ARCHIVE_MOST_SERVICES];
    size_t n_parts;
    struct buf *problem;
};

/** Both commands from their arguments to their status: `work` does what is to be done with the settings. */
typedef bool moving_work(struct moving *moving, const struct shop_settings *settings);
int moving_run(int argc, char *const *argv, const char *doing, const char *usage, moving_work *work);

/** Makes sure that no service of the shop runs with this data directory, and that none is started meanwhile. false with
 * a sentence. */
bool moving_lock(struct moving *moving, const struct shop_settings *settings);
/** Adds what a program keeps, when there is something. */
bool moving_open(struct moving *moving, const struct shop_settings *settings, const struct program *program,
                 struct archive_opening *opening);
/** A line on standard error. */
void moving_say(struct buf *line);

#endif
