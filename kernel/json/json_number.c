/* A number's text as an integer, exactly: 1.0, 10e-1 and 0.1e1 are 1. */
#include "json_internal.h"

enum {
    MOST_DIGITS = 19,       /* of an int64_t */
    MOST_EXPONENT = 1 << 28 /* more than any text has digits, and far from an overflow */
};

/* The digits of a decimal, without the zeros that say nothing, times a power of ten. */
struct decimal {
    char text[1 + MOST_DIGITS]; /* with its sign */
    size_t n;                   /* digits; more than MOST_DIGITS are counted, not kept */
    int64_t exponent;
};

static int64_t read_exponent(struct str text)
{
    bool negative = text.n > 0 && text.p[0] == '-';
    int64_t exponent = 0;

    for (size_t i = text.n > 0 && (text.p[0] == '-' || text.p[0] == '+'); i < text.n && exponent < MOST_EXPONENT; i++)
        exponent = exponent * 10 + (text.p[i] - '0');
    return negative ? -exponent : exponent;
}

/* Zeros are held back until a digit shows that they count. */
static void add_digit(struct decimal *decimal, char digit, size_t *zeros)
{
    if (digit == '0') {
        *zeros += decimal->n > 0;
        return;
    }
    for (; *zeros > 0; --*zeros, decimal->n++) {
        if (decimal->n < MOST_DIGITS)
            decimal->text[1 + decimal->n] = '0';
    }
    if (decimal->n < MOST_DIGITS)
        decimal->text[1 + decimal->n] = digit;
    decimal->n++;
}

static struct decimal read_decimal(struct str text)
{
    struct decimal decimal = {.text = {text.p[0] == '-' ? '-' : '0'}};
    bool in_fraction = false;
    size_t zeros = 0, i = text.p[0] == '-';

    for (; i < text.n && text.p[i] != 'e' && text.p[i] != 'E'; i++) {
        if (text.p[i] == '.') {
            in_fraction = true;
            continue;
        }
        decimal.exponent -= in_fraction;
        add_digit(&decimal, text.p[i], &zeros);
    }
    decimal.exponent += (int64_t)zeros;
    if (i < text.n)
        decimal.exponent += read_exponent((struct str){text.p + i + 1, text.n - i - 1});
    return decimal;
}

void json_read_number(struct str text, struct json_value *value)
{
    value->whole = true;
    if (value->kind == JSON_KIND_INTEGER) {
        value->too_large = !str_to_i64(text, &value->integer);
        return;
    }
    struct decimal decimal = read_decimal(text);
    if (decimal.n == 0)
        return; /* 0 */
    value->whole = decimal.exponent >= 0;
    value->too_large = decimal.n > MOST_DIGITS || decimal.exponent > MOST_DIGITS - (int64_t)decimal.n;
    if (!value->whole || value->too_large)
        return;
    for (; decimal.exponent > 0; decimal.exponent--)
        decimal.text[1 + decimal.n++] = '0';
    value->too_large = !str_to_i64((struct str){decimal.text, 1 + decimal.n}, &value->integer);
}
