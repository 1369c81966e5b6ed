/** gateway_surroundings.h: what nginx's configuration takes from this machine rather than from the settings. One
 * thread.
 */
#ifndef COFFEESHOP_GATEWAY_SURROUNDINGS_H
#define COFFEESHOP_GATEWAY_SURROUNDINGS_H

#include "nginx_conf.h"
#include "program.h"

/** The texts that the surroundings point to. */
struct gateway_texts {
    char host_name[256];
    struct buf group, certificate, key, access_log; /* NUL-terminated */
};

/** Asks for this machine's name, for the services' addresses, for the user of nginx's workers when we are root, for the
 * files of TLS and of the log. false with a sentence in `problem` when one of them isn't there. `texts` are zeroed by
 * the caller and freed by gateway_texts_free(), whatever comes of it. */
bool gateway_surroundings_find(const struct gateway_settings *settings, const struct common_settings *common,
                               struct gateway_texts *texts, struct nginx_surroundings *surroundings,
                               struct buf *problem);
void gateway_texts_free(struct gateway_texts *texts);

#endif
