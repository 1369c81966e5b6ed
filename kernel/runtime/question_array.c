#include "question_array.h"

#include "alloc.h"
#include "log.h"
#include "peer_problem.h"

enum { FIRST_ROOM = 8, MOST_BODY = 48 * 1024, LEAST_BODY = 512 };

static bool make_room(struct question_array *array, size_t n)
{
    size_t room = array->room ? array->room : (size_t)FIRST_ROOM;

    while (room < n)
        room *= 2;
    if (room == array->room)
        return true;
    size_t *at = heap_resize(array->at, room * sizeof(*at));
    if (!at)
        return false;
    array->at = at;
    array->room = room;
    return true;
}

bool question_array_begin(struct question_array *array)
{
    if (!make_room(array, array->n + 1))
        return false;
    buf_char(&array->body, array->n ? ',' : '[');
    array->at[array->n++] = array->body.n;
    return true;
}

/* Where a question ends: before the comma or the bracket. */
static size_t end_of(const struct question_array *array, size_t i)
{
    if (i + 1 < array->n)
        return array->at[i + 1] - 1;
    return array->closed ? array->body.n - 1 : array->body.n;
}

static bool add_all(struct question_array *to, const struct question_array *from, size_t first, size_t end)
{
    if (from->body.failed || !make_room(to, to->n + (end - first)))
        return false;
    for (size_t i = first; i < end; i++) {
        (void)question_array_begin(to);
        buf_add(&to->body, (struct str){from->body.p + from->at[i], end_of(from, i) - from->at[i]});
    }
    return !to->body.failed;
}

bool question_array_join(struct question_array *array, const struct question_array *more)
{
    size_t n = array->n, bytes = array->body.n;

    if (array->body.failed)
        return false;
    if (add_all(array, more, 0, more->n))
        return true;
    array->n = n;
    array->body.n = bytes;
    array->body.failed = false;
    return false;
}

bool question_array_copy(struct question_array *part, const struct question_array *whole, size_t from, size_t to)
{
    return add_all(part, whole, from, to);
}

struct str question_array_close(struct question_array *array)
{
    buf_char(&array->body, ']');
    array->closed = true;
    return array->body.failed ? (struct str){NULL, 0} : buf_str(&array->body);
}

void question_array_free(struct question_array *array)
{
    buf_free(&array->body);
    heap_free(array->at);
    *array = (struct question_array){0};
}

bool question_array_is_refused(const struct http_call *call)
{
    struct peer_problem problem;

    return call->status == 413 || ((call->status == 400 || call->status == 422) && peer_problem_read(call, &problem));
}

void question_size_init(struct question_size *size)
{
    atomic_store(&size->most, MOST_BODY);
}

size_t question_size_most(const struct question_size *size)
{
    return atomic_load_explicit(&size->most, memory_order_relaxed);
}

void question_size_refused(struct question_size *size, size_t bytes, const char *name)
{
    size_t most = bytes / 2 > LEAST_BODY ? bytes / 2 : (size_t)LEAST_BODY;

    if (most >= question_size_most(size))
        return;
    atomic_store_explicit(&size->most, most, memory_order_relaxed);
    log_warning("larger questions aren't taken (http.max_body there); they are sent in smaller parts",
                LOG_T("service", name), LOG_I("bytes", most));
}
