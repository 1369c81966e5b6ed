#include "view_position.h"

#include "cell.h"

#include <stdbool.h>

enum { BASE = 36, DIGITS_MOST = 13 /* of INT64_MAX */ };

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static void write_base_36(struct buf *out, int64_t number)
{
    char text[DIGITS_MOST];
    size_t at = sizeof(text);

    do {
        text[--at] = digits[number % BASE];
        number /= BASE;
    } while (number);
    buf_add(out, (struct str){text + at, sizeof(text) - at});
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : -1;
}

/* false when it is none, or more than `most`. */
static bool read_base_36(struct str text, int64_t most, int64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.n; i++) {
        int digit = digit_of(text.p[i]);
        if (digit < 0 || digit > most || *number > (most - digit) / BASE)
            return false;
        *number = *number * BASE + digit;
    }
    return text.n > 0;
}

static int64_t highest(const int64_t *last, int32_t cells)
{
    int64_t most = 0;

    for (int32_t i = 0; i < cells; i++)
        most = last[i] > most ? last[i] : most;
    return most;
}

void view_position_write(struct buf *out, const int64_t *last, int32_t cells)
{
    int64_t most = highest(last, cells);

    buf_i64(out, most);
    if (cells == 1 || most == 0)
        return;
    for (int32_t i = 0; i < cells; i++) {
        buf_char(out, '.');
        if (last[i])
            write_base_36(out, most - last[i]);
    }
}

static void clear(int64_t *last, int32_t cells)
{
    for (int32_t i = 0; i < cells; i++)
        last[i] = 0;
}

/* What is behind the first dot; `last` has room for `cells`, what comes behind these is only looked at. How many there
 * are; 0: malformed. */
static int32_t read_cells(struct str rest, int64_t most, int64_t *last, int32_t cells)
{
    int32_t n = 0;
    int64_t less;

    do {
        struct str field = str_split(rest, '.', &rest);
        if (n == CELLS_MOST || (field.n && !read_base_36(field, most - 1, &less)))
            return 0;
        if (n < cells)
            last[n] = field.n ? most - less : 0;
        n++;
    } while (rest.p);
    return n;
}

enum view_position_reading view_position_read(struct str text, int64_t *last, int32_t cells)
{
    struct str rest;
    struct str first = str_split(text, '.', &rest);
    int64_t most;

    clear(last, cells);
    if (!str_to_i64(first, &most) || most < 0)
        return VIEW_POSITION_MALFORMED;
    if (!rest.p) {
        if (cells == 1)
            last[0] = most;
        return cells == 1 || most == 0 ? VIEW_POSITION_READ : VIEW_POSITION_FOREIGN;
    }
    int32_t n = most > 0 ? read_cells(rest, most, last, cells) : 0;
    if (n == cells && n > 1)
        return VIEW_POSITION_READ;
    clear(last, cells);
    return n > 1 ? VIEW_POSITION_FOREIGN : VIEW_POSITION_MALFORMED;
}
