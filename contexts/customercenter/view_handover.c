#include "view_handover.h"

#include "base.h"
#include "clock.h"
#include "errors.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum { LOOK_US = 20000, ASK_MS = 5000 };

int view_lock(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        return -1;
    }
    return fd;
}

struct asking {
    const struct view_handover *handover;
    struct http_call call;
    struct loop_timer look;
    int64_t until;
    struct buf url;
    struct buf *problem;
    bool done;
};

/* The service renames it: when it is gone, it has been taken. */
static void look(struct loop_timer *timer)
{
    struct asking *asking = CONTAINER_OF(timer, struct asking, look);
    const struct view_handover *handover = asking->handover;

    asking->done = !view_place_exists(&handover->rebuilt);
    if (!asking->done && clock_monotonic() < asking->until) {
        loop_timer_set(handover->loop, timer, clock_monotonic() + LOOK_US);
        return;
    }
    if (!asking->done)
        buf_printf(asking->problem, "the service was asked to go on with %s but didn't; its log says why",
                   view_place_name(&handover->rebuilt));
    loop_stop(handover->loop);
}

static void on_answer(struct http_call *call, int error)
{
    struct asking *asking = CONTAINER_OF(call, struct asking, call);
    const struct view_handover *handover = asking->handover;

    if (!error && call->status == 202) {
        asking->until = clock_monotonic() + (handover->patience_ms + ASK_MS) * US_PER_MS;
        loop_timer_set(handover->loop, &asking->look, clock_monotonic() + LOOK_US);
        return;
    }
    if (error)
        buf_printf(asking->problem, "the service runs, but doesn't answer at %s: %s", asking->url.p, error_text(error));
    else
        buf_printf(asking->problem, "the service refuses: %.*s", STR_ARG(buf_str(&call->reply)));
    loop_stop(handover->loop);
}

/* "0.0.0.0:8080" is where it listens, not where it is. */
static void write_url(struct buf *url, struct str listen)
{
    struct str others;

    listen = str_split(str_trim(listen), ' ', &others); /* at the first of its addresses */
    BUF_LIT(url, "http://");
    if (str_starts_with(listen, STR("0.0.0.0:"))) {
        BUF_LIT(url, "127.0.0.1:");
        listen = (struct str){listen.p + 8, listen.n - 8};
    } else if (str_starts_with(listen, STR("[::]:"))) {
        BUF_LIT(url, "[::1]:");
        listen = (struct str){listen.p + 5, listen.n - 5};
    }
    buf_add(url, listen);
    BUF_LIT(url, "/view/swap");
    buf_char(url, '\0');
}

static bool ask(const struct view_handover *handover, struct buf *problem)
{
    struct asking asking = {.handover = handover, .look = {.fire = look}, .problem = problem};

    write_url(&asking.url, str_of(handover->listen));
    if (asking.url.failed) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    asking.call = (struct http_call){.method = "PUT", .url = asking.url.p, .timeout_ms = ASK_MS, .done = on_answer};
    http_client_call(handover->client, &asking.call);
    loop_run(handover->loop);
    loop_timer_cancel(handover->loop, &asking.look);
    buf_free(&asking.url);
    return asking.done;
}

bool view_hand_over(const struct view_handover *handover, struct buf *problem)
{
    int lock = view_lock(handover->lock);

    if (lock < 0)
        return ask(handover, problem);
    bool fine = view_place_replace(&handover->current, &handover->rebuilt, problem);
    close(lock);
    return fine;
}
