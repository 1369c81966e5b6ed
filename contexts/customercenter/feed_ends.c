#include "feed_ends.h"

#include "base.h"

enum { ASK_MS = 5000 };

/* The feed's newest position among a service's metrics; false: it isn't there. */
static bool find_position(struct str metrics, uint64_t *position)
{
    static const struct str name = STR_INIT("coffeeshop_feed_position ");

    while (metrics.n) {
        struct str line = str_split(metrics, '\n', &metrics);
        if (str_starts_with(line, name))
            return str_to_u64((struct str){line.p + name.n, line.n - name.n}, position);
    }
    return false;
}

static void on_answer(struct http_call *call, int error)
{
    struct feed_end *end = CONTAINER_OF(call, struct feed_end, question);
    struct feed_ends *ends = end->all;
    bool told = !error && call->status == 200 && find_position(buf_str(&call->reply), &end->newest);

    ends->n_unanswered--;
    ends->all_told &= told;
    if (!told)
        ends->untold(ends, (size_t)(end - ends->of), error);
    if (ends->n_unanswered == 0 && ends->all_told)
        ends->told(ends);
}

bool feed_ends_open(struct feed_ends *ends, const char *const *urls, size_t n)
{
    bool fine = true;

    ends->n = n;
    for (size_t i = 0; i < n; i++) {
        struct feed_end *end = &ends->of[i];
        end->all = ends;
        buf_printf(&end->url, "%s/metrics", urls[i]);
        buf_char(&end->url, '\0');
        fine = fine && !end->url.failed;
    }
    return fine;
}

void feed_ends_ask(struct feed_ends *ends, struct http_client *client)
{
    ends->n_unanswered = ends->n;
    ends->all_told = true;
    for (size_t i = 0; i < ends->n; i++) {
        struct feed_end *end = &ends->of[i];
        end->question = (struct http_call){.method = "GET", .url = end->url.p, .timeout_ms = ASK_MS, .done = on_answer};
        http_client_call(client, &end->question);
    }
}

void feed_ends_close(struct feed_ends *ends)
{
    for (size_t i = 0; i < ends->n; i++)
        buf_free(&ends->of[i].url);
}
