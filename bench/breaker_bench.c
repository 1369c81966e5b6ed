/* What a closed circuit breaker costs a call: asked before it, told of its outcome after it, with a look at the clock
 * each time, as guarded_caller.c does. Prints nanoseconds.
 *
 *      breaker_bench [SECONDS]        (1)
 *
 * CPU time, so that others on the machine count little.
 */
#include "breaker.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { AT_ONCE = 10000 };

int main(int argc, char **argv)
{
    static const struct breaker_settings settings = {
        .window_ms = 10000, .volume = 20, .error_percent = 50, .sleep_window_ms = 5000};
    int64_t seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 1, n = 0;
    clock_t begun = clock(), now = begun;
    struct breaker breaker;

    breaker_init(&breaker, &settings);
    for (; now < begun + seconds * CLOCKS_PER_SEC; now = clock()) {
        for (int i = 0; i < AT_ONCE; i++) {
            if (!breaker_allows(&breaker, clock_monotonic()))
                exit(1);
            breaker_record(&breaker, clock_monotonic(), true);
        }
        n += AT_ONCE;
    }
    (void)printf("%.1f\n", (double)(now - begun) * 1e9 / CLOCKS_PER_SEC / (double)n);
    return 0;
}
