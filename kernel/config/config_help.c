#include "config.h"

#include "config_file.h"
#include "config_value.h"

/* The columns of --help. */
struct widths {
    size_t flag;
    size_t range;
};

static void write_flag(const struct setting *row, struct buf *out)
{
    if (row->type == SETTING_SECRET)
        config_variable_write(row, out); /* there is no flag */
    else
        buf_printf(out, "--%s=%s", row->name, row->fallback);
}

static void pad(struct buf *out, size_t from, size_t width)
{
    for (size_t n = out->n - from; n < width; n++)
        buf_char(out, ' ');
}

static size_t longest(size_t a, size_t b)
{
    return a > b ? a : b;
}

static struct widths measure(const struct setting_group *groups, size_t n_groups)
{
    struct widths widths = {0, 0};
    struct buf text = {0};

    for (size_t g = 0; g < n_groups; g++) {
        for (size_t i = 0; i < groups[g].n_rows; i++) {
            buf_clear(&text);
            write_flag(&groups[g].rows[i], &text);
            widths.flag = longest(widths.flag, text.n);
            buf_clear(&text);
            config_value_range(&groups[g].rows[i], &text);
            widths.range = longest(widths.range, text.n);
        }
    }
    buf_free(&text);
    return widths;
}

void config_print_help(const struct setting_group *groups, size_t n_groups, struct buf *out)
{
    struct widths widths = measure(groups, n_groups);

    for (size_t g = 0; g < n_groups; g++) {
        for (size_t i = 0; i < groups[g].n_rows; i++) {
            const struct setting *row = &groups[g].rows[i];
            BUF_LIT(out, "  ");
            size_t at = out->n;
            write_flag(row, out);
            pad(out, at, widths.flag + 2);
            at = out->n;
            config_value_range(row, out);
            pad(out, at, widths.range + 2);
            buf_add(out, str_of(row->doc));
            buf_char(out, '\n');
        }
    }
}

void config_print_values(const struct setting_group *groups, size_t n_groups, struct buf *out)
{
    struct buf value = {0};

    for (size_t g = 0; g < n_groups; g++) {
        for (size_t i = 0; i < groups[g].n_rows; i++) {
            if (groups[g].rows[i].type == SETTING_SECRET)
                continue;
            buf_clear(&value);
            config_value_write(&groups[g].rows[i], groups[g].into, &value);
            buf_add(out, str_of(groups[g].rows[i].name));
            BUF_LIT(out, " = ");
            config_file_write_value(buf_str(&value), out);
            buf_char(out, '\n');
        }
    }
    out->failed = out->failed || value.failed;
    buf_free(&value);
}
