/* service_wait.c: a store on a server may be there a little later than we are. */
#include "service_internal.h"

#include "clock.h"
#include "errors.h"
#include "log.h"

#include <poll.h>

enum { FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 1000 };

/* The signal stays where it is. */
static bool is_told_to_end(const struct service *service, int64_t pause_ms)
{
    struct pollfd signals = {.fd = service->signal_fd, .events = POLLIN};

    return poll(&signals, 1, (int)pause_ms) > 0;
}

int service_wait_for_store(struct service *service, service_open_store *open, void *context, struct buf *problem)
{
    int64_t deadline = clock_monotonic() + service->common->start_wait_ms * US_PER_MS;
    int64_t pause_ms = FIRST_PAUSE_MS;
    bool told = false;

    for (;;) {
        buf_clear(problem);
        int error = open(context, problem);
        int64_t left_ms = (deadline - clock_monotonic()) / US_PER_MS;
        if (error != E_UNAVAILABLE || left_ms <= 0)
            return error;
        if (!told)
            log_warning("waits for its store", LOG_S("reason", buf_str(problem)), LOG_I("ms", left_ms));
        told = true;
        if (is_told_to_end(service, pause_ms < left_ms ? pause_ms : left_ms)) {
            buf_clear(problem);
            BUF_LIT(problem, "it was told to end while it waited for its store");
            return E_CLOSING;
        }
        pause_ms = pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
    }
}
