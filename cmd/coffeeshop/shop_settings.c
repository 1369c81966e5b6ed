#include "shop.h"

#include "original_messages.h"
#include "peer_urls.h"
#include "server_addresses.h"

#include <unistd.h>

enum { GROUP_COMMON, GROUP_UP, GROUPS_BEFORE_PROGRAMS };

const struct program *shop_find_program(struct str name)
{
    for (size_t i = 0; i < shop_programs_count; i++) {
        if (str_is(name, shop_programs[i]->name))
            return shop_programs[i];
    }
    return NULL;
}

static bool make_group(struct shop_settings *settings, size_t at, const struct setting *rows, size_t n_rows, void *into)
{
    bool *given = ARENA_ARRAY(&settings->arena, bool, n_rows);

    settings->groups[at] = (struct setting_group){rows, n_rows, into, given};
    return given != NULL;
}

static bool make_groups(struct shop_settings *settings)
{
    settings->n_groups = GROUPS_BEFORE_PROGRAMS + shop_programs_count;
    settings->groups = ARENA_ARRAY(&settings->arena, struct setting_group, settings->n_groups);
    settings->program = ARENA_ARRAY(&settings->arena, void *, shop_programs_count);
    if (!settings->groups || !settings->program)
        return false;
    if (!make_group(settings, GROUP_COMMON, common_settings_rows, common_settings_count, &settings->common) ||
        !make_group(settings, GROUP_UP, up_rows, up_rows_count, &settings->up))
        return false;
    for (size_t i = 0; i < shop_programs_count; i++) {
        const struct program *program = shop_programs[i];
        settings->program[i] = arena_alloc(&settings->arena, program->settings_size);
        if (!settings->program[i] ||
            !make_group(settings, GROUPS_BEFORE_PROGRAMS + i, program->rows, program->n_rows, settings->program[i]))
            return false;
    }
    return true;
}

int shop_settings_load(struct shop_settings *settings, int argc, char *const *argv, bool *wants_help)
{
    const struct config_source source = {argc, argv, environ};
    struct buf problem = {0};
    int status = EXIT_OK;

    arena_init(&settings->arena, 0);
    settings->common.foreign = original_messages;
    bool has_memory = make_groups(settings);
    if (has_memory &&
        !config_load(settings->groups, settings->n_groups, NULL, 0, &source, &settings->arena, wants_help, &problem))
        status = EXIT_USAGE;
    if (has_memory && status == EXIT_OK && !*wants_help &&
        !server_addresses_check(settings->groups, settings->n_groups, &problem))
        status = EXIT_USAGE;
    if (has_memory && status == EXIT_OK)
        has_memory = peer_urls_derive_all(settings->groups, settings->n_groups, &settings->arena);
    if (!has_memory) {
        BUF_LIT(&problem, "out of memory");
        status = EXIT_CANNOT;
    }
    if (status != EXIT_OK)
        print_problem(&problem);
    buf_free(&problem);
    return status;
}

void shop_settings_free(struct shop_settings *settings)
{
    arena_free(&settings->arena);
}

const char *shop_text_of(const struct shop_settings *settings, const char *name)
{
    for (size_t i = 0; i < shop_programs_count; i++) {
        const struct program *program = shop_programs[i];
        for (size_t k = 0; k < program->n_rows; k++) {
            const char *text;
            if (strcmp(program->rows[k].name, name) != 0)
                continue;
            memcpy(&text, (const char *)settings->program[i] + program->rows[k].offset, sizeof(text));
            return text;
        }
    }
    return "";
}

const char *shop_listen_of(const struct shop_settings *settings, const struct program *program)
{
    struct buf name = {0};

    buf_printf(&name, "%s.listen", program->name);
    const char *listen = name.failed ? "" : shop_text_of(settings, name.p);
    buf_free(&name);
    return listen;
}
