/* Where a payment provider may be: by https anywhere, by http on this machine only. */
#include "base.h"
#include "provider_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_provider_is_reached_by_https_or_on_this_machine(void **state)
{
    static const char *const fine[] = {"https://pay.example",    "https://pay.example:8443/v1", "https://10.0.0.1/a/b",
                                       "http://127.0.0.1:9000",  "http://localhost/v1",         "http://[::1]:9000/v1",
                                       "http://127.1.2.3:80/v1", "https://[2001:db8::1]"};
    UNUSED(state);

    for (size_t i = 0; i < COUNT_OF(fine); i++)
        assert_null(provider_url_problem(str_of(fine[i])));
}

static void anything_else_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "pay.example",
                                      "ftp://pay.example",
                                      "http://pay.example",
                                      "http://10.0.0.1",
                                      "http://127.0.0.1.pay.example",
                                      "http://127.0.0.256",
                                      "http://127.0.1",
                                      "http://localhost.pay.example",
                                      "http://localhost@pay.example",
                                      "http://[::1].pay.example",
                                      "https://",
                                      "https:///v1",
                                      "https://:80",
                                      "https://pay.example/",
                                      "https://pay.example/v1?x",
                                      "https://pay.example/#",
                                      "https://a b",
                                      "http://127.0.0.1\\@pay.example"};
    UNUSED(state);

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_non_null(provider_url_problem(str_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_provider_is_reached_by_https_or_on_this_machine),
        cmocka_unit_test(anything_else_is_refused),
    };

    return cmocka_run_group_tests_name("payment_provider_url", tests, NULL, NULL);
}
