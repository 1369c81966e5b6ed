/** config.h: settings as a table. One row: name, type, default, range, sentence. The same table reads flag, environment
 * and file, prints `--help`, `coffeeshop settings` and the docs.
 *
 *  `product.brew_ms` is the flag --product.brew_ms=0 (or --product.brew_ms 0), the environment variable
 *  COFFEESHOP_PRODUCT_BREW_MS, or the line `product.brew_ms = 0` of the file given by --config (# starts a comment).
 *  Flag beats environment beats file beats default. An unknown name or a value out of range is an error with a
 * sentence. In file and environment a name that some other service knows is accepted (one file configures the whole
 * shop). Variables that Kubernetes sets for a Service whose name begins with "coffeeshop" (COFFEESHOP_PORT=tcp://…) are
 * not taken for settings.
 *
 *  A secret comes from the environment alone, or from a file of its own that the setting <name>_file names: a flag is
 * seen by everybody on the machine (ps), and files of settings are shown around. It is never printed and never quoted,
 * and a process that finds one in its environment leaves no core dump. One that is another service's is wiped there.
 */
#ifndef COFFEESHOP_CONFIG_H
#define COFFEESHOP_CONFIG_H

#include "arena.h"
#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_type {
    SETTING_INT,    /* int64_t, min..max */
    SETTING_MS,     /* int64_t milliseconds, min..max */
    SETTING_BYTES,  /* int64_t; suffixes KiB MiB GiB are taken */
    SETTING_BOOL,   /* bool: true false on off yes no 1 0 */
    SETTING_TEXT,   /* const char *; min..max is the length */
    SETTING_WORD,   /* the same, of letters, digits and - _ . only */
    SETTING_CHOICE, /* int64_t index into `choices` ("auto|manual") */
    SETTING_LISTEN, /* const char *: "127.0.0.1:8081", "0.0.0.0:8080 [::]:8080"; separated by blanks */
    SETTING_URL,    /* const char *: http://host:port or empty */
    SETTING_URLS,   /* const char *: several of these, separated by blanks */
    SETTING_SERVER, /* const char *: where a server is, in the words of its own library, or empty; min..max is the
                       length. One with a password in it is refused, and not quoted: that comes another way */
    SETTING_SECRET, /* const char *, min..max is the length; the environment's own memory, which its user may wipe */
};

struct setting {
    const char *name;
    enum setting_type type;
    const char *fallback; /* the default, as one would write it */
    int64_t min, max;
    const char *choices; /* of SETTING_CHOICE; of SETTING_SERVER how one looks, unless NULL: PostgreSQL's */
    const char *doc;     /* one sentence, for --help */
    size_t offset;       /* in the struct that is filled */
};

/** One struct and the rows that fill it. A program has several groups: kernel's (http.*, log.*, data …), the service's.
 */
struct setting_group {
    const struct setting *rows;
    size_t n_rows;
    void *into;
    /** Unless NULL, one for each row: whether a file, the environment or a flag gave it a value. The caller's. */
    bool *given;
};

struct config_source {
    int argc; /* without the program's and the command's name */
    char *const *argv;
    char *const *environment; /* NULL-terminated, as environ */
};

/** Fills all groups. Texts live in `arena`. `known` are groups of other services whose names the file and the
 * environment may use (their values are checked, but go nowhere when `into` is NULL). Flags may only name rows of
 * `groups`. Returns true; or false with one sentence in `problem` that names the setting, where it came from, and what
 * was wrong.
 *  `*wants_help` is set when --help or -h was among the flags (then nothing else is checked). */
bool config_load(const struct setting_group *groups, size_t n_groups, const struct setting_group *known, size_t n_known,
                 const struct config_source *source, struct arena *arena, bool *wants_help, struct buf *problem);
/** The text of --help for these groups: name, default, range, sentence; aligned. */
void config_print_help(const struct setting_group *groups, size_t n_groups, struct buf *out);
/** The values in force, as lines `name = value` that --config reads back; without secrets. */
void config_print_values(const struct setting_group *groups, size_t n_groups, struct buf *out);

/** A copy of `environment` for another program of the shop: its COFFEESHOP_* replaced by every value in force of
 * `groups`. NULL-terminated, in `arena`; NULL when there is no memory. */
char **config_to_environment(const struct setting_group *groups, size_t n_groups, char *const *environment,
                             struct arena *arena);

#define SETTING(structure, member, name_, type_, fallback_, min_, max_, doc_)                                          \
    {                                                                                                                  \
        .name = (name_), .type = (type_), .fallback = (fallback_), .min = (min_), .max = (max_), .doc = (doc_),        \
        .offset = offsetof(structure, member)                                                                          \
    }

#endif
