/* mutants_run.c: plants one mutant after the other, lets the simulation and the tables' own tests look for it, and says
 * which nobody finds: mutants_run TABLES [--every 1] [--from 0] [--seeds 100] [--aloud 1]. TABLES is where the tests
 * are that look at every cell. */
#include "mutants.h"

#include "base.h"
#include "sim.h"
#include "str.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum verdict { NOTICED = 7, MISSED, UNMET, NOT_RUN = 127 };
enum { LONGEST_S = 60 };

struct arguments {
    const char *tables;
    uint64_t every, from, seeds, aloud;
};

static const char *const tests[MUTATED_COUNT] = {[MUTATED_ORDER] = "order",
                                                 [MUTATED_TICKET] = "ticket",
                                                 [MUTATED_STOCK] = "stock_domain",
                                                 [MUTATED_RESERVATION] = "stock_domain",
                                                 [MUTATED_MYPAGE] = "customercenter_mypage",
                                                 [MUTATED_PAYMENT] = "payment"};

/* Mutants that are no bugs. */
static const struct {
    const char *table, *state, *command, *instead;
} equals[] = {
#define EQUAL(table, state, command, instead, why) {#table, #state, #command, instead},
#include "mutants_equal.def"
#undef EQUAL
    {NULL, NULL, NULL, NULL}};

static bool is_equal(const struct mutant *mutant)
{
    for (size_t i = 0; equals[i].table; i++) {
        if (str_is(str_of(mutated_name(mutant->table)), equals[i].table) &&
            str_is(str_of(mutant->cell->state_name), equals[i].state) &&
            str_is(str_of(mutant->cell->command_name), equals[i].command) &&
            str_is(str_of(mutant->instead->then), equals[i].instead))
            return true;
    }
    return false;
}

_Noreturn static void play(const struct mutant *mutant, uint64_t seeds)
{
    bool noticed = false;

    alarm(LONGEST_S);
    mutant_plant(mutant);
    for (uint64_t seed = 1; seed <= seeds && !noticed; seed++) {
        struct sim_result result;
        sim_play(&(struct sim_options){.seed = seed}, &result);
        noticed = result.broken;
    }
    _exit(noticed ? NOTICED : mutant_was_met() ? MISSED : UNMET);
}

_Noreturn static void run_test(const struct arguments *arguments, const struct mutant *mutant, size_t number)
{
    char path[4096], text[24];

    int n = snprintf(path, sizeof(path), "%s/%s_mutated", arguments->tables, tests[mutant->table]);
    if (n > 0 && (size_t)n < sizeof(path)) {
        snprintf(text, sizeof(text), "%zu", number);
        setenv("MUTANT", text, 1);
        execl(path, path, (char *)NULL);
    }
    _exit(NOT_RUN);
}

/* In a process of its own and in silence: an assertion of the program's may be what catches it. */
static enum verdict in_a_child(const struct arguments *arguments, const struct mutant *mutant, size_t number, bool test)
{
    int status = 0;

    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        if (test)
            run_test(arguments, mutant, number);
        play(mutant, arguments->seeds);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("a child");
        exit(2);
    }
    if (!WIFEXITED(status))
        return NOTICED;
    if (WEXITSTATUS(status) == NOT_RUN) {
        fprintf(stderr, "%s/%s_mutated can't be run\n", arguments->tables, tests[mutant->table]);
        exit(2);
    }
    if (test)
        return WEXITSTATUS(status) ? NOTICED : MISSED;
    return (enum verdict)WEXITSTATUS(status);
}

static void print(const struct mutant *mutant, const char *what)
{
    printf("%s: %s x %s: %s instead of %s: %s\n", mutated_name(mutant->table), mutant->cell->state_name,
           mutant->cell->command_name, mutant->instead->then, mutant->cell->then, what);
}

static bool read_arguments(int n, char **words, struct arguments *out)
{
    if (n < 2)
        return false;
    out->tables = words[1];
    for (int i = 2; i < n; i += 2) {
        struct str name = str_of(words[i]);
        uint64_t *number = str_is(name, "--every")   ? &out->every
                           : str_is(name, "--from")  ? &out->from
                           : str_is(name, "--seeds") ? &out->seeds
                           : str_is(name, "--aloud") ? &out->aloud
                                                     : NULL;
        if (!number || i + 1 == n || !str_to_u64(str_of(words[i + 1]), number) || out->every == 0)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.every = 1, .seeds = 100};
    size_t n, looked_at = 0, by_rules = 0, met = 0, by_tables = 0, equal = 0, wrong = 0;

    if (!read_arguments(argc, argv, &arguments)) {
        fprintf(stderr, "usage: mutants_run TABLES [--every N] [--from N] [--seeds N] [--aloud 1]\n");
        return 2;
    }
    const struct mutant *all = mutants_all(&n);
    for (size_t i = (size_t)arguments.from; i < n; i += (size_t)arguments.every) {
        enum verdict rules = in_a_child(&arguments, &all[i], i, false);
        bool tables = in_a_child(&arguments, &all[i], i, true) == NOTICED;
        looked_at++;
        by_rules += rules == NOTICED;
        met += rules != UNMET;
        by_tables += tables;
        if (arguments.aloud && rules == MISSED)
            print(&all[i], tables ? "no rule notices" : "no rule notices, no table either");
        if (rules == NOTICED || tables) {
            if (is_equal(&all[i]))
                print(&all[i], "is said to be none, and is noticed"), wrong++;
        } else if (is_equal(&all[i])) {
            equal++;
        } else {
            print(&all[i], "survives"), wrong++;
        }
    }
    printf(
        "%zu of %zu mutants: %zu met in histories, %zu of those noticed by a rule; %zu noticed by the tables' tests; "
        "%zu are none; %zu survive\n",
        looked_at, n, met, by_rules, by_tables, equal, wrong);
    return wrong != 0;
}
