/** shop.h: what the commands of cmd/coffeeshop share: the list of programs, the commands, the settings of everything.
 */
#ifndef COFFEESHOP_SHOP_H
#define COFFEESHOP_SHOP_H

#include "config.h"
#include "program.h"
#include "supervisor.h"

enum exit_status { EXIT_OK = 0, EXIT_CANNOT = 1, EXIT_USAGE = 2 };

/** One word after `coffeeshop`. A new command is a row in commands.c. */
struct command_row {
    const char *name;
    const char *arguments; /* for --help: "[SERVICE]" */
    const char *doc;       /* one sentence */
    /** `argc` and `argv` without the program's and the command's name. Returns the exit status. */
    int (*run)(int argc, char *const *argv);
};

extern const struct command_row shop_commands[];
extern const size_t shop_commands_count;

extern const struct program *const shop_programs[];
extern const size_t shop_programs_count;

/** NULL when there is none of that name. */
const struct program *shop_find_program(struct str name);

/** Settings of `coffeeshop up`. */
struct up_settings {
    struct supervisor_settings supervisor;
};
extern const struct setting up_rows[];
extern const size_t up_rows_count;

/** The settings of the whole shop: common ones, up's, every program's. */
struct shop_settings {
    struct arena arena; /* texts */
    struct common_settings common;
    struct up_settings up;
    void **program;               /* as shop_programs; each filled by its rows */
    struct setting_group *groups; /* 0: common, 1: up, then as shop_programs */
    size_t n_groups;
};

/** Reads them all. Returns EXIT_OK with `*wants_help`, or EXIT_USAGE / EXIT_CANNOT after a sentence on standard error.
 */
int shop_settings_load(struct shop_settings *settings, int argc, char *const *argv, bool *wants_help);
void shop_settings_free(struct shop_settings *settings);
/** The value of a program's setting that is a text; empty when there is none of that name. */
const char *shop_text_of(const struct shop_settings *settings, const char *name);
/** Where a program listens: the value of its setting <name>.listen; empty when it has none. */
const char *shop_listen_of(const struct shop_settings *settings, const struct program *program);

/** Runs one service with the settings of the flags, the environment and the file, until SIGTERM or SIGINT. */
int run_program(const struct program *program, int argc, char *const *argv);

int run_up(int argc, char *const *argv);
int run_settings(int argc, char *const *argv);
int run_dead_letters(int argc, char *const *argv);
int run_feeds(int argc, char *const *argv);
int run_view(int argc, char *const *argv);
int run_export(int argc, char *const *argv);
int run_import(int argc, char *const *argv);
int run_version(int argc, char *const *argv);
int run_help(int argc, char *const *argv);

/** Writes the text to standard output; EXIT_CANNOT when that fails (a closed pipe, a full disk, no memory for it). */
int print_out(const struct buf *text);
/** Writes how a command is used to standard output; `status`, or EXIT_CANNOT when that fails. */
int print_usage(const char *usage, int status);
/** "coffeeshop: <sentence>" to standard error. */
void print_problem(const struct buf *problem);

#endif
