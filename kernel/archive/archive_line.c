#include "archive_line.h"

#include "archive_store.h"
#include "checksum.h"
#include "json_list.h"

#include <openssl/evp.h>
#include <stdio.h>

#define SUM_FORMAT "%016llx"
enum { SUM_AND_END = ARCHIVE_SUM_DIGITS + 2 /* its quote and the bracket */, SUM_FROM_QUOTE = SUM_AND_END + 1 };

void archive_line_end(struct buf *line, uint64_t *chain)
{
    bool is_object = line->n > 0 && line->p[0] == '{';

    buf_add(line, is_object ? STR(",\"sum\":\"") : STR(",\""));
    if (line->failed)
        return;
    *chain = checksum_of(line->p, line->n, *chain);
    buf_printf(line, SUM_FORMAT "\"%c", (unsigned long long)*chain, is_object ? '}' : ']');
}

bool archive_line_is_right(struct str line, uint64_t *chain)
{
    char digits[ARCHIVE_SUM_DIGITS + 1];

    if (line.n <= SUM_FROM_QUOTE || line.p[line.n - SUM_FROM_QUOTE] != '"' || line.p[line.n - 2] != '"')
        return false;
    char end = line.p[line.n - 1];
    if (!(line.p[0] == '{' && end == '}') && !(line.p[0] == '[' && end == ']'))
        return false;
    size_t n = line.n - SUM_AND_END;
    uint64_t sum = checksum_of(line.p, n, *chain);
    (void)snprintf(digits, sizeof(digits), SUM_FORMAT, (unsigned long long)sum);
    if (memcmp(line.p + n, digits, ARCHIVE_SUM_DIGITS) != 0)
        return false;
    *chain = sum;
    return true;
}

/* --- bytes in base64 (RFC 4648, section 4) --- */

static void write_base64(struct buf *line, struct str bytes)
{
    size_t n = (bytes.n + 2) / 3 * 4;

    if (bytes.n > INT32_MAX || !buf_reserve(line, n + 1)) {
        line->failed = true;
        return;
    }
    if (bytes.n)
        (void)EVP_EncodeBlock((unsigned char *)line->p + line->n, (const unsigned char *)bytes.p, (int)bytes.n);
    line->n += n;
}

static bool read_base64(struct str text, struct str *bytes, struct arena *arena)
{
    unsigned char *out = arena_alloc(arena, text.n / 4 * 3 + 1);
    size_t padding = 0;

    *bytes = (struct str){(const char *)out, 0};
    if (!out || text.n % 4 != 0 || text.n > INT32_MAX)
        return false;
    if (text.n == 0)
        return true;
    int n = EVP_DecodeBlock(out, (const unsigned char *)text.p, (int)text.n);
    while (padding < 2 && text.p[text.n - 1 - padding] == '=')
        padding++;
    if (n < 0 || (size_t)n < padding)
        return false;
    bytes->n = (size_t)n - padding;
    return true;
}

/* --- rows --- */

static void write_bytes(struct buf *line, struct str name, struct str bytes)
{
    buf_add(line, name);
    write_base64(line, bytes);
    BUF_LIT(line, "\"}");
}

static void write_value(struct buf *line, const struct sql_value *value)
{
    switch (value->kind) {
    case SQL_NULL:
        BUF_LIT(line, "null");
        return;
    case SQL_I64:
        buf_i64(line, value->number);
        return;
    case SQL_BLOB:
        write_bytes(line, STR("{\"blob\":\""), value->text);
        return;
    case SQL_TEXT:
        if (str_is_utf8(value->text) && (value->text.n == 0 || !memchr(value->text.p, '\0', value->text.n)))
            buf_json_string(line, value->text);
        else
            write_bytes(line, STR("{\"text\":\""), value->text);
        return;
    }
}

void archive_row_write(struct buf *line, const struct sql_value *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_char(line, i ? ',' : '[');
        write_value(line, &row[i]);
    }
}

static bool value_of(const struct json_item *item, struct sql_value *value, struct arena *arena)
{
    *value = (struct sql_value){.kind = SQL_NULL};
    switch (item->kind) {
    case JSON_ITEM_NULL:
        return true;
    case JSON_ITEM_I64:
        *value = SQL_N(item->number);
        return true;
    case JSON_ITEM_TEXT:
        *value = SQL_S(item->text);
        return true;
    case JSON_ITEM_MEMBER:
        break;
    }
    bool is_blob = str_is(item->name, "blob");
    value->kind = is_blob ? SQL_BLOB : SQL_TEXT;
    return (is_blob || str_is(item->name, "text")) && read_base64(item->text, &value->text, arena);
}

bool archive_row_read(struct str line, struct sql_value *row, size_t n, struct arena *arena, struct buf *why)
{
    struct json_item items[ARCHIVE_MOST_COLUMNS + 1];
    struct json_error error;
    size_t n_items = 0;

    if (!json_decode_list(line, items, COUNT_OF(items), &n_items, arena, &error)) {
        buf_printf(why, "%s%s%s", error.member, error.member[0] ? " " : "", error.reason);
        return false;
    }
    if (n_items != n + 1) {
        buf_printf(why, "has %zu values, and the table has %zu columns", n_items ? n_items - 1 : 0, n);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!value_of(&items[i], &row[i], arena)) {
            buf_printf(why, "has a value (number %zu) that can't be read", i + 1);
            return false;
        }
    }
    return true;
}
