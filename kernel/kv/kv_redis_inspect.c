/* Whether a Redis will do: its version, its role, that it loses nothing, and our functions in it. */
#include "errors.h"
#include "kv_redis_internal.h"

enum { LEAST_VERSION = 7 };

struct inspecting {
    struct kv_redis *self;
    struct redis_line *line;
    int64_t deadline;
    struct buf *problem;
    struct buf command;
    redisReply *reply;
};

/* What Redis said, or words for that it said nothing. */
static struct str or_words(struct str said, const char *words)
{
    return said.n ? said : str_of(words);
}

/* Sends what is in `command`; the answer is there until the next one. */
static int ask(struct inspecting *with)
{
    bool sent = false;

    freeReplyObject(with->reply);
    with->reply = NULL;
    if (with->command.failed)
        return E_MEMORY;
    int error = redis_line_ask(with->line, buf_str(&with->command), with->deadline, &with->reply, &sent);
    if (error)
        buf_printf(with->problem, "Redis at %s:%s doesn't answer (%s): look whether it runs and is what it should be",
                   with->self->place.host, with->self->place.port, with->line->why);
    return error && with->line->refused ? E_SYSTEM : error;
}

static int ask_words(struct inspecting *with, const struct str *words, size_t n)
{
    redis_command(&with->command, n);
    for (size_t i = 0; i < n; i++)
        redis_word(&with->command, words[i]);
    return ask(with);
}

static int refuse(struct inspecting *with, int error, const char *why)
{
    buf_printf(with->problem, "Redis at %s:%s %s", with->self->place.host, with->self->place.port, why);
    return error;
}

/* An answer that isn't what was asked for. What Redis says is shown, but for AUTH: some repeat the command there. */
static int refuse_answer(struct inspecting *with, const char *doing)
{
    const redisReply *reply = with->reply;
    struct str said = or_words(reply->type == REDIS_REPLY_ERROR ? redis_text(reply) : (struct str){NULL, 0},
                               "its answer is of another kind");

    if (redis_is_error(reply, "LOADING") || redis_is_error(reply, "BUSY"))
        return refuse(with, E_UNAVAILABLE, "is busy loading its data or running a script: wait until it is done");
    if (redis_is_error(reply, "NOAUTH"))
        return refuse(with, E_SYSTEM, "wants a password, and none was given: set the password");
    if (redis_is_error(reply, "NOPERM")) {
        buf_printf(with->problem,
                   "Redis at %s:%s doesn't allow this user %s: give the user +info +config|get +function|load "
                   "+function|list +fcall +exists +select %s and the keys ~{%s}:* (ACL SETUSER)",
                   with->self->place.host, with->self->place.port, doing, with->self->library->rights,
                   with->self->options.cell);
        return E_SYSTEM;
    }
    buf_printf(with->problem, "Redis at %s:%s refuses %s: %.*s", with->self->place.host, with->self->place.port, doing,
               STR_ARG(said));
    return redis_is_error(reply, "CLUSTERDOWN") ? E_UNAVAILABLE : E_SYSTEM;
}

static int log_in(struct inspecting *with)
{
    const struct kv_redis *self = with->self;
    struct str password = str_of(self->options.password);
    struct str words[3] = {STR("AUTH"), str_of(self->user), password};

    if (!password.n && !self->user[0])
        return OK;
    if (!self->user[0])
        words[1] = password;
    int error = ask_words(with, words, self->user[0] ? 3 : 2);
    if (error || with->reply->type == REDIS_REPLY_STATUS)
        return error;
    if (redis_is_error(with->reply, "LOADING"))
        return refuse_answer(with, "a log-in");
    return refuse(with, E_SYSTEM, "refuses the user or the password: set the right ones (ACL SETUSER there)");
}

static int choose_database(struct inspecting *with)
{
    if (!with->self->database)
        return OK;
    redis_command(&with->command, 2);
    redis_word(&with->command, STR("SELECT"));
    redis_number(&with->command, with->self->database);
    int error = ask(with);
    return error || with->reply->type == REDIS_REPLY_STATUS ? error
                                                            : refuse_answer(with, "the database of that number");
}

/* The value of a line "name:value" of INFO. */
static struct str fact(const redisReply *info, struct str name)
{
    struct str rest = redis_text(info);

    while (rest.n) {
        struct str line = str_split(rest, '\n', &rest);
        if (str_starts_with(line, name) && line.n > name.n && line.p[name.n] == ':') {
            line = (struct str){line.p + name.n + 1, line.n - name.n - 1};
            return line.n && line.p[line.n - 1] == '\r' ? (struct str){line.p, line.n - 1} : line;
        }
    }
    return (struct str){NULL, 0};
}

static int look_at_server(struct inspecting *with)
{
    struct str rest;
    int64_t major = 0;

    int error = ask_words(with, (struct str[]){STR("INFO")}, 1);
    if (error)
        return error;
    if (with->reply->type != REDIS_REPLY_STRING)
        return refuse_answer(with, "INFO");
    struct str version = or_words(fact(with->reply, STR("redis_version")), "unknown");
    if (!str_to_i64(str_split(version, '.', &rest), &major) || major < LEAST_VERSION) {
        buf_printf(with->problem, "Redis at %s:%s has version %.*s: 7 or newer is needed", with->self->place.host,
                   with->self->place.port, STR_ARG(version));
        return E_SYSTEM;
    }
    if (str_is(fact(with->reply, STR("loading")), "1"))
        return refuse(with, E_UNAVAILABLE, "is still loading its data: wait until it is done");
    if (!str_is(fact(with->reply, STR("role")), "master"))
        return refuse(with, E_SYSTEM, "is a replica and takes no writes: give the address of its master");
    return OK;
}

static struct str setting(const redisReply *map, const char *name)
{
    for (size_t i = 0; i + 1 < map->elements; i += 2) {
        if (str_is(redis_text(map->element[i]), name))
            return redis_text(map->element[i + 1]);
    }
    return (struct str){NULL, 0};
}

/* What a setting has to be, and why. */
static const struct needed {
    const char *name, *value, *why;
} needed[] = {
    {"appendonly", "yes", "it keeps nothing on the disk"},
    {"appendfsync", "always", "what it has confirmed may be lost when the power fails"},
    {"maxmemory-policy", "noeviction", "it may throw entries away when its memory is full"},
};

static int look_at_settings(struct inspecting *with)
{
    redis_command(&with->command, 2 + COUNT_OF(needed));
    redis_word(&with->command, STR("CONFIG"));
    redis_word(&with->command, STR("GET"));
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        redis_word(&with->command, str_of(needed[i].name));
    int error = ask(with);
    if (error)
        return error;
    if (with->reply->type != REDIS_REPLY_ARRAY)
        return refuse_answer(with, "CONFIG GET, so that it can't be told whether it loses nothing");
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        struct str value = or_words(setting(with->reply, needed[i].name), "(none)");
        if (str_is(value, needed[i].value))
            continue;
        buf_printf(with->problem,
                   "Redis at %s:%s has %s %.*s, so %s: set \"%s %s\" in its redis.conf (or CONFIG SET and CONFIG "
                   "REWRITE)",
                   with->self->place.host, with->self->place.port, needed[i].name, STR_ARG(value), needed[i].why,
                   needed[i].name, needed[i].value);
        return E_SYSTEM;
    }
    return OK;
}

/* --- our functions --- */

/* The code of the library that FUNCTION LIST … WITHCODE shows; {NULL,0}: it isn't there. */
static struct str code_of(const redisReply *list)
{
    return list->elements && list->element[0]->type == REDIS_REPLY_ARRAY ? setting(list->element[0], "library_code")
                                                                         : (struct str){NULL, 0};
}

static int look_at_functions(struct inspecting *with, bool *there)
{
    const struct str words[] = {STR("FUNCTION"), STR("LIST"), STR("LIBRARYNAME"), str_of(with->self->library->name),
                                STR("WITHCODE")};
    int error = ask_words(with, words, COUNT_OF(words));
    if (error)
        return error;
    if (with->reply->type != REDIS_REPLY_ARRAY)
        return refuse_answer(with, "FUNCTION LIST");
    struct str code = code_of(with->reply);
    *there = code.n > 0;
    if (!*there || str_is(code, with->self->library->code))
        return OK;
    buf_printf(with->problem,
               "Redis at %s:%s has other functions under the name %s: remove them (FUNCTION DELETE), they are loaded "
               "again at the next start",
               with->self->place.host, with->self->place.port, with->self->library->name);
    return E_FOREIGN;
}

static int load_functions(struct inspecting *with)
{
    const struct str words[] = {STR("FUNCTION"), STR("LOAD"), str_of(with->self->library->code)};
    bool there = false;

    int error = look_at_functions(with, &there);
    if (error || there)
        return error;
    error = ask_words(with, words, COUNT_OF(words));
    if (error)
        return error;
    if (redis_is_error(with->reply, "OOM") || redis_is_error(with->reply, "MISCONF"))
        return refuse(with, E_FULL, "is full or can't write to its disk: make room there");
    if (with->reply->type == REDIS_REPLY_ERROR && !memmem(with->reply->str, (size_t)with->reply->len, "exists", 6))
        return refuse_answer(with, "FUNCTION LOAD");
    return look_at_functions(with, &there); /* by us, or by another one at the same moment */
}

int kv_redis_inspect(struct kv_redis *self, struct redis_line *line, int64_t deadline, struct buf *problem)
{
    struct inspecting with = {.self = self, .line = line, .deadline = deadline, .problem = problem};

    int error = log_in(&with);
    if (!error)
        error = choose_database(&with);
    if (!error)
        error = look_at_server(&with);
    if (!error)
        error = look_at_settings(&with);
    if (!error)
        error = load_functions(&with);
    freeReplyObject(with.reply);
    buf_free(&with.command);
    return error;
}

int kv_redis_look_again(struct kv_redis *self, struct redis_line *line, int64_t deadline, struct buf *problem)
{
    struct inspecting with = {.self = self, .line = line, .deadline = deadline, .problem = problem};

    int error = look_at_settings(&with);
    freeReplyObject(with.reply);
    buf_free(&with.command);
    return error;
}
