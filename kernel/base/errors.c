#include "errors.h"

#include <stddef.h>

struct error_info {
    const char *name;
    const char *text;
    int status;
    bool passing;
};

static const struct error_info infos[ERROR_COUNT] = {
    [OK] = {"OK", "fine", 200, false},
#define ERROR(name, status, retry, text) [name] = {#name, text, status, (retry) != 0},
#include "errors.def"
#undef ERROR
};

static const struct error_info *info_of(int error)
{
    return error >= 0 && error < ERROR_COUNT ? &infos[error] : &infos[E_SYSTEM];
}

const char *error_text(int error)
{
    return info_of(error)->text;
}

const char *error_name(int error)
{
    return info_of(error)->name;
}

int error_http_status(int error)
{
    return info_of(error)->status;
}

bool error_is_passing(int error)
{
    return info_of(error)->passing;
}
