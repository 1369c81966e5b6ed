/* Problem documents of peers: what is ours is believed, what only looks like it isn't. */
#include "base.h"
#include "example.h"
#include "peer_problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool is_believed(int status, enum http_media media, struct str text, bool *outcome_unknown)
{
    struct http_call call = {.status = status, .media = media};
    struct peer_problem problem;

    buf_add(&call.reply, text);
    bool believed = peer_problem_read(&call, &problem);
    *outcome_unknown = problem.outcome_unknown;
    buf_free(&call.reply);
    return believed;
}

static void a_problem_of_ours_is_believed(void **state)
{
    struct arena arena;
    bool unknown;

    UNUSED(state);
    arena_init(&arena, 0);
    assert_true(is_believed(503, HTTP_MEDIA_PROBLEM, example_read(&arena, "problem_busy"), &unknown));
    assert_false(unknown);
    assert_true(is_believed(503, HTTP_MEDIA_PROBLEM, example_read(&arena, "problem_outcome_unknown"), &unknown));
    assert_true(unknown);
    arena_free(&arena);
}

static void what_another_server_answers_is_not(void **state)
{
    bool unknown;

    UNUSED(state);
    assert_false(is_believed(503, HTTP_MEDIA_OTHER, STR("<html>503</html>"), &unknown));
    assert_false(is_believed(503, HTTP_MEDIA_JSON, STR("{\"type\":\"about:blank\",\"status\":503}"), &unknown));
    assert_false(is_believed(503, HTTP_MEDIA_PROBLEM, STR("{\"type\":\"about:blank\",\"status\":500}"), &unknown));
    assert_false(is_believed(503, HTTP_MEDIA_PROBLEM, STR("{\"status\":503}"), &unknown));
    assert_false(is_believed(503, HTTP_MEDIA_PROBLEM, STR(""), &unknown));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_of_ours_is_believed),
        cmocka_unit_test(what_another_server_answers_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
