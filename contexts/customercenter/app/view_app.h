/** view_app.h: the view's one use case: take in what order, product and stock tell.
 *
 *  One batch is load, apply, commit; then, and only then, the changes are published. It has no commands and no events
 * of its own. Used by one thread (the writer's); the simulation and the rebuild drive it the same way.
 */
#ifndef COFFEESHOP_VIEW_APP_H
#define COFFEESHOP_VIEW_APP_H

#include "cell.h"
#include "core.h"
#include "view_ports.h"

/** One event of a producer. Its texts have to live until it is finished; the creator's `base.finish` frees it. */
struct view_command {
    struct command base;
    int64_t order_id; /* 0: it concerns no order that customers see */
    struct mypage_event event;
    struct item_level item; /* stock's; an empty name: it concerns no item */
};

struct view_ports {
    struct view_repo *repo;
    struct view_sink *sink; /* NULL: nobody is told */
};

struct view_app {
    struct core core;
    struct view_ports ports;
    struct cell cell; /* whose orders' pages it writes */
    struct cursors cursors;
    struct outbox outbox; /* always empty: the view tells no events */
    struct arena arena;
    int64_t last_change;     /* committed */
    struct view_batch batch; /* from decide() to settle() */
};

/** Restores from the repository. `cursors` names the sources. 0 or an errors.h code. */
int view_app_init(struct view_app *app, const struct view_ports *ports, struct cell cell,
                  const struct cursors *cursors);
void view_app_free(struct view_app *app);

#endif
