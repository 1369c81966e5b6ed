#include "server_addresses.h"

#include "kv_redis.h"
#include "sql.h"

#include <string.h>

static bool can_be_read(const struct setting *row, const char *address, struct buf *problem)
{
    struct buf why = {0};
    bool readable = row->choices ? kv_redis_check_address(address, &why) : postgres_check_address(address, &why);

    if (!readable)
        buf_printf(problem, "%s: %.*s", row->name, STR_ARG(buf_str(&why)));
    buf_free(&why);
    return readable;
}

bool server_addresses_check(const struct setting_group *groups, size_t n, struct buf *problem)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; groups[i].into && k < groups[i].n_rows; k++) {
            const struct setting *row = &groups[i].rows[k];
            const char *address;
            if (row->type != SETTING_SERVER)
                continue;
            memcpy(&address, (const char *)groups[i].into + row->offset, sizeof(address));
            if (address[0] && !can_be_read(row, address, problem))
                return false;
        }
    }
    return true;
}
