/* A settings file that was read is printed so that it reads back the same; one that is refused is refused with one
 * sentence. */
#include "arena.h"
#include "base.h"
#include "config.h"
#include "config_file.h"
#include "config_value.h"
#include "fuzz.h"

struct values {
    int64_t brew_ms, body, mode;
    bool open;
    const char *name, *listen, *url;
};

static const struct setting rows[] = {
    SETTING(struct values, brew_ms, "brew_ms", SETTING_MS, "5000", -5, 60000, "."),
    SETTING(struct values, body, "body", SETTING_BYTES, "64KiB", 0, INT64_MAX, "."),
    SETTING(struct values, open, "open", SETTING_BOOL, "yes", 0, 0, "."),
    SETTING(struct values, name, "name", SETTING_TEXT, "x", 0, 0, "."),
    SETTING(struct values, listen, "listen", SETTING_LISTEN, "127.0.0.1:1", 0, 0, "."),
    SETTING(struct values, url, "url", SETTING_URL, "", 0, 0, "."),
    {.name = "mode",
     .type = SETTING_CHOICE,
     .fallback = "auto",
     .choices = "auto|manual",
     .offset = offsetof(struct values, mode)},
};

struct reading {
    struct values values;
    struct arena arena;
    struct buf problem;
};

static bool take(void *context, struct str where, struct str name, struct str value)
{
    struct reading *reading = context;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_is(name, rows[i].name))
            return config_value_set(&rows[i], &reading->values, value, &reading->arena, &reading->problem);
    }
    buf_add(&reading->problem, where);
    return false;
}

static bool read_text(struct reading *reading, struct str text)
{
    *reading = (struct reading){.values = {.name = "x", .listen = "127.0.0.1:1", .url = ""}};
    arena_init(&reading->arena, 0);
    bool ok = config_text_read("f", text, take, reading, &reading->problem);
    ASSERT(ok == (reading->problem.n == 0));
    return ok;
}

static void print(struct reading *reading, struct buf *out)
{
    config_print_values(&(struct setting_group){rows, COUNT_OF(rows), &reading->values, NULL}, 1, out);
}

static void put_away(struct reading *reading)
{
    arena_free(&reading->arena);
    buf_free(&reading->problem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading first;
    struct reading second;
    struct buf printed = {0};
    struct buf again = {0};

    if (read_text(&first, (struct str){(const char *)data, size})) {
        print(&first, &printed);
        ASSERT(read_text(&second, buf_str(&printed)));
        print(&second, &again);
        ASSERT(str_eq(buf_str(&printed), buf_str(&again)));
        put_away(&second);
    }
    put_away(&first);
    buf_free(&printed);
    buf_free(&again);
    return 0;
}
