#include "example.h"

#include "buf.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void path_of(const char *name, struct buf *path)
{
    buf_printf(path, "%s/%s.json", EXAMPLES, name);
    buf_char(path, '\0');
}

struct str example_read(struct arena *arena, const char *name)
{
    struct buf path = {0};
    struct buf text = {0};
    char piece[4096];

    path_of(name, &path);
    FILE *file = fopen(path.p, "r");
    if (!file)
        fail_msg("%s isn't there", path.p);
    for (size_t n; (n = fread(piece, 1, sizeof(piece), file)) > 0;)
        buf_add(&text, (struct str){piece, n});
    (void)fclose(file);
    struct str kept = arena_copy(arena, buf_str(&text));
    buf_free(&text);
    buf_free(&path);
    assert_non_null(kept.p);
    return kept;
}

void example_assert_written(const char *name, struct str written)
{
    json_error_t error;
    struct buf path = {0};

    path_of(name, &path);
    json_t *example = json_load_file(path.p, JSON_DECODE_ANY, &error);
    if (!example)
        fail_msg("%s: %s", path.p, error.text);
    json_t *ours = json_loadb(written.p, written.n, JSON_DECODE_ANY, &error);
    if (!ours)
        fail_msg("%.*s: %s", STR_ARG(written), error.text);
    json_object_del(example, "_links"); /* where it was asked, not what it says */
    if (!json_equal(example, ours))
        fail_msg("%s is not what is written: %.*s", path.p, STR_ARG(written));
    json_decref(ours);
    json_decref(example);
    buf_free(&path);
}
