/** open_files.h: how many file descriptors this process may have. */
#ifndef COFFEESHOP_OPEN_FILES_H
#define COFFEESHOP_OPEN_FILES_H

#include <stdint.h>

/** Raises the soft limit to the hard one; what is started later inherits it. The soft one is for programs that can't
 * handle descriptors beyond 1023 (select), which nothing here is. Harmless when repeated. Any thread.
 *  \return how many there may be from now on. */
int64_t open_files_raise(void);

#endif
