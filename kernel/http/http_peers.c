#include "http_internal.h"

#include "clock.h"

#include <sys/socket.h>

void http_peers_add(struct http_peers *peers, struct http_peer *peer, int64_t now_us)
{
    http_peer_leave(peer);
    peer->in = peers;
    peer->due_us = now_us + peers->patience_us;
    peer->older = peers->newest;
    peer->newer = NULL;
    if (peers->newest)
        peers->newest->newer = peer;
    else
        peers->oldest = peer;
    peers->newest = peer;
}

void http_peer_leave(struct http_peer *peer)
{
    struct http_peers *peers = peer->in;
    if (!peers)
        return;
    if (peer->older)
        peer->older->newer = peer->newer;
    else
        peers->oldest = peer->newer;
    if (peer->newer)
        peer->newer->older = peer->older;
    else
        peers->newest = peer->older;
    peer->in = NULL;
    peer->older = peer->newer = NULL;
}

int64_t http_peers_expire(struct http_peers *peers, int64_t now_us)
{
    while (peers->oldest && peers->oldest->due_us <= now_us) {
        struct http_peer *peer = peers->oldest;
        http_peer_leave(peer);
        /* MHD sees the end of the connection and cleans up after itself. */
        shutdown(peer->fd, SHUT_RDWR);
    }
    return peers->oldest ? peers->oldest->due_us : TIME_NEVER;
}
