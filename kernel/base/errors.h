/** errors.h: failures as numbers. Functions that can fail return `int`: 0, or one of these. The list is errors.def. */
#ifndef COFFEESHOP_ERRORS_H
#define COFFEESHOP_ERRORS_H

#include <stdbool.h>

enum error {
    OK = 0,
#define ERROR(name, status, retry, text) name,
#include "errors.def"
#undef ERROR
    ERROR_COUNT
};

/** The sentence for people; never NULL, static. */
const char *error_text(int error);
/** The name, "E_FULL", for logs; static. */
const char *error_name(int error);
/** The HTTP status that a client gets for it. */
int error_http_status(int error);
/** Whether the same call may succeed later without anyone changing it. */
bool error_is_passing(int error);

#endif
