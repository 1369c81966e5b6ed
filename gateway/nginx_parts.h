/** nginx_parts.h: what fills the @names@ of nginx.conf.in. Pure; only nginx_conf.c calls these. */
#ifndef COFFEESHOP_NGINX_PARTS_H
#define COFFEESHOP_NGINX_PARTS_H

#include "nginx_conf.h"

/** What a template is filled from. */
struct filler {
    const struct gateway_settings *settings;
    const struct nginx_surroundings *surroundings;
};

typedef void write_part(const struct filler *filler, struct buf *out);

/* nginx_routes.c: what goes to which service */
write_part write_upstreams, write_service_routes, write_passed_headers, write_stream_headers, write_passed_texts;
/* nginx_problems.c: what the gateway itself has to say */
write_part write_problems, write_problem_paths, write_page_headers;
/* nginx_door.c: where it listens and who may come in */
write_part write_listen, write_tls, write_unlimited, write_operators, write_trusted_proxies, write_real_ip, write_hosts,
    write_cors_default, write_cors_origins, write_cors_headers, write_told_origin, write_told_site, write_client_host,
    write_client_scheme, write_map_bucket, write_is_name, write_octet, write_port;

#endif
