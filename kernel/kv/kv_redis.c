#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "kv_import.h"
#include "kv_redis_functions.h"
#include "kv_redis_internal.h"
#include "kv_sum.h"

#include <openssl/ssl.h>

/* Redis reads at most 1024 * 1024 words as one command. */
enum { MOST_WORDS = 1000 * 1000, WORDS_OF_PUT = 3, WORDS_OF_REMOVE = 2, WORDS_OF_COMMIT = 3 };

static struct kv_redis *of(struct kv *port)
{
    return CONTAINER_OF(port, struct kv_redis, port);
}

static bool is_key(struct str key)
{
    ASSERT(key.n && key.p[0] != '\0');
    return key.n <= KV_KEY_MAX;
}

/* What the writer asks; the answer, or an error and a line in the log. */
static int ask_writer(struct kv_redis *self, redisReply **reply, bool *sent, const char *doing)
{
    struct buf problem = {0};

    *sent = false;
    int error = self->command.failed ? E_MEMORY
                                     : kv_redis_ask(self, &self->writing, buf_str(&self->command),
                                                    self->options.patience_ms, reply, sent, &problem);
    if (error && error != E_MEMORY)
        error = kv_redis_report(self, E_UNAVAILABLE, buf_str(&problem), doing);
    buf_free(&problem);
    return error;
}

/* --- load --- */

static int take_value(struct kv_redis *self, struct kv_entry *entry, const redisReply *stored, struct arena *arena)
{
    if (stored->type == REDIS_REPLY_NIL)
        return OK;
    struct str value = redis_text(stored);
    int error = kv_redis_unwrap(self, entry->key, &value);
    if (error)
        return error;
    entry->value = arena_copy(arena, value);
    entry->found = entry->value.p != NULL;
    return entry->found ? OK : E_MEMORY;
}

static int take_values(struct kv_redis *self, struct kv_entry *entries, size_t n, const redisReply *reply,
                       struct arena *arena)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != n)
        return kv_redis_refusal(self, reply, "load");
    int error = OK;
    for (size_t i = 0; i < n && !error; i++)
        error = take_value(self, &entries[i], reply->element[i], arena);
    return error;
}

static int redis_load(struct kv *port, struct kv_entry *entries, size_t n, struct arena *arena)
{
    struct kv_redis *self = of(port);
    redisReply *reply = NULL;
    bool sent = false;

    if (self->lost)
        return E_OUTCOME_UNKNOWN;
    if (n == 0)
        return OK;
    if (n > MOST_WORDS)
        return E_TOO_LARGE;
    redis_command(&self->command, 2 + n);
    redis_word(&self->command, STR("HMGET"));
    redis_word(&self->command, str_of(self->data));
    for (size_t i = 0; i < n; i++) {
        entries[i].value = (struct str){NULL, 0};
        entries[i].found = false;
        if (!is_key(entries[i].key))
            return E_TOO_LARGE;
        redis_word(&self->command, entries[i].key);
    }
    int error = ask_writer(self, &reply, &sent, "load");
    if (!error)
        error = take_values(self, entries, n, reply, arena);
    freeReplyObject(reply);
    return error;
}

/* --- commit --- */

/* A value and its checksum behind it, as one word. */
static void value_word(struct buf *command, struct str key, struct str value)
{
    uint64_t sum = kv_sum_of(key, value);

    buf_char(command, '$');
    buf_u64(command, value.n + KV_SUM);
    BUF_LIT(command, "\r\n");
    buf_add(command, value);
    buf_add(command, (struct str){(const char *)&sum, sizeof(sum)});
    BUF_LIT(command, "\r\n");
}

static int write_commit(struct kv_redis *self, const struct kv_entry *entries, size_t n)
{
    size_t words = WORDS_OF_COMMIT;
    bool removes_only = n > 0;

    for (size_t i = 0; i < n; i++) {
        if (!is_key(entries[i].key))
            return E_TOO_LARGE;
        words += entries[i].remove ? WORDS_OF_REMOVE : WORDS_OF_PUT;
        removes_only = removes_only && entries[i].remove;
    }
    if (words > MOST_WORDS)
        return E_TOO_LARGE;
    kv_redis_call(self, &self->command, removes_only ? KV_REDIS_REMOVE : KV_REDIS_COMMIT, words);
    redis_number(&self->command, self->session);
    redis_number(&self->command, self->token);
    redis_number(&self->command, self->commits + 1);
    for (size_t i = 0; i < n; i++) {
        redis_word(&self->command, entries[i].remove ? STR("-") : STR("+"));
        redis_word(&self->command, entries[i].key);
        if (!entries[i].remove)
            value_word(&self->command, entries[i].key, entries[i].value);
    }
    return self->command.failed ? E_MEMORY : OK;
}

/* A line that has become one to a Redis that won't do is closed: whoever makes it again hears why. */
static void look_again(struct kv_redis *self)
{
    int64_t now = clock_monotonic();
    struct buf problem = {0};

    if (!self->writing.reader || now - self->looked_at < self->options.look_again_ms * US_PER_MS)
        return;
    self->looked_at = now;
    if (kv_redis_look_again(self, &self->writing, now + self->options.patience_ms * US_PER_MS, &problem) != OK)
        redis_line_close(&self->writing);
    buf_free(&problem);
}

/* A commit has a number: sent a second time, after a line that broke in the middle, it is made once. Only when no
 * answer comes for so long that we give up, or a refusal can't tell about the first time, it isn't known. */
static int commit_all(struct kv_redis *self, const struct kv_entry *entries, size_t n)
{
    redisReply *reply = NULL;
    bool sent = false;

    if (self->lost)
        return E_OUTCOME_UNKNOWN;
    int error = write_commit(self, entries, n);
    if (error)
        return error;
    look_again(self);
    error = ask_writer(self, &reply, &sent, "commit");
    if (!error && reply->type != REDIS_REPLY_STATUS)
        error = kv_redis_refusal(self, reply, "commit");
    freeReplyObject(reply);
    if (!error || error == E_FULL)
        kv_redis_hold_on(self);
    if (!error) {
        self->commits++;
        return OK;
    }
    self->lost = sent;
    return sent ? kv_redis_report(self, E_OUTCOME_UNKNOWN, STR("no answer to what was sent"), "commit") : error;
}

static int redis_commit(struct kv *port, const struct kv_entry *entries, size_t n)
{
    return n ? commit_all(of(port), entries, n) : OK;
}

static int redis_probe(struct kv *port)
{
    return commit_all(of(port), NULL, 0); /* its number is written */
}

static int redis_check(struct kv *port)
{
    struct kv_redis *self = of(port);

    if (atomic_load_explicit(&self->damaged, memory_order_relaxed))
        return E_CORRUPT;
    return atomic_load_explicit(&self->gone, memory_order_relaxed);
}

/* As the functions do before a commit. What isn't known to have been committed last may have been. */
static int compare(struct kv_redis *self, const redisReply *reply)
{
    int64_t is[3] = {0}; /* session, token, commit */

    for (size_t i = 0; i < COUNT_OF(is); i++) {
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != COUNT_OF(is) ||
            !str_to_i64(redis_text(reply->element[i]), &is[i]))
            return E_NOT_FOUND;
    }
    if (is[0] > self->session || is[1] > self->token)
        return E_CONFLICT;
    return is[0] < self->session || is[1] < self->token || is[2] < self->commits ? E_NOT_FOUND : OK;
}

static int redis_look(struct kv *port)
{
    struct kv_redis *self = of(port);
    redisReply *reply = NULL;
    bool sent = false;

    redis_command(&self->command, 5);
    redis_word(&self->command, STR("HMGET"));
    redis_word(&self->command, str_of(self->meta));
    redis_word(&self->command, STR("session"));
    redis_word(&self->command, STR("token"));
    redis_word(&self->command, STR("commit"));
    look_again(self);
    int error = ask_writer(self, &reply, &sent, "look");
    if (error || self->lost) {
        freeReplyObject(reply);
        return error;
    }
    error = compare(self, reply);
    if (error)
        atomic_store_explicit(&self->gone, error, memory_order_relaxed);
    else
        kv_redis_hold_on(self);
    freeReplyObject(reply);
    return error;
}

/* --- life --- */

void kv_redis_free(struct kv_redis *self)
{
    redis_line_close(&self->writing);
    while (self->n_idle)
        redis_line_close(&self->idle[--self->n_idle]);
    SSL_CTX_free(self->tls);
    pthread_mutex_destroy(&self->lock);
    buf_free(&self->command);
    heap_free(self);
}

static void redis_close(struct kv *port)
{
    kv_redis_let_go(of(port));
    kv_redis_free(of(port));
}

static int refuse_store(const struct kv_redis *self, const redisReply *reply, struct buf *problem)
{
    const char *cell = self->options.cell;
    struct str said = redis_text(reply);
    struct str rest = {NULL, 0};

    (void)str_split(said, ' ', &rest);
    if (redis_is_error(reply, "FOREIGN")) {
        buf_printf(problem,
                   "the keys {%s}:* in Redis at %s:%s belong to %s%.*s%s, not to \"%s\": choose another Redis "
                   "or database",
                   cell, self->place.host, self->place.port, rest.n ? "\"" : "another program", STR_ARG(rest),
                   rest.n ? "\"" : "", self->options.application);
        return E_FOREIGN;
    }
    if (redis_is_error(reply, "NEWER")) {
        buf_printf(problem,
                   "the store {%s} in Redis at %s:%s was written by a newer version (format %.*s, this one knows "
                   "%d): start the newer version, or restore a backup",
                   cell, self->place.host, self->place.port, STR_ARG(rest), self->options.format);
        return E_NEWER;
    }
    if (redis_is_error(reply, "FENCED")) {
        buf_printf(problem, "the store {%s} in Redis at %s:%s is somebody else's by now (%.*s): get its lease again",
                   cell, self->place.host, self->place.port, STR_ARG(rest));
        return E_CONFLICT;
    }
    if (redis_is_error(reply, "HELD"))
        return kv_redis_say_held(self, problem);
    if (redis_is_error(reply, "DAMAGED")) {
        buf_printf(problem, "the store {%s} in Redis at %s:%s is damaged: restore a backup of all services", cell,
                   self->place.host, self->place.port);
        return E_CORRUPT;
    }
    bool full = redis_is_error(reply, "OOM") || redis_is_error(reply, "MISCONF");
    buf_printf(problem, "Redis at %s:%s refuses the store {%s}: %.*s%s", self->place.host, self->place.port, cell,
               STR_ARG(said), full ? ": make room there" : "");
    return full ? E_FULL : E_SYSTEM;
}

static bool take_opened(struct kv_redis *self, const redisReply *reply, int64_t *format)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
        return false;
    *format = reply->element[0]->integer;
    self->session = reply->element[1]->integer;
    self->token = reply->element[2]->integer;
    self->commits = 0;
    self->looked_at = clock_monotonic();
    self->held_at = self->options.holder ? self->looked_at : 0;
    return true;
}

static int open_store(struct kv_redis *self, int64_t *format, struct buf *problem)
{
    redisReply *reply = NULL;
    bool sent = false;

    kv_redis_call_with(self, &self->command, KV_REDIS_OPEN, 4, 6);
    redis_word(&self->command, str_of(self->options.application));
    redis_number(&self->command, KV_REDIS_LAYOUT);
    redis_number(&self->command, self->options.format);
    redis_number(&self->command, self->options.token);
    redis_word(&self->command, str_of(self->options.holder)); /* NULL: empty */
    redis_number(&self->command, KV_REDIS_HOLD_MS);
    if (self->command.failed)
        return E_MEMORY;
    int error =
        kv_redis_ask(self, &self->writing, buf_str(&self->command), self->options.patience_ms, &reply, &sent, problem);
    if (!error && !take_opened(self, reply, format))
        error = refuse_store(self, reply, problem);
    freeReplyObject(reply);
    return error;
}

/* The new format is noted after the data is in it. */
static int bring_up_to_date(struct kv_redis *self, int64_t format, struct buf *problem)
{
    redisReply *reply = NULL;
    bool sent = false;

    if (format == self->options.format)
        return OK;
    int error = self->options.migrate ? self->options.migrate(&self->port, (int)format) : OK;
    if (error) {
        buf_printf(problem, "bringing the store {%s} from format %lld to %d failed: %s", self->options.cell,
                   (long long)format, self->options.format, error_text(error));
        return error;
    }
    kv_redis_call(self, &self->command, KV_REDIS_UPGRADE, 2);
    redis_number(&self->command, self->session);
    redis_number(&self->command, self->options.format);
    error = ask_writer(self, &reply, &sent, "upgrade");
    if (!error && reply->type != REDIS_REPLY_STATUS)
        error = refuse_store(self, reply, problem);
    else if (error)
        buf_printf(problem, "noting the format of the store {%s} failed: %s", self->options.cell, error_text(error));
    freeReplyObject(reply);
    return error;
}

static int check_import(struct kv_redis *self, struct buf *problem)
{
    struct buf name = {0};

    buf_printf(&name, "the store {%s} in Redis at %s:%s%c", self->options.cell, self->place.host, self->place.port,
               '\0');
    int error = name.failed ? E_MEMORY : kv_check_import(&self->port, self->options.importing, name.p, problem);
    buf_free(&name);
    return error;
}

static int set_up(struct kv_redis *self, struct buf *problem)
{
    int64_t format = 0;

    int error = kv_redis_set(self, problem);
    int64_t patience_ms = self->options.patience_ms;
    if (self->options.opening_ms > 0)
        self->options.patience_ms = self->options.opening_ms;
    if (!error && self->options.look)
        error = kv_redis_look_at(self, problem);
    else if (!error)
        error = open_store(self, &format, problem);
    if (!error && !self->options.look)
        error = bring_up_to_date(self, format, problem);
    if (!error)
        error = check_import(self, problem);
    self->options.patience_ms = patience_ms;
    return error;
}

struct kv *kv_redis_open(const struct kv_redis_options *options, struct buf *problem, int *error)
{
    struct kv_redis *self = heap_alloc(sizeof(*self));

    *error = self ? OK : E_MEMORY;
    if (!self) {
        BUF_LIT(problem, "no memory left to open the store in Redis");
        return NULL;
    }
    self->options = *options;
    self->library = &kv_redis_library;
    self->port = (struct kv){.load = redis_load,
                             .commit = redis_commit,
                             .scan = kv_redis_scan,
                             .last = kv_redis_last,
                             .probe = redis_probe,
                             .check = redis_check,
                             .look = redis_look,
                             .close = redis_close};
    pthread_mutex_init(&self->lock, NULL);
    *error = set_up(self, problem);
    if (*error == OK)
        return &self->port;
    if (*error == E_MEMORY && !problem->n)
        BUF_LIT(problem, "no memory left to open the store in Redis");
    redis_close(&self->port);
    return NULL;
}
