/* Cutting a byte stream into Server-Sent Events, however the network cuts it first. */
#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { STOPPED = 77 };

/* Every event as "id|name|data;" in one text. */
struct heard {
    struct buf text;
    int stop_after; /* this many; 0: never */
    int n;
};

static int hear(void *context, const struct sse_event *event)
{
    struct heard *heard = context;

    buf_add(&heard->text, event->id);
    buf_char(&heard->text, '|');
    buf_add(&heard->text, event->event);
    buf_char(&heard->text, '|');
    buf_add(&heard->text, event->data);
    buf_char(&heard->text, ';');
    return ++heard->n == heard->stop_after ? STOPPED : OK;
}

static void assert_heard(const struct heard *heard, const char *expected)
{
    assert_false(heard->text.failed);
    assert_int_equal(heard->text.n, strlen(expected));
    assert_memory_equal(heard->text.p ? heard->text.p : "", expected, heard->text.n);
}

/* In two parts, cut at every place, and byte by byte. */
static void assert_stream(struct str stream, const char *expected)
{
    for (size_t cut = 0; cut <= stream.n + 1; cut++) {
        struct sse_parser parser;
        struct heard heard = {0};

        sse_init(&parser, 1000);
        if (cut <= stream.n) {
            assert_int_equal(sse_feed(&parser, stream.p, cut, hear, &heard), OK);
            assert_int_equal(sse_feed(&parser, stream.p + cut, stream.n - cut, hear, &heard), OK);
        } else {
            for (size_t i = 0; i < stream.n; i++)
                assert_int_equal(sse_feed(&parser, stream.p + i, 1, hear, &heard), OK);
        }
        assert_heard(&heard, expected);
        buf_free(&heard.text);
        sse_free(&parser);
    }
}

static void events_arrive_whole_wherever_the_stream_is_cut(void **state)
{
    UNUSED(state);
    assert_stream(STR("id: 17\ndata: {\"a\":1}\n\nid: 18\nevent: Ordered\ndata: two\ndata: lines\n\n"),
                  "17||{\"a\":1};18|Ordered|two\nlines;");
}

static void lines_end_with_lf_cr_or_both(void **state)
{
    UNUSED(state);
    assert_stream(STR("id:1\r\ndata:a\r\n\r\nid:2\rdata:b\r\rid:3\ndata:c\n\n"), "1||a;2||b;3||c;");
    assert_stream(STR("data:a\r\r\ndata:b\n\r\n"), "||a;||b;");
}

static void a_byte_order_mark_is_skipped_at_the_start_only(void **state)
{
    UNUSED(state);
    assert_stream(STR("\xEF\xBB\xBF"
                      "data:a\n\n"),
                  "||a;");
    assert_stream(STR("data:a\n\n\xEF\xBB\xBF"
                      "data:b\n\ndata:c\n\n"),
                  "||a;||c;");
}

static void comments_and_unknown_fields_are_ignored(void **state)
{
    UNUSED(state);
    assert_stream(STR(": heartbeat\n\n:\n\nretry: 100\nwhatever\ndata: a\n:in between\ndata:b\n\n"), "||a\nb;");
}

static void only_one_blank_behind_the_colon_is_dropped(void **state)
{
    UNUSED(state);
    assert_stream(STR("data:  two blanks: and a colon \n\n"), "|| two blanks: and a colon ;");
}

static void a_data_field_without_value_is_an_empty_line(void **state)
{
    UNUSED(state);
    assert_stream(STR("data\n\n"), "||;");
    assert_stream(STR("data:\ndata:\n\n"), "||\n;");
}

static void an_event_without_data_is_none_but_its_id_is_remembered(void **state)
{
    UNUSED(state);
    assert_stream(STR("id: 5\nevent: gone\n\ndata: a\n\ndata: b\n\n"), "5||a;5||b;");
    assert_stream(STR("id: 5\ndata: a\n\nid\ndata: b\n\n"), "5||a;||b;");
}

static void an_id_with_a_nul_is_ignored(void **state)
{
    UNUSED(state);
    assert_stream(STR("id: 5\n\nid: 6\0\ndata: a\n\n"), "5||a;");
}

static void an_unfinished_event_is_never_heard(void **state)
{
    UNUSED(state);
    assert_stream(STR("data: a\n\ndata: b\n"), "||a;");
    assert_stream(STR("data: a"), "");
}

static void a_listener_that_stops_is_not_called_again(void **state)
{
    struct sse_parser parser;
    struct heard heard = {.stop_after = 1};
    const struct str stream = STR("data: a\n\ndata: b\n\n");

    UNUSED(state);
    sse_init(&parser, 1000);
    assert_int_equal(sse_feed(&parser, stream.p, stream.n, hear, &heard), STOPPED);
    assert_heard(&heard, "||a;");
    buf_free(&heard.text);
    sse_free(&parser);
}

static int feed_limited(size_t max_event, struct str stream, size_t step, struct heard *heard)
{
    struct sse_parser parser;
    int rc = OK;

    sse_init(&parser, max_event);
    for (size_t at = 0; at < stream.n && rc == OK; at += step)
        rc = sse_feed(&parser, stream.p + at, step < stream.n - at ? step : stream.n - at, hear, heard);
    sse_free(&parser);
    return rc;
}

static void an_event_larger_than_the_limit_is_refused_however_it_is_cut(void **state)
{
    UNUSED(state);
    for (size_t step = 1; step <= 40; step++) {
        struct heard heard = {0};
        assert_int_equal(feed_limited(20, STR("data: 0123456789012345\n\n"), step, &heard), E_TOO_LARGE);
        assert_int_equal(feed_limited(20, STR("data: 0123456\ndata: 0123456\ndata: 0123456\n\n"), step, &heard),
                         E_TOO_LARGE);
        assert_int_equal(feed_limited(20, STR("endless line without an end"), step, &heard), E_TOO_LARGE);
        assert_heard(&heard, "");
        assert_int_equal(feed_limited(20, STR("data: 01234567890123\n\ndata: 01234567890123\n\n"), step, &heard), OK);
        assert_heard(&heard, "||01234567890123;||01234567890123;");
        buf_free(&heard.text);
    }
}

static void no_memory_is_said_and_nothing_is_heard_wrong(void **state)
{
    const struct str stream = STR("id: 1\nevent: e\ndata: a\n\n");

    UNUSED(state);
    for (uint64_t nth = 1;; nth++) {
        struct heard heard = {0};
        buf_reserve(&heard.text, 100);
        heap_fail_at(nth);
        int rc = feed_limited(100, stream, 3, &heard);
        bool failed = heap_has_failed();
        heap_fail_at(0);
        assert_int_equal(rc, failed ? E_MEMORY : OK);
        assert_heard(&heard, failed ? "" : "1|e|a;");
        buf_free(&heard.text);
        if (!failed) {
            assert_true(nth > 4); /* line, id, event and data each asked once */
            return;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_arrive_whole_wherever_the_stream_is_cut),
        cmocka_unit_test(lines_end_with_lf_cr_or_both),
        cmocka_unit_test(a_byte_order_mark_is_skipped_at_the_start_only),
        cmocka_unit_test(comments_and_unknown_fields_are_ignored),
        cmocka_unit_test(only_one_blank_behind_the_colon_is_dropped),
        cmocka_unit_test(a_data_field_without_value_is_an_empty_line),
        cmocka_unit_test(an_event_without_data_is_none_but_its_id_is_remembered),
        cmocka_unit_test(an_id_with_a_nul_is_ignored),
        cmocka_unit_test(an_unfinished_event_is_never_heard),
        cmocka_unit_test(a_listener_that_stops_is_not_called_again),
        cmocka_unit_test(an_event_larger_than_the_limit_is_refused_however_it_is_cut),
        cmocka_unit_test(no_memory_is_said_and_nothing_is_heard_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
