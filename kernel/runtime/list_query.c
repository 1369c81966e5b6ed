#include "list_query.h"

#include "base.h"
#include "errors.h"

static void order_by(struct buf *text, const struct page_request *page, const char *const *columns)
{
    BUF_LIT(text, " ORDER BY ");
    for (size_t i = 0; i < page->n_sorts; i++) {
        struct str column = str_of(columns[page->sort[i].column]);
        bool descending = page->sort[i].descending;
        buf_add(text, column);
        /* What isn't known is less than all that is, whatever the engine's custom; the id always is, and its index is
         * in the order that goes without saying. */
        if (str_is(column, "id"))
            buf_add(text, descending ? STR(" DESC, ") : STR(", "));
        else
            buf_add(text, descending ? STR(" DESC NULLS LAST, ") : STR(" NULLS FIRST, "));
    }
    BUF_LIT(text, "id");
}

int list_query_page(struct sql *sql, const char *select, const struct page_request *page, const char *const *columns,
                    sql_on_row *on_row, void *context)
{
    const struct sql_value range[] = {SQL_N(page->size), SQL_N(page->number * page->size)};
    struct buf text = {0};

    buf_add(&text, str_of(select));
    order_by(&text, page, columns);
    BUF_LIT(&text, " LIMIT $1 OFFSET $2");
    buf_char(&text, '\0');
    int rc = text.failed ? E_MEMORY : sql->query_text(sql, text.p, range, COUNT_OF(range), on_row, context);
    buf_free(&text);
    return rc;
}
