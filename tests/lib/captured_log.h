/** captured_log.h: what was written to standard error in the meantime. For cmocka tests; any failure fails the test. */
#ifndef COFFEESHOP_CAPTURED_LOG_H
#define COFFEESHOP_CAPTURED_LOG_H

/** At most so much is written: more would fill the pipe, and the writer would wait for ever. */
enum { CAPTURED_LOG_SIZE = 4096 };

struct captured_log {
    int kept, ends[2];
    char text[CAPTURED_LOG_SIZE];
};

/** From now on standard error is ours. */
void captured_log_begin(struct captured_log *captured);
/** Standard error is what it was before. Returns what was written, which lives in `captured`. */
const char *captured_log_end(struct captured_log *captured);

#endif
