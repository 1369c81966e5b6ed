/* sim_run.c: plays seeds, one after the other: sim_run [--from 1] [--seeds 100] [--plant NAME]. Ends with the first
 * that breaks a rule. */
#include "sim.h"

#include "clock.h"
#include "str.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t playing; /* for the handler: the seed in which an assertion failed */

static void on_abort(int signal)
{
    char text[] = "seed                      ends with a failed assertion\n";
    uint64_t seed = playing;

    (void)signal;
    for (size_t at = 24; seed && at > 4; seed /= 10)
        text[at--] = (char)('0' + seed % 10);
    ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)written;
    _exit(3);
}

struct arguments {
    uint64_t from, seeds, aloud;
    enum sim_plant plant;
};

static bool read_plant(const char *name, enum sim_plant *plant)
{
    for (int i = 0; i < PLANT_COUNT; i++) {
        *plant = (enum sim_plant)i;
        if (str_is(str_of(name), sim_plant_name(*plant)))
            return true;
    }
    return false;
}

/* The line that plays the broken history once more. */
static void print_again(const struct arguments *arguments)
{
    printf("again: build/tests/sim/sim_run --from %llu --seeds 1", (unsigned long long)playing);
    if (arguments->plant != PLANT_NONE)
        printf(" --plant %s", sim_plant_name(arguments->plant));
    printf("\n");
}

static bool read_arguments(int n, char **words, struct arguments *out)
{
    for (int i = 1; i < n; i += 2) {
        struct str name = str_of(words[i]);
        if (i + 1 == n)
            return false;
        bool fine = str_is(name, "--from")    ? str_to_u64(str_of(words[i + 1]), &out->from)
                    : str_is(name, "--seeds") ? str_to_u64(str_of(words[i + 1]), &out->seeds)
                    : str_is(name, "--aloud") ? str_to_u64(str_of(words[i + 1]), &out->aloud)
                    : str_is(name, "--plant") ? read_plant(words[i + 1], &out->plant)
                                              : false;
        if (!fine)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.from = 1, .seeds = 100};
    uint64_t steps = 0;
    int64_t simulated = 0;

    if (!read_arguments(argc, argv, &arguments)) {
        fprintf(stderr, "usage: sim_run [--from SEED] [--seeds N] [--plant NAME] [--aloud 1]\n");
        return 2;
    }
    signal(SIGABRT, on_abort);
    int64_t began = clock_monotonic();
    for (uint64_t i = 0; i < arguments.seeds; i++) {
        struct sim_result result;
        playing = arguments.from + i;
        sim_play(&(struct sim_options){.seed = playing, .plant = arguments.plant, .aloud = arguments.aloud != 0},
                 &result);
        steps += result.steps;
        simulated += result.simulated;
        if (result.broken) {
            printf("%.*s", STR_ARG(buf_str(&result.report)));
            print_again(&arguments);
            buf_free(&result.report);
            return 1;
        }
    }
    double took = (double)(clock_monotonic() - began) / US_PER_S;
    printf("%llu seeds from %llu, %llu steps, %.1f simulated hours in %.1f s: no rule broken\n",
           (unsigned long long)arguments.seeds, (unsigned long long)arguments.from, (unsigned long long)steps,
           (double)simulated / US_PER_S / 3600, took);
    return 0;
}
