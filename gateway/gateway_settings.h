/** gateway_settings.h: settings gateway.*; their table is in gateway_main.c. */
#ifndef COFFEESHOP_GATEWAY_SETTINGS_H
#define COFFEESHOP_GATEWAY_SETTINGS_H

#include "config.h"

struct gateway_settings {
    const char *listen; /* addresses with ports, separated by blanks */
    const char *order_url, *product_url, *stock_url, *customercenter_url, *payment_url; /* one or several each */
    int64_t max_body;                                                                   /* bytes */
    int64_t rate, burst;     /* requests a second of one address; how many may come at once */
    int64_t connections;     /* requests under way of one address */
    int64_t streams;         /* the same, of streams */
    const char *unlimited;   /* addresses and networks, separated by blanks */
    const char *operators;   /* who may read the services' metrics, and see and give back payments; the same */
    int64_t max_connections; /* of all clients and to the services, together, per worker */
    int64_t header_ms, body_ms, send_ms, idle_ms;
    int64_t connect_ms, answer_ms, health_ms, menu_ms, stream_ms;
    const char *trusted_proxy;             /* addresses and networks */
    const char *hosts;                     /* "*", names, "*.domain", separated by blanks */
    const char *cors_origins;              /* "*", origins separated by blanks, or empty */
    const char *tls_certificate, *tls_key; /* paths; both or neither */
    int64_t workers;
    const char *nginx; /* the program */
    const char *user;
    const char *access_log;
};

/** What the table can't check: texts that become part of nginx's configuration hold only what they may. false with a
 * sentence in `problem`. */
bool gateway_settings_check(const struct gateway_settings *settings, struct buf *problem);

#endif
