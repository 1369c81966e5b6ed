#include "config.h"

#include "config_file.h"
#include "config_value.h"

#include <errno.h>
#include <sys/prctl.h>

/* One load in progress. */
struct loader {
    const struct setting_group *groups, *known;
    size_t n_groups, n_known;
    struct arena *arena;
    struct buf *problem;
};

/* Where a setting was found; `into` NULL when its value goes nowhere, `given` when nobody asks whether it was set. */
struct target {
    const struct setting *row;
    void *into;
    bool *given;
};

/* Whether `name` means `row`: each source writes names in its own way. */
typedef bool names_row(struct str name, const struct setting *row);

static bool is_name(struct str name, const struct setting *row)
{
    return str_is(name, row->name);
}

/* PRODUCT_BREW_MS for product.brew_ms */
static bool is_environment_name(struct str name, const struct setting *row)
{
    struct str dotted = str_of(row->name);

    if (name.n != dotted.n)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] != config_environment_letter(dotted.p[i]))
            return false;
    }
    return true;
}

static bool find_in(const struct setting_group *groups, size_t n, struct str name, names_row *means,
                    struct target *found)
{
    for (size_t g = 0; g < n; g++) {
        for (size_t i = 0; i < groups[g].n_rows; i++) {
            if (!means(name, &groups[g].rows[i]))
                continue;
            bool *given = groups[g].given ? &groups[g].given[i] : NULL;
            *found = (struct target){&groups[g].rows[i], groups[g].into, given};
            return true;
        }
    }
    return false;
}

static bool find(const struct loader *loader, struct str name, names_row *means, struct target *found)
{
    return find_in(loader->groups, loader->n_groups, name, means, found) ||
           find_in(loader->known, loader->n_known, name, means, found);
}

/* Fills in a value; on failure the sentence is "<where> is "<text>" but has to be …". */
static bool set(const struct loader *loader, const struct target *target, struct str where, struct str text)
{
    struct buf why = {0};
    bool ok = config_value_set(target->row, target->into, text, loader->arena, &why);

    if (!ok) {
        buf_add(loader->problem, where);
        if (target->row->type != SETTING_SECRET && target->row->type != SETTING_SERVER) {
            BUF_LIT(loader->problem, " is ");
            buf_json_string(loader->problem, text);
            BUF_LIT(loader->problem, " but");
        }
        buf_char(loader->problem, ' ');
        buf_add(loader->problem, buf_str(&why));
    }
    if (ok && target->given)
        *target->given = true;
    buf_free(&why);
    return ok;
}

static bool load_defaults(const struct loader *loader)
{
    for (size_t g = 0; g < loader->n_groups; g++) {
        for (size_t i = 0; i < loader->groups[g].n_rows; i++) {
            const struct target target = {&loader->groups[g].rows[i], loader->groups[g].into, NULL};
            if (!set(loader, &target, str_of(target.row->name), str_of(target.row->fallback)))
                return false;
        }
    }
    return true;
}

/* How many letters one would have to put, take or change; small names only, for "did you mean". */
static size_t distance(struct str a, struct str b)
{
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1];

    if (a.n > LONGEST || b.n > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t best = diagonal + (a.p[i - 1] != b.p[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b.n];
}

static void suggest(const struct setting_group *groups, size_t n, struct str name, struct buf *problem)
{
    const char *nearest = NULL;
    size_t least = 4; /* further away it would be guessing */

    for (size_t g = 0; g < n; g++) {
        for (size_t i = 0; i < groups[g].n_rows; i++) {
            size_t far = distance(name, str_of(groups[g].rows[i].name));
            if (far >= least)
                continue;
            least = far;
            nearest = groups[g].rows[i].name;
        }
    }
    if (nearest)
        buf_printf(problem, "; did you mean %s?", nearest);
}

static bool unknown(const struct loader *loader, struct str where, struct str name)
{
    buf_add(loader->problem, where);
    BUF_LIT(loader->problem, " is not a setting");
    suggest(loader->groups, loader->n_groups, name, loader->problem);
    return false;
}

/* Everybody on the machine can see flags, and files of settings are passed around. */
static bool refuse_secret(const struct loader *loader, struct str where, const struct setting *row)
{
    buf_add(loader->problem, where);
    BUF_LIT(loader->problem, " is a secret: it is read from the environment variable ");
    config_variable_write(row, loader->problem);
    buf_printf(loader->problem, " alone, or from the file that %s_file names", row->name);
    return false;
}

/* One line of the file. */
static bool take_line(void *context, struct str where, struct str name, struct str value)
{
    const struct loader *loader = context;
    struct target target;

    if (!find(loader, name, is_name, &target))
        return unknown(loader, where, name);
    if (target.row->type == SETTING_SECRET)
        return refuse_secret(loader, where, target.row);
    return set(loader, &target, where, value);
}

static const struct str prefix = STR_INIT("COFFEESHOP_");

/* COFFEESHOP_CONFIG names the file; it is not in the table because it says where the table is filled from. */
static bool is_config(struct str name)
{
    return str_is(name, "CONFIG");
}

static bool has_word(struct str name, struct str word)
{
    return memmem(name.p, name.n, word.p, word.n) != NULL;
}

/* Whether a variable is one that Kubernetes puts into every container for a Service called coffeeshop or coffeeshop-…
 * (SERVICE_HOST, SERVICE_PORT, SERVICE_PORT_HTTP, PORT, PORT_8080_TCP, PORT_8080_TCP_ADDR …): a name that happens to
 * begin as ours do, and no setting. */
static bool is_service_link(struct str name, struct str value)
{
    static const char *const schemes[] = {"tcp://", "udp://", "sctp://"};

    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (str_starts_with(value, str_of(schemes[i])))
            return true;
    }
    return has_word(name, STR("SERVICE_HOST")) || has_word(name, STR("SERVICE_PORT")) || has_word(name, STR("_TCP")) ||
           has_word(name, STR("_UDP")) || has_word(name, STR("_SCTP"));
}

static bool is_row_of(const struct setting_group *groups, size_t n, const struct setting *row)
{
    for (size_t g = 0; g < n; g++) {
        if (row >= groups[g].rows && row < groups[g].rows + groups[g].n_rows)
            return true;
    }
    return false;
}

/* The environment is a part of the process's memory, and of what it hands on. */
static void guard_secret(const struct loader *loader, const struct setting *row, char *value)
{
    prctl(PR_SET_DUMPABLE, 0);
    if (!is_row_of(loader->groups, loader->n_groups, row))
        explicit_bzero(value, strlen(value));
}

static bool load_environment(const struct loader *loader, char *const *environment)
{
    for (; environment && *environment; environment++) {
        struct str value;
        struct str variable = str_split(str_of(*environment), '=', &value);
        struct target target;

        if (str_is(variable, "PGPASSWORD")) /* libpq's, for store.sql */
            prctl(PR_SET_DUMPABLE, 0);
        if (!str_starts_with(variable, prefix))
            continue;
        struct str name = {variable.p + prefix.n, variable.n - prefix.n};
        if (is_config(name))
            continue;
        bool is_setting = find(loader, name, is_environment_name, &target);
        if (!is_setting && is_service_link(name, value))
            continue;
        if (!is_setting) {
            buf_add(loader->problem, variable);
            BUF_LIT(loader->problem, " in the environment is not a setting");
            return false;
        }
        if (!set(loader, &target, variable, value))
            return false;
        if (target.row->type == SETTING_SECRET)
            guard_secret(loader, target.row, (char *)value.p);
    }
    return true;
}

/* --name=value or --name value */
struct flag {
    struct str whole; /* --name */
    struct str name;
    struct str value;
};

static bool next_flag(const struct config_source *source, int *at, struct flag *flag, struct buf *problem)
{
    struct str text = str_of(source->argv[(*at)++]);

    if (text.n < 3 || !str_starts_with(text, STR("--"))) {
        buf_json_string(problem, text);
        BUF_LIT(problem, " is not a flag: they look like --data=DIR");
        return false;
    }
    flag->whole = str_split(text, '=', &flag->value);
    flag->name = (struct str){flag->whole.p + 2, flag->whole.n - 2};
    if (flag->value.p) /* also --name= with nothing behind it */
        return true;
    if (*at >= source->argc || strncmp(source->argv[*at], "--", 2) == 0) {
        buf_add(problem, flag->whole);
        BUF_LIT(problem, " needs a value");
        return false;
    }
    flag->value = str_of(source->argv[(*at)++]);
    return true;
}

static bool load_flags(const struct loader *loader, const struct config_source *source)
{
    for (int at = 0; at < source->argc;) {
        struct flag flag;
        struct target target;

        if (!next_flag(source, &at, &flag, loader->problem))
            return false;
        if (str_is(flag.name, "config"))
            continue;
        if (!find_in(loader->groups, loader->n_groups, flag.name, is_name, &target))
            return unknown(loader, flag.whole, flag.name);
        if (target.row->type == SETTING_SECRET)
            return refuse_secret(loader, flag.whole, target.row);
        if (!set(loader, &target, flag.whole, flag.value))
            return false;
    }
    return true;
}

/* The file's path: --config, else COFFEESHOP_CONFIG, else NULL. */
static const char *config_path(const struct config_source *source)
{
    const char *path = NULL;
    struct buf ignored = {0};

    for (char *const *entry = source->environment; entry && *entry; entry++) {
        if (strncmp(*entry, "COFFEESHOP_CONFIG=", strlen("COFFEESHOP_CONFIG=")) == 0)
            path = *entry + strlen("COFFEESHOP_CONFIG=");
    }
    for (int at = 0; at < source->argc;) {
        struct flag flag;
        if (next_flag(source, &at, &flag, &ignored) && str_is(flag.name, "config"))
            path = flag.value.p;
    }
    buf_free(&ignored);
    return path;
}

static bool asks_for_help(const struct config_source *source)
{
    for (int i = 0; i < source->argc; i++) {
        if (strcmp(source->argv[i], "--help") == 0 || strcmp(source->argv[i], "-h") == 0)
            return true;
    }
    return false;
}

bool config_load(const struct setting_group *groups, size_t n_groups, const struct setting_group *known, size_t n_known,
                 const struct config_source *source, struct arena *arena, bool *wants_help, struct buf *problem)
{
    const struct loader loader = {groups, known, n_groups, n_known, arena, problem};

    *wants_help = asks_for_help(source);
    if (!load_defaults(&loader))
        return false;
    if (*wants_help)
        return true;
    const char *path = config_path(source);
    if (path && !config_file_read(path, take_line, (void *)&loader, problem))
        return false;
    return load_environment(&loader, source->environment) && load_flags(&loader, source);
}
