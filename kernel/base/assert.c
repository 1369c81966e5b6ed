#include "base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_failed(const char *condition, const char *file, int line, const char *function)
{
    fprintf(stderr, "bug: %s does not hold, in %s at %s:%d\n", condition, function, file, line);
    abort();
}
