#include "menu.h"

#include "alloc.h"
#include "arena.h"
#include "file.h"
#include "json.h"
#include "money.h"
#include "text.h"

#include <unistd.h>

enum { MENU_MAX_BYTES = 1024 * 1024 };

/* The file's shape. `aliases` is one text, comma-separated: that is how people write short lists. */
struct item_text {
    struct str name, ko, en, aliases;
    int64_t price;
};

struct file_text {
    struct str currency;
    struct json_array items;
};

static const struct json_field item_fields[] = {
    JSON_FIELD(struct item_text, "name", name, JSON_STRING, JSON_REQUIRED, 1, MENU_NAME_MAX),
    JSON_FIELD(struct item_text, "ko", ko, JSON_STRING, 0, 0, MENU_NAME_MAX),
    JSON_FIELD(struct item_text, "en", en, JSON_STRING, 0, 0, MENU_NAME_MAX),
    JSON_FIELD(struct item_text, "aliases", aliases, JSON_STRING, 0, 0,
               (int64_t)(int64_t)MENU_NAME_MAX *MENU_MAX_ALIASES),
    JSON_FIELD(struct item_text, "price", price, JSON_I64, JSON_REQUIRED, 0, MENU_MAX_PRICE),
};
static const struct json_desc item_desc = {"item", item_fields, COUNT_OF(item_fields), sizeof(struct item_text)};

static const struct json_field file_fields[] = {
    JSON_FIELD(struct file_text, "currency", currency, JSON_STRING, JSON_REQUIRED, 3, 3),
    {.name = "items",
     .type = JSON_ARRAY,
     .flags = JSON_REQUIRED,
     .offset = offsetof(struct file_text, items),
     .max = MENU_MAX_ITEMS,
     .object = &item_desc},
};
static const struct json_desc file_desc = {"menu", file_fields, COUNT_OF(file_fields), sizeof(struct file_text)};

/* The menu and the memory of all its texts. */
struct owned_menu {
    struct menu menu;
    struct arena arena;
};

static const struct menu_item *find_key(const struct menu *menu, struct str key)
{
    for (size_t i = 0; i < menu->n; i++) {
        const struct menu_item *item = &menu->items[i];
        for (size_t k = 0; k < item->n_keys; k++) {
            if (str_eq_nocase(item->key[k], key)) /* keys are folded: only ASCII may differ, as it came */
                return item;
        }
    }
    return NULL;
}

const struct menu_item *menu_find(const struct menu *menu, struct str name)
{
    struct arena arena;

    name = str_trim(name);
    if (name.n == 0)
        return NULL;
    if (text_is_ascii(name))
        return find_key(menu, name);
    arena_init(&arena, 0);
    struct str key = text_fold(&arena, name);
    const struct menu_item *item = key.p ? find_key(menu, key) : NULL;
    arena_free(&arena);
    return item;
}

/* All its names in normal form, and the keys that they are found by. */
static bool take_keys(struct menu_item *item, struct arena *arena)
{
    struct str *names[3 + MENU_MAX_ALIASES] = {&item->name, &item->ko, &item->en};

    item->n_keys = 3 + item->n_aliases;
    for (size_t i = 0; i < item->n_aliases; i++)
        names[3 + i] = &item->alias[i];
    for (size_t i = 0; i < item->n_keys; i++) {
        *names[i] = text_nfc(arena, *names[i]);
        item->key[i] = text_fold(arena, *names[i]);
        if (!names[i]->p || !item->key[i].p)
            return false;
    }
    return true;
}

static bool read_aliases(struct menu_item *item, struct str aliases, struct buf *problem)
{
    while (aliases.n) {
        struct str alias = str_trim(str_split(aliases, ',', &aliases));
        if (alias.n == 0)
            continue;
        if (item->n_aliases == MENU_MAX_ALIASES) {
            buf_printf(problem, "\"%.*s\" has more than %d aliases", STR_ARG(item->name), MENU_MAX_ALIASES);
            return false;
        }
        item->alias[item->n_aliases++] = alias;
    }
    return true;
}

/* No two items may answer to the same name. */
static bool is_unambiguous(const struct menu *menu, const struct menu_item *item, struct buf *problem)
{
    const struct menu_item *other = NULL;

    for (size_t i = 0; !other && i < item->n_keys; i++)
        other = find_key(menu, item->key[i]);
    if (!other)
        return true;
    buf_printf(problem, "\"%.*s\" and \"%.*s\" share a name", STR_ARG(other->name), STR_ARG(item->name));
    return false;
}

static bool read_items(struct owned_menu *owned, const struct json_array *items, struct buf *problem)
{
    const struct item_text *texts = items->items;

    if (items->n == 0) {
        BUF_LIT(problem, "items must have at least one");
        return false;
    }
    owned->menu.items = ARENA_ARRAY(&owned->arena, struct menu_item, items->n);
    if (!owned->menu.items) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    for (size_t i = 0; i < items->n; i++) {
        struct menu_item item = {.name = str_trim(texts[i].name),
                                 .ko = str_trim(texts[i].ko),
                                 .en = str_trim(texts[i].en),
                                 .price = texts[i].price};
        if (item.name.n == 0) {
            buf_printf(problem, "item %zu has an empty name", i + 1);
            return false;
        }
        if (item.ko.n == 0)
            item.ko = item.name;
        if (item.en.n == 0)
            item.en = item.name;
        if (!read_aliases(&item, texts[i].aliases, problem))
            return false;
        if (!take_keys(&item, &owned->arena)) {
            BUF_LIT(problem, "out of memory");
            return false;
        }
        if (!is_unambiguous(&owned->menu, &item, problem))
            return false;
        owned->menu.items[owned->menu.n++] = item;
    }
    return true;
}

static bool read_text(struct owned_menu *owned, struct str text, struct buf *problem)
{
    struct file_text file;
    struct json_error error;

    if (!json_decode(&file_desc, text, &file, &owned->arena, &error)) {
        if (error.member[0])
            buf_printf(problem, "%s %s", error.member, error.reason);
        else
            buf_printf(problem, "%s", error.reason);
        return false;
    }
    if (!money_is_currency(file.currency)) {
        BUF_LIT(problem, "currency must be three capital letters, as in ISO 4217 (KRW)");
        return false;
    }
    owned->menu.currency = file.currency;
    return read_items(owned, &file.items, problem);
}

static bool read_file(const char *path, struct buf *text, struct buf *problem)
{
    const char *wrong;
    int fd = file_open(path, &wrong);
    ssize_t more = 1;

    if (fd < 0) {
        buf_printf(problem, "%s", wrong);
        return false;
    }
    while (more > 0 && text->n <= MENU_MAX_BYTES && buf_reserve(text, 4096)) {
        more = read(fd, text->p + text->n, 4096);
        text->n += more > 0 ? (size_t)more : 0;
    }
    bool fine = more == 0 && !text->failed && text->n <= MENU_MAX_BYTES;
    if (!fine)
        buf_printf(problem, "it can't be read, or is larger than %d bytes", MENU_MAX_BYTES);
    close(fd);
    return fine;
}

struct menu *menu_load(const char *path, struct buf *problem)
{
    struct owned_menu *owned = heap_alloc(sizeof(*owned));
    struct buf text = {0}, reason = {0};
    bool built_in = !path || !*path;

    if (!owned) {
        BUF_LIT(problem, "out of memory");
        return NULL;
    }
    arena_init(&owned->arena, 0);
    bool fine = built_in || read_file(path, &text, &reason);
    /* what is read points into the text, so the text stays with the menu */
    struct str kept = built_in ? str_of(menu_built_in()) : arena_copy(&owned->arena, buf_str(&text));
    if (fine && !kept.p)
        BUF_LIT(&reason, "out of memory");
    fine = fine && kept.p && read_text(owned, kept, &reason);
    if (!fine) {
        buf_printf(problem, "the menu %s can't be used: %.*s", built_in ? "(built in)" : path,
                   STR_ARG(buf_str(&reason)));
        menu_free(&owned->menu);
        owned = NULL;
    }
    buf_free(&text);
    buf_free(&reason);
    return owned ? &owned->menu : NULL;
}

void menu_free(struct menu *menu)
{
    if (!menu)
        return;
    struct owned_menu *owned = CONTAINER_OF(menu, struct owned_menu, menu);
    arena_free(&owned->arena);
    heap_free(owned);
}

void menu_write_names_json(const struct menu *menu, struct buf *out)
{
    buf_char(out, '[');
    for (size_t i = 0; i < menu->n; i++) {
        if (i)
            buf_char(out, ',');
        buf_json_string(out, menu->items[i].name);
    }
    buf_char(out, ']');
}
