#include "captured_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

void captured_log_begin(struct captured_log *captured)
{
    assert_int_equal(pipe(captured->ends), 0);
    captured->kept = dup(STDERR_FILENO);
    assert_int_equal(dup2(captured->ends[1], STDERR_FILENO), STDERR_FILENO);
    close(captured->ends[1]);
}

const char *captured_log_end(struct captured_log *captured)
{
    dup2(captured->kept, STDERR_FILENO);
    close(captured->kept);
    ssize_t n = read(captured->ends[0], captured->text, sizeof(captured->text) - 1);
    assert_true(n >= 0);
    captured->text[n] = '\0';
    close(captured->ends[0]);
    return captured->text;
}
