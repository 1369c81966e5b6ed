#include "base.h"
#include "errors.h"
#include "kv_redis_functions.h"
#include "kv_redis_internal.h"
#include "kv_sum.h"
#include "log.h"

/* A scan is one step inside Redis. So that one that is stopped early doesn't carry the whole store here, the first
 * question ends with the entry that makes it so large; only if more is wanted, all is asked for. */
enum { FIRST_BYTES = 1024 * 1024, MOST_ENTRIES = 1 << 30 };
/* For a Redis that somebody has waited for in vain just now. */
enum { AWAY_PATIENCE_MS = 100 };

static struct kv_redis *of(struct kv *port)
{
    return CONTAINER_OF(port, struct kv_redis, port);
}

int kv_redis_unwrap(struct kv_redis *self, struct str key, struct str *value)
{
    if (kv_sum_take_off(key, value))
        return OK;
    if (!atomic_exchange_explicit(&self->damaged, true, memory_order_relaxed))
        log_error("an entry of the store is damaged: it isn't what was written", LOG_T("cell", self->options.cell),
                  LOG_S("key", key));
    return E_CORRUPT;
}

/* --- the readers' connections --- */

static struct redis_line take_line(struct kv_redis *self)
{
    struct redis_line line = {.fd = -1};

    pthread_mutex_lock(&self->lock);
    if (self->n_idle)
        line = self->idle[--self->n_idle];
    pthread_mutex_unlock(&self->lock);
    return line;
}

static void give_back(struct kv_redis *self, struct redis_line *line)
{
    pthread_mutex_lock(&self->lock);
    bool kept = line->reader && self->n_idle < KV_REDIS_IDLE;
    if (kept)
        self->idle[self->n_idle++] = *line;
    pthread_mutex_unlock(&self->lock);
    if (!kept)
        redis_line_close(line);
}

/* An array of two comes, or an error and no answer. */
static int ask_reader(struct kv_redis *self, const struct buf *command, redisReply **reply)
{
    struct buf problem = {0};
    bool sent = false;

    if (command->failed)
        return E_MEMORY;
    struct redis_line line = take_line(self);
    int64_t patience = self->options.patience_ms;
    if (patience > AWAY_PATIENCE_MS && atomic_load_explicit(&self->away, memory_order_relaxed))
        patience = AWAY_PATIENCE_MS;
    int error = kv_redis_ask(self, &line, buf_str(command), patience, reply, &sent, &problem);
    give_back(self, &line);
    if (error)
        error = kv_redis_report(self, error == E_MEMORY ? error : E_UNAVAILABLE, buf_str(&problem), "scan");
    buf_free(&problem);
    if (error)
        return error;
    if ((*reply)->type == REDIS_REPLY_ARRAY && (*reply)->elements == 2 &&
        (*reply)->element[1]->type == REDIS_REPLY_ARRAY)
        return OK;
    error = kv_redis_refusal(self, *reply, "scan");
    freeReplyObject(*reply);
    *reply = NULL;
    return error;
}

/* --- what is asked --- */

struct range {
    struct str prefix;
    struct str low; /* the first that may be in it */
    size_t limit;
    bool backwards;
};

/* The first key that sorts behind all that start with `prefix`; as ZRANGE BYLEX writes it. */
static void high_word(struct buf *command, struct str prefix)
{
    char bound[KV_KEY_MAX + 1] = "(";
    size_t n = prefix.n;

    while (n && (unsigned char)prefix.p[n - 1] == 0xff)
        n--;
    if (n == 0) {
        redis_word(command, STR("+"));
        return;
    }
    memcpy(bound + 1, prefix.p, n);
    bound[n]++;
    redis_word(command, (struct str){bound, n + 1});
}

static void low_word(struct buf *command, struct str low)
{
    char bound[KV_KEY_MAX + 1] = "[";

    if (low.n)
        memcpy(bound + 1, low.p, low.n);
    redis_word(command, low.n ? (struct str){bound, low.n + 1} : STR("-"));
}

static int ask_range(struct kv_redis *self, const struct range *range, int64_t budget, redisReply **reply)
{
    struct buf command = {0};

    redis_command(&command, 10);
    redis_word(&command, STR("FCALL_RO"));
    redis_word(&command, STR(KV_REDIS_SCAN));
    redis_number(&command, 2);
    redis_word(&command, str_of(self->data));
    redis_word(&command, str_of(self->names));
    low_word(&command, range->low);
    high_word(&command, range->prefix);
    redis_number(&command, range->limit < MOST_ENTRIES ? (int64_t)range->limit : MOST_ENTRIES);
    redis_number(&command, budget);
    redis_number(&command, range->backwards);
    int error = ask_reader(self, &command, reply);
    buf_free(&command);
    return error;
}

/* --- what comes --- */

/* Over keys and values, with their checksums, in order. */
static uint64_t digest_of(const redisReply *entries, size_t n)
{
    uint64_t digest = 0;

    for (size_t i = 0; i < n; i++) {
        struct str text = redis_text(entries->element[i]);
        digest = checksum_of(text.p, text.n, digest);
    }
    return digest;
}

static int hand_out(struct kv_redis *self, const redisReply *entries, size_t first, kv_on_entry *on_entry,
                    void *context)
{
    for (size_t i = first; i + 1 < entries->elements; i += 2) {
        struct str key = redis_text(entries->element[i]);
        struct str value = redis_text(entries->element[i + 1]);
        int stopped = kv_redis_unwrap(self, key, &value);
        if (!stopped)
            stopped = on_entry(context, key, value);
        if (stopped)
            return stopped;
    }
    return OK;
}

/* The rest, from a view in which what was handed out already is the same: so all of it is that one view. */
static int hand_out_rest(struct kv_redis *self, const struct range *range, size_t seen, uint64_t digest,
                         kv_on_entry *on_entry, void *context)
{
    redisReply *reply = NULL;

    int error = ask_range(self, range, 0, &reply);
    if (!reply)
        return error;
    const redisReply *all = reply->element[1];
    if (all->elements >= seen && digest_of(all, seen) == digest)
        error = hand_out(self, all, seen, on_entry, context);
    else
        error = kv_redis_report(self, E_UNAVAILABLE, STR("it was changed while it was read"), "scan");
    freeReplyObject(reply);
    return error;
}

static int walk(struct kv_redis *self, const struct range *range, kv_on_entry *on_entry, void *context)
{
    redisReply *reply = NULL;

    int error = ask_range(self, range, FIRST_BYTES, &reply);
    if (!reply)
        return error;
    const redisReply *entries = reply->element[1];
    bool more = reply->element[0]->type == REDIS_REPLY_INTEGER && reply->element[0]->integer;
    size_t seen = entries->elements;
    uint64_t digest = more ? digest_of(entries, seen) : 0;
    error = hand_out(self, entries, 0, on_entry, context);
    freeReplyObject(reply);
    return error || !more ? error : hand_out_rest(self, range, seen, digest, on_entry, context);
}

int kv_redis_scan(struct kv *port, struct str prefix, struct str from, size_t limit, kv_on_entry *on_entry,
                  void *context)
{
    const struct range range = {prefix, str_compare(prefix, from) > 0 ? prefix : from, limit, false};

    if (prefix.n > KV_KEY_MAX || range.low.n > KV_KEY_MAX)
        return E_TOO_LARGE;
    return limit ? walk(of(port), &range, on_entry, context) : OK;
}

int kv_redis_last(struct kv *port, struct str prefix, kv_on_entry *on_entry, void *context)
{
    const struct range range = {prefix, prefix, 1, true};

    return prefix.n > KV_KEY_MAX ? E_TOO_LARGE : walk(of(port), &range, on_entry, context);
}
