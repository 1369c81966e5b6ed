/* What it costs to make a name the key that it is found by (text.h), by kind of name.
 *
 *      text_bench [SECONDS]        (1 s a figure)
 *
 * CPU time, so that others on the machine count little.
 */
#include "base.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { AT_ONCE = 10000 };

static const struct {
    const char *what, *name;
} names[] = {
    {"ASCII", "Americano"},
    {"Latin with an accent", "CAFFÈ LATTE"},
    {"the same, decomposed", "CAFFE\u0300 LATTE"},
    {"Hangul", "아메리카노"},
    {"the same, decomposed", "\u110b\u1161\u1106\u1166\u1105\u1175\u110f\u1161\u1102\u1169"},
    {"Hangul, 27 characters", "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼"},
};

static double nanoseconds(struct str name, int64_t seconds)
{
    clock_t begun = clock(), now = begun;
    int64_t n = 0;
    struct arena arena;

    arena_init(&arena, 0);
    for (; now < begun + seconds * CLOCKS_PER_SEC; now = clock()) {
        for (int i = 0; i < AT_ONCE; i++) {
            arena_reset(&arena);
            if (!text_fold(&arena, name).p)
                exit(1);
        }
        n += AT_ONCE;
    }
    arena_free(&arena);
    return (double)(now - begun) * 1e9 / CLOCKS_PER_SEC / (double)n;
}

int main(int argc, char **argv)
{
    int64_t seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 1;

    for (size_t i = 0; i < COUNT_OF(names); i++)
        (void)printf("%7.0f ns  %s: %s\n", nanoseconds(str_of(names[i].name), seconds), names[i].what, names[i].name);
    return 0;
}
