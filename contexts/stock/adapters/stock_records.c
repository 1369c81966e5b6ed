#include "stock_records.h"

#include "base.h"

enum { NUMBER = 8, ROW_NUMBERS = 4, RESERVATION_NUMBERS = 5 };

static char *put_number(char *at, int64_t number)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        *at++ = (char)((uint64_t)number >> shift);
    return at;
}

static char *put_text(char *at, struct str text)
{
    if (text.n)
        memcpy(at, text.p, text.n);
    return at + text.n;
}

/* The caller knows that there are enough bytes. */
static int64_t number_at(const char *at)
{
    uint64_t number = 0;

    for (size_t i = 0; i < NUMBER; i++)
        number = number << 8 | (unsigned char)at[i];
    return (int64_t)number;
}

/* `n` numbers, then a text: a key (of a prefix and a number) is put together by itself, all values are made here. */
static struct str value_of(struct arena *arena, const int64_t *numbers, size_t n, struct str text)
{
    char *p = arena_alloc(arena, n * NUMBER + text.n + 1);
    char *at = p;

    if (!p)
        return (struct str){NULL, 0};
    for (size_t i = 0; i < n; i++)
        at = put_number(at, numbers[i]);
    at = put_text(at, text);
    return (struct str){p, (size_t)(at - p)};
}

static bool read_value(struct str value, int64_t *numbers, size_t n, struct str *text)
{
    if (value.n < n * NUMBER)
        return false;
    for (size_t i = 0; i < n; i++)
        numbers[i] = number_at(value.p + i * NUMBER);
    *text = (struct str){value.p + n * NUMBER, value.n - n * NUMBER};
    return true;
}

struct str stock_text_key(struct arena *arena, struct str prefix, struct str text)
{
    char *p = arena_alloc(arena, prefix.n + text.n + 1);

    if (!p)
        return (struct str){NULL, 0};
    put_text(put_text(p, prefix), text);
    return (struct str){p, prefix.n + text.n};
}

struct str stock_number_key(struct arena *arena, struct str prefix, int64_t number)
{
    char digits[NUMBER];

    put_number(digits, number);
    return stock_text_key(arena, prefix, (struct str){digits, sizeof(digits)});
}

bool stock_number_of_key(struct str key, struct str prefix, int64_t *number)
{
    if (key.n != prefix.n + NUMBER || !str_starts_with(key, prefix))
        return false;
    *number = number_at(key.p + prefix.n);
    return true;
}

struct str stock_number_value(struct arena *arena, int64_t number)
{
    return value_of(arena, &number, 1, STR(""));
}

bool stock_number_of_value(struct str value, int64_t *number)
{
    struct str rest;

    return read_value(value, number, 1, &rest) && rest.n == 0;
}

struct str stock_row_value(struct arena *arena, const struct stock *stock)
{
    const int64_t numbers[ROW_NUMBERS] = {(int64_t)stock->state, stock->on_hand, stock->version, stock->updated_at};
    char mark[1 + NUMBER] = {'\0'};

    if (stock->low_mark == 0)
        return value_of(arena, numbers, ROW_NUMBERS, stock->product_name);
    put_number(mark + 1, stock->low_mark);
    struct str name = stock_text_key(arena, stock->product_name, (struct str){mark, sizeof(mark)});
    return name.p ? value_of(arena, numbers, ROW_NUMBERS, name) : name;
}

/* Cuts the mark off the name's end; a name has no NUL. */
static bool take_low_mark(struct str *name, int64_t *low_mark)
{
    struct str mark;

    *low_mark = 0;
    *name = str_split(*name, '\0', &mark);
    if (mark.p && mark.n != NUMBER)
        return false;
    if (mark.p)
        *low_mark = number_at(mark.p);
    return *low_mark >= 0;
}

bool stock_row_of_value(struct str value, struct stock *stock)
{
    int64_t numbers[ROW_NUMBERS];

    if (!read_value(value, numbers, ROW_NUMBERS, &stock->product_name))
        return false;
    if (numbers[0] <= STOCK_NONE || numbers[0] >= STOCK_STATE_COUNT || numbers[1] < 0)
        return false;
    stock->state = (enum stock_state)numbers[0];
    stock->on_hand = numbers[1];
    stock->version = numbers[2];
    stock->updated_at = numbers[3];
    return take_low_mark(&stock->product_name, &stock->low_mark);
}

struct str stock_reservation_value(struct arena *arena, const struct reservation *reservation)
{
    const int64_t numbers[RESERVATION_NUMBERS] = {(int64_t)reservation->state, reservation->deducted,
                                                  reservation->stock_id, reservation->qty, reservation->changed_at};

    return value_of(arena, numbers, RESERVATION_NUMBERS, reservation->product_name);
}

bool stock_reservation_of_value(struct str value, struct reservation *reservation)
{
    int64_t numbers[RESERVATION_NUMBERS];

    if (!read_value(value, numbers, RESERVATION_NUMBERS, &reservation->product_name))
        return false;
    if (numbers[0] <= RESERVATION_NONE || numbers[0] >= RESERVATION_STATE_COUNT || numbers[3] < 0)
        return false;
    reservation->state = (enum reservation_state)numbers[0];
    reservation->deducted = numbers[1] != 0;
    reservation->stock_id = numbers[2];
    reservation->qty = numbers[3];
    reservation->changed_at = numbers[4];
    return true;
}
