#include "list_query.h"

void list_order_by(struct buf *text, const struct page_request *page, const char *const *columns, const char *unique)
{
    BUF_LIT(text, " ORDER BY ");
    for (size_t i = 0; i < page->n_sorts; i++) {
        buf_add(text, str_of(columns[page->sort[i].column]));
        buf_add(text, page->sort[i].descending ? STR(" DESC, ") : STR(", "));
    }
    buf_add(text, str_of(unique));
}
