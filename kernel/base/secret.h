/** secret.h: memory for what nobody else may see: in pages of its own that are no part of a core dump, aren't swapped
 * out where the system allows that, and are wiped when they are given back. No sentence quotes a secret. */
#ifndef COFFEESHOP_SECRET_H
#define COFFEESHOP_SECRET_H

#include "buf.h"

#include <stdbool.h>

enum { SECRET_MOST = 1024 }; /* bytes */

/** NULL and a sentence in `problem`. Zeroed. */
void *secret_memory(size_t size, struct buf *problem);
/** NULL is taken. */
void secret_memory_free(void *memory, size_t size);

struct secret {
    size_t n;
    char text[SECRET_MOST + 1]; /* with a NUL behind it */
};

/** A copy. NULL and a sentence in `problem`: too long, or no memory. */
struct secret *secret_from_text(struct str text, struct buf *problem);
/** The same of a file's content; white space at its end is not meant. A file that everybody may read is refused. */
struct secret *secret_from_file(const char *path, struct buf *problem);
/** By the environment or by a file, not by both; neither is fine, *secret is NULL then. `text` is the environment's own
 * memory, and wiped. false and a sentence that names the settings, `name` and `name`_file. */
bool secret_take(const char *name, const char *text, const char *file, struct secret **secret, struct buf *problem);
/** NULL is taken. */
void secret_free(struct secret *secret);

static inline struct str secret_text(const struct secret *secret)
{
    return secret ? (struct str){secret->text, secret->n} : (struct str){NULL, 0};
}

#endif
