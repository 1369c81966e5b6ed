/** feed_ends.h: how far the feeds of the view's producers are, as these say themselves: the metric
 * coffeeshop_feed_position of each. Loop thread.
 */
#ifndef COFFEESHOP_FEED_ENDS_H
#define COFFEESHOP_FEED_ENDS_H

#include "buf.h"
#include "http_client.h"
#include "mypage.h"

struct feed_ends;

/** One producer. */
struct feed_end {
    struct feed_ends *all;
    struct http_call question;
    struct buf url;  /* of its metrics */
    uint64_t newest; /* as last told; 0 before */
};

/** The owner sets the callbacks, either of which may stop the loop. */
struct feed_ends {
    /** All have told. */
    void (*told)(struct feed_ends *ends);
    /** The one at `i` hasn't: an errors.h code, 0 when what answered wasn't it. For each; then `told` isn't called. */
    void (*untold)(struct feed_ends *ends, size_t i, int error);
    struct feed_end of[MYPAGE_PRODUCER_COUNT];
    size_t n, n_unanswered;
    bool all_told;
};

/** `urls`: where the `n` services are; copied. false: no memory. Either way feed_ends_close() has to follow. */
bool feed_ends_open(struct feed_ends *ends, const char *const *urls, size_t n);
/** Asks all; not again before all have answered. When the client ends those that haven't are untold. */
void feed_ends_ask(struct feed_ends *ends, struct http_client *client);
/** After the client's end. */
void feed_ends_close(struct feed_ends *ends);

#endif
