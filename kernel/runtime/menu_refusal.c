#include "menu_refusal.h"

#include "http_body.h"

void menu_refuse(struct http_request *request, const struct menu *menu, struct str name)
{
    struct buf names = {0};

    menu_write_names_json(menu, &names);
    http_fill_problem(request, 422, "productName", "\"%.*s\" is not on the menu; `menu` lists what is", STR_ARG(name));
    if (!names.failed)
        http_extend_problem(request, "menu", buf_str(&names));
    buf_free(&names);
    http_reply(request);
}
