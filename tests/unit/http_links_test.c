/* Links of an answer that is kept: paths, until somebody asks by a host. */
#include "base.h"
#include "http_links.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HERE "http://here:8081"
#define THERE "https://there.example/shop"

/* What a client by another host gets of an answer that was given to one by HERE. */
static void assert_goes_from_to(const char *first, const char *kept, const char *again)
{
    struct arena arena;
    struct buf out = {0};

    arena_init(&arena, 4096);
    struct str paths = http_links_to_paths(str_of(first), STR(HERE), &arena);
    assert_true(str_is(paths, kept));
    http_links_from_paths(&out, paths, STR(THERE));
    assert_true(str_is(buf_str(&out), again));
    buf_clear(&out);
    http_links_from_paths(&out, paths, STR(HERE));
    assert_true(str_is(buf_str(&out), first));
    buf_free(&out);
    arena_free(&arena);
}

static void a_kept_link_is_a_path_and_follows_the_host_that_asks(void **state)
{
    UNUSED(state);
    assert_goes_from_to("{\"id\":1,\"_links\":{\"self\":{\"href\":\"" HERE "/orders/1\"},\"order\":{\"href\":\"" HERE
                        "/orders/1\"}}}",
                        "{\"id\":1,\"_links\":{\"self\":{\"href\":\"/orders/1\"},\"order\":{\"href\":\"/orders/1\"}}}",
                        "{\"id\":1,\"_links\":{\"self\":{\"href\":\"" THERE "/orders/1\"},\"order\":{\"href\":\"" THERE
                        "/orders/1\"}}}");
    assert_goes_from_to("{\"status\":409,\"existing\":\"" HERE "/stocks/7\"}",
                        "{\"status\":409,\"existing\":\"/stocks/7\"}",
                        "{\"status\":409,\"existing\":\"" THERE "/stocks/7\"}");
}

static void what_only_looks_like_a_link_stays_as_it_is(void **state)
{
    UNUSED(state);
    static const char *const texts[] = {
        "",
        "true",
        "[true,false]",
        "{\"productName\":\"" HERE "/orders/1\"}",
        "{\"productName\":\"\\\"href\\\":\\\"" HERE "/orders/1\\\"\"}",
        "{\"productName\":\"\\\"href\\\":\\\"/orders/1\\\"\",\"existing\":\"" HERE "\"}",
        "{\"href\":\"" HERE "1/orders/1\"}",
        "{\"href\":\"http://elsewhere/orders/1\"}",
        "{\"reason\":\"href\",\"existing\":null}",
        "{\"href\":\"",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_goes_from_to(texts[i], texts[i], texts[i]);
}

static void an_answer_that_an_older_version_kept_keeps_its_links(void **state)
{
    UNUSED(state);
    const char *old = "{\"_links\":{\"self\":{\"href\":\"" HERE "/orders/1\"}}}";
    struct buf out = {0};

    http_links_from_paths(&out, str_of(old), STR(THERE));
    assert_true(str_is(buf_str(&out), old));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kept_link_is_a_path_and_follows_the_host_that_asks),
        cmocka_unit_test(what_only_looks_like_a_link_stays_as_it_is),
        cmocka_unit_test(an_answer_that_an_older_version_kept_keeps_its_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
