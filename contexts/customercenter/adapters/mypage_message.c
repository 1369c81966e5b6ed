#include "mypage_message.h"

#include "mypage_json.h"
#include "view_position.h"

/* Can't be in a JSON text, whose control characters are escaped. */
#define MARK "\x01"

void mypage_message_write(struct buf *text, const struct mypage *page)
{
    struct mypage_json json;

    mypage_to_json(page, &json);
    BUF_LIT(text, "event: mypage\ndata: ");
    hal_write_entity(text, STR(MARK), &mypage_type, &json);
    BUF_LIT(text, "\n\n");
}

void mypage_message_add(struct buf *out, struct str text, struct str base)
{
    while (text.n) {
        struct str rest;
        struct str part = str_split(text, MARK[0], &rest);
        buf_add(out, part);
        if (part.n < text.n)
            buf_add(out, base);
        text = rest;
    }
}

void mypage_message_id(struct buf *out, const int64_t *last, int32_t cells)
{
    BUF_LIT(out, "id: ");
    view_position_write(out, last, cells);
    buf_char(out, '\n');
}

void mypage_message_reset(struct buf *out)
{
    BUF_LIT(out, "event: reset\ndata: {}\n\n");
}
