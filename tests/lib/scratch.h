/** scratch.h: a directory that one test has to itself, removed afterwards. For cmocka tests; any failure fails the
 * test. */
#ifndef COFFEESHOP_SCRATCH_H
#define COFFEESHOP_SCRATCH_H

#include <stddef.h>

enum { SCRATCH_PATH_SIZE = 256 };

struct scratch {
    char dir[SCRATCH_PATH_SIZE];
};

void scratch_make(struct scratch *scratch);
/** dir/name, into `path` (SCRATCH_PATH_SIZE bytes); returns it. */
const char *scratch_path(const struct scratch *scratch, const char *name, char *path);
/** The file's bytes become these. */
void scratch_write(const char *path, const void *bytes, size_t n);
/** Removes the directory and the files in it (it has no directories in it). */
void scratch_remove(struct scratch *scratch);

#endif
