#include "config.h"

#include "config_value.h"

static const struct str prefix = STR_INIT("COFFEESHOP_");

char config_environment_letter(char c)
{
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    if (c == '.')
        return '_';
    if (c >= 'a' && c <= 'z')
        return upper[c - 'a'];
    return c;
}

void config_variable_write(const struct setting *row, struct buf *out)
{
    buf_add(out, prefix);
    for (const char *c = row->name; *c; c++)
        buf_char(out, config_environment_letter(*c));
}

static void write_variable(const struct setting *row, const void *from, struct buf *out)
{
    config_variable_write(row, out);
    buf_char(out, '=');
    config_value_write(row, from, out);
}

static char *variable_text(const struct setting *row, const void *from, struct arena *arena)
{
    struct buf text = {0};
    char *copy = NULL;

    write_variable(row, from, &text);
    if (!text.failed)
        copy = (char *)arena_copy(arena, buf_str(&text)).p;
    buf_free(&text);
    return copy;
}

/* A secret that there isn't. */
static bool is_no_secret(const struct setting *row, const void *from)
{
    const char *text;

    if (row->type != SETTING_SECRET)
        return false;
    memcpy(&text, (const char *)from + row->offset, sizeof(text));
    return text[0] == '\0';
}

static size_t count_entries(const struct setting_group *groups, size_t n_groups, char *const *environment)
{
    size_t n = 1;

    for (; environment && *environment; environment++)
        n++;
    for (size_t g = 0; g < n_groups; g++)
        n += groups[g].n_rows;
    return n;
}

char **config_to_environment(const struct setting_group *groups, size_t n_groups, char *const *environment,
                             struct arena *arena)
{
    size_t n = 0;
    char **entries = ARENA_ARRAY(arena, char *, count_entries(groups, n_groups, environment));

    if (!entries)
        return NULL;
    for (; environment && *environment; environment++) {
        if (!str_starts_with(str_of(*environment), prefix))
            entries[n++] = *environment;
    }
    for (size_t g = 0; g < n_groups; g++) {
        for (size_t i = 0; i < groups[g].n_rows; i++) {
            const struct setting *row = &groups[g].rows[i];
            if (is_no_secret(row, groups[g].into))
                continue;
            entries[n] = variable_text(row, groups[g].into, arena);
            if (!entries[n++])
                return NULL;
        }
    }
    return entries; /* the arena's memory is zeroed: the last one is NULL */
}
