#include "shop.h"

#include <errno.h>
#include <unistd.h>

static bool write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text = (struct str){text.p + n, text.n - (size_t)n};
    }
    return true;
}

int print_out(const struct buf *text)
{
    return !text->failed && write_all(STDOUT_FILENO, buf_str(text)) ? EXIT_OK : EXIT_CANNOT;
}

int print_usage(const char *usage, int status)
{
    return write_all(STDOUT_FILENO, str_of(usage)) ? status : EXIT_CANNOT;
}

void print_problem(const struct buf *problem)
{
    struct buf line = {0};

    BUF_LIT(&line, "coffeeshop: ");
    buf_add(&line, problem->failed ? STR("out of memory") : buf_str(problem));
    buf_char(&line, '\n');
    write_all(STDERR_FILENO, line.failed ? STR("coffeeshop: out of memory\n") : buf_str(&line));
    buf_free(&line);
}
