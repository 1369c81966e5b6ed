/* A line of an archive that was read can be written and reads back the same; what isn't one is refused with a reason.
 */
#include "archive_format.h"
#include "archive_line.h"
#include "archive_store.h"
#include "base.h"
#include "fuzz.h"

static void check_same(const struct sql_value *a, const struct sql_value *b)
{
    ASSERT(a->kind == b->kind && a->number == b->number && str_eq(a->text, b->text));
}

static void check_row(struct str line, size_t n, struct arena *arena)
{
    struct sql_value row[ARCHIVE_MOST_COLUMNS], again[ARCHIVE_MOST_COLUMNS];
    struct buf why = {0}, text = {0};
    uint64_t chain = 0, back = 0;

    bool is_read = archive_row_read(line, row, n, arena, &why);
    ASSERT(is_read == (why.n == 0));
    if (is_read) {
        archive_row_write(&text, row, n);
        archive_line_end(&text, &chain);
        ASSERT(archive_line_is_right(buf_str(&text), &back) && back == chain);
        ASSERT(archive_row_read(buf_str(&text), again, n, arena, &why));
        for (size_t i = 0; i < n; i++)
            check_same(&row[i], &again[i]);
    }
    buf_free(&why);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str line = {(const char *)data, size};
    struct archive_head head;
    struct buf why = {0};
    struct arena arena;
    uint64_t chain = 0;

    arena_init(&arena, 0);
    (void)archive_line_is_right(line, &chain);
    ASSERT(archive_head_read(line, &head, &arena, &why) == (why.n == 0));
    for (size_t n = 1; n <= 3; n++)
        check_row(line, n, &arena);
    buf_free(&why);
    arena_free(&arena);
    return 0;
}
