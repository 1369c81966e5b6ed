/** nginx_conf.h: nginx's configuration from the settings: the template nginx.conf.in with its @names@ filled in. Pure.
 */
#ifndef COFFEESHOP_NGINX_CONF_H
#define COFFEESHOP_NGINX_CONF_H

#include "gateway_settings.h"

/** What the configuration depends on besides the settings gateway.*. */
struct nginx_surroundings {
    int64_t stop_ms;             /* how long a stop may take */
    const char *instance;        /* common setting; a word or empty */
    const char *host_name;       /* this machine's, or empty */
    const char *group;           /* of the user in the settings; for root only */
    const char *tls_certificate; /* absolute paths, when the settings name any */
    const char *tls_key;
    const char *access_log; /* the same, unless it is off */
    bool is_root;           /* nginx is started by root and has to be told as whom its workers run */
    bool is_verbose;        /* nginx says why a service was not reached, for every request */
};

/** Appends the configuration. `settings` have passed gateway_settings_check(). */
void nginx_conf_write(const struct gateway_settings *settings, const struct nginx_surroundings *surroundings,
                      struct buf *out);

#endif
