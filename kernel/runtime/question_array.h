/** question_array.h: what another service is asked for many at once: a JSON array in which each question is keyed, so
 * that it may be asked again.
 *
 *  One question that is refused refuses the whole array. Then nothing was done, and the array is asked again in two
 * halves, until the refused one stands alone and the others have their answers: at most twice as many calls as
 * questions. Zeroed it is empty. One thread at a time; question_size may be shared.
 */
#ifndef COFFEESHOP_QUESTION_ARRAY_H
#define COFFEESHOP_QUESTION_ARRAY_H

#include "buf.h"
#include "http_client.h"

#include <stdatomic.h>

struct question_array {
    struct buf body; /* its error is sticky: question_array_close() says so */
    size_t n, room;
    size_t *at; /* where each begins */
    bool closed;
};

/** One question more, whose text the caller appends to the body next. false: no memory, and there is none more. */
bool question_array_begin(struct question_array *array);
/** All of `more` behind those that are there; neither is closed. false: no memory, and nothing has changed. */
bool question_array_join(struct question_array *array, const struct question_array *more);
/** A copy of the questions from `from` on, before `to`. false: no memory; to be freed all the same. */
bool question_array_copy(struct question_array *part, const struct question_array *whole, size_t from, size_t to);
/** Ends the array. The text that is sent, valid as long as the array; {NULL, 0}: there was no memory for it. */
struct str question_array_close(struct question_array *array);
void question_array_free(struct question_array *array);

/** Whether the array isn't taken as it is. What the other side says of one resource or of everybody (404, 429, another
 * server's own words) no smaller array would change. Inside the call's `done`. */
bool question_array_is_refused(const struct http_call *call);

/** How large an array may be, bytes: it becomes smaller when the other side says that one was too large, so that the
 * next ones needn't be refused first. */
struct question_size {
    _Atomic size_t most;
};
/** Less than http.max_body is unless told otherwise (64 KiB); a question has a few hundred bytes at most. */
void question_size_init(struct question_size *size);
size_t question_size_most(const struct question_size *size);
/** One of so many bytes was too large for the service `name`. */
void question_size_refused(struct question_size *size, size_t bytes, const char *name);

#endif
