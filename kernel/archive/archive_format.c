#include "archive_format.h"

#define SERVICE(name, member, kind, flag, lowest, highest)                                                             \
    JSON_FIELD(struct archive_service, name, member, kind, flag, lowest, highest)
static const struct json_field service_fields[] = {
    SERVICE("name", name, JSON_STRING, JSON_REQUIRED, 1, 64),
    SERVICE("schema", schema, JSON_I64, JSON_REQUIRED, 0, INT32_MAX),
    SERVICE("epoch", epoch, JSON_I64, JSON_SKIP_EMPTY, 0, INT64_MAX),
    SERVICE("state", state, JSON_STRING, JSON_REQUIRED, 1, 64),
};
static const struct json_desc service_desc = {"service", service_fields, COUNT_OF(service_fields),
                                              sizeof(struct archive_service)};

#define HEAD(name, member, kind, flag, lowest, highest)                                                                \
    JSON_FIELD(struct archive_head, name, member, kind, flag, lowest, highest)
static const struct json_field head_fields[] = {
    HEAD("coffeeshop", coffeeshop, JSON_STRING, JSON_REQUIRED, 1, 64),
    HEAD("format", format, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    HEAD("version", version, JSON_STRING, JSON_REQUIRED, 1, 64),
    HEAD("cells", cells, JSON_I64, JSON_REQUIRED, 1, INT32_MAX),
    JSON_FIELD_OF(struct archive_head, "services", services, JSON_ARRAY, JSON_REQUIRED, &service_desc,
                  ARCHIVE_MOST_SERVICES),
};
const struct json_desc archive_head_desc = {"head", head_fields, COUNT_OF(head_fields), sizeof(struct archive_head)};

#define CONTROL(name, member, kind, flag, lowest, highest)                                                             \
    JSON_FIELD(struct archive_control, name, member, kind, flag, lowest, highest)
static const struct json_field control_fields[] = {
    CONTROL("service", service, JSON_STRING, 0, 1, 64),
    CONTROL("table", table, JSON_STRING, 0, 1, 64),
    CONTROL("columns", columns, JSON_STRING, 0, 1, 4096),
    CONTROL("rows", rows, JSON_I64, JSON_OPTIONAL, 0, INT64_MAX),
    CONTROL("lines", lines, JSON_I64, JSON_OPTIONAL, 1, INT64_MAX),
};
const struct json_desc archive_control_desc = {"control", control_fields, COUNT_OF(control_fields),
                                               sizeof(struct archive_control)};

void archive_head_write(struct buf *line, const struct archive_head *head)
{
    buf_char(line, '{');
    json_encode_members(line, &archive_head_desc, head);
}

void archive_table_write(struct buf *line, struct str service, struct str table, struct str columns)
{
    BUF_LIT(line, "{\"service\":");
    buf_json_string(line, service);
    BUF_LIT(line, ",\"table\":");
    buf_json_string(line, table);
    BUF_LIT(line, ",\"columns\":");
    buf_json_string(line, columns);
}

void archive_rows_write(struct buf *line, int64_t rows)
{
    buf_printf(line, "{\"rows\":%lld", (long long)rows);
}

void archive_complete_write(struct buf *line, int64_t lines)
{
    buf_printf(line, "{\"complete\":true,\"lines\":%lld", (long long)lines);
}

static bool has_twins(const struct archive_head *head)
{
    const struct archive_service *services = head->services.items;

    for (size_t i = 0; i < head->services.n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (str_eq(services[i].name, services[k].name))
                return true;
        }
    }
    return false;
}

bool archive_head_read(struct str line, struct archive_head *head, struct arena *arena, struct buf *why)
{
    struct json_error error;

    if (!json_decode(&archive_head_desc, line, head, arena, &error) || !str_is(head->coffeeshop, "archive") ||
        has_twins(head)) {
        BUF_LIT(why, "isn't the first line of a shop's archive");
        return false;
    }
    if (head->format > ARCHIVE_FORMAT) {
        buf_printf(why, "is of a later format (%lld, this version of coffeeshop knows %d): import it with version %.*s",
                   (long long)head->format, ARCHIVE_FORMAT, STR_ARG(head->version));
        return false;
    }
    if (head->cells != ARCHIVE_CELLS) {
        buf_printf(why,
                   "says that the shop has %lld cells: this version of coffeeshop moves shops of one cell to shops of "
                   "one cell",
                   (long long)head->cells);
        return false;
    }
    return true;
}
