#include "file_budget.h"

#include "log.h"

enum {
    OWN_FILES = 64, /* data files of some connections each, feeds followed, epoll sets, the log: about 30, doubled */
    LEAST_CONNECTIONS = 16,
};

bool file_budget_fit(int64_t connections_out, int64_t limit, struct http_settings *http, struct buf *problem)
{
    int64_t own = OWN_FILES + HTTP_OWN_FILES + connections_out;
    int64_t room = limit - own;

    if (room < LEAST_CONNECTIONS) {
        buf_printf(
            problem,
            "a limit of %lld open files leaves no room for clients: %lld are for the service itself and its calls; "
            "raise the hard limit (ulimit -Hn, LimitNOFILE=) or lower call.max_connections (of payment: "
            "payment.provider_connections, too)",
            (long long)limit, (long long)own);
        return false;
    }
    if (room >= http->max_connections)
        return true;
    log_warning("fewer connections than http.max_connections", LOG_I("connections", room),
                LOG_I("streams", room - room / 4), LOG_I("wanted", http->max_connections),
                LOG_I("limit_of_open_files", limit));
    http->max_connections = room;
    return true;
}
