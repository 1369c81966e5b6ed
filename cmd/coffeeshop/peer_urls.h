/** peer_urls.h: how the services of one shop find each other when only their own addresses were given. */
#ifndef COFFEESHOP_PEER_URLS_H
#define COFFEESHOP_PEER_URLS_H

#include "config.h"

/** Fills in every <service>.<peer>_url that nobody gave a value and that has to have one, from <peer>.listen where that
 * was given: whoever moves stock by one setting has moved it for everybody. Where <peer>.listen has several addresses
 * the first counts; one that means "everywhere" is asked at loopback. Every group needs its `given`; those whose `into`
 * is NULL are passed over. false when there is no memory. */
bool peer_urls_derive(const struct setting_group *groups, size_t n_groups, struct arena *arena);
/** For who runs them all: the same for those that may stay empty (a peer that can be done without: payment), from
 * <peer>.listen whether it was given or not. Given empty, they stay empty. */
bool peer_urls_derive_all(const struct setting_group *groups, size_t n_groups, struct arena *arena);

/** Adds the address (host:port) at which a service that listens on `listen` can be asked from this machine. */
void reachable_address(struct str listen, struct buf *out);

#endif
