/* The feed behind a real HTTP server, read by a real client. */
#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "fake_producer.h"
#include "http_client.h"
#include "metrics.h"
#include "sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct loop *loop;
    struct http_client *client;
    struct fake_producer producer;
    struct loop_timer guard;
};

/* Someone who reads the feed and holds every event against what was published. */
struct reader {
    struct http_tail tail;
    struct fixture *fixture;
    struct buf url;
    struct sse_parser parser;
    uint64_t position;
    uint64_t until; /* stops the loop there */
    size_t bytes;
    size_t until_bytes; /* or when so many have come */
    int error, status;
};

static void took_too_long(struct loop_timer *timer)
{
    UNUSED(timer);
    fail_msg("nothing happened for 20 s");
}

static const struct feed_settings usual = {
    .tail_bytes = 1 << 20, .heartbeat_ms = 60000, .max_followers = 64, .followers_per_address = 64};

static void open_fixture(struct fixture *fixture, const struct feed_settings *settings)
{
    *fixture = (struct fixture){.guard = {.fire = took_too_long}};
    fixture->loop = loop_new();
    fixture->client = http_client_new(fixture->loop, 2);
    fake_producer_open(&fixture->producer, fixture->loop, settings);
    loop_timer_set(fixture->loop, &fixture->guard, clock_monotonic() + 20 * US_PER_S);
}

static void close_fixture(struct fixture *fixture)
{
    loop_timer_cancel(fixture->loop, &fixture->guard);
    http_client_free(fixture->client);
    fake_producer_close(&fixture->producer);
    loop_free(fixture->loop);
}

static int take(void *context, const struct sse_event *event)
{
    struct reader *reader = context;
    struct buf expected = {0};
    uint64_t position = 0;

    assert_true(str_to_u64(event->id, &position));
    assert_int_equal(position, reader->position + 1);
    buf_printf(&expected, "{\"at\":%llu,", (unsigned long long)position);
    assert_true(str_starts_with(event->data, buf_str(&expected)));
    buf_free(&expected);
    reader->position = position;
    return OK;
}

static bool hear(struct http_tail *tail, const char *bytes, size_t n)
{
    struct reader *reader = CONTAINER_OF(tail, struct reader, tail);

    reader->bytes += n;
    assert_int_equal(sse_feed(&reader->parser, bytes, n, take, reader), OK);
    if (reader->position == reader->until || (reader->until_bytes && reader->bytes >= reader->until_bytes))
        loop_stop(reader->fixture->loop);
    return true;
}

static void ended(struct http_tail *tail, int error, int status)
{
    struct reader *reader = CONTAINER_OF(tail, struct reader, tail);

    reader->error = error;
    reader->status = status;
    loop_stop(reader->fixture->loop);
}

static const char *epoch = ""; /* that readers send */

static void open_reader(struct fixture *fixture, struct reader *reader, const char *last_event_id)
{
    *reader = (struct reader){.fixture = fixture, .error = -1, .until = UINT64_MAX};
    buf_add(&reader->url, str_of(fixture->producer.url));
    buf_add(&reader->url, STR("/events"));
    buf_char(&reader->url, '\0');
    reader->tail = (struct http_tail){.url = reader->url.p, .data = hear, .ended = ended, .silence_ms = 30000};
    memcpy(reader->tail.last_event_id, last_event_id, strlen(last_event_id));
    memcpy(reader->tail.feed_epoch, epoch, strlen(epoch));
    reader->tail.told[0].name = "Feed-Epoch";
    (void)str_to_u64(str_of(last_event_id), &reader->position);
    sse_init(&reader->parser, 1 << 20);
    assert_int_equal(http_tail_open(fixture->client, &reader->tail), OK);
}

static void read_until(struct reader *reader, uint64_t position)
{
    reader->until = position;
    if (reader->position < position)
        loop_run(reader->fixture->loop);
    assert_int_equal(reader->error, -1);
    assert_int_equal(reader->position, position);
}

static void close_reader(struct reader *reader)
{
    http_tail_close(&reader->tail);
    sse_free(&reader->parser);
    buf_free(&reader->url);
}

static void a_new_follower_gets_everything_from_the_beginning(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;

    open_fixture(&fixture, &usual);
    fake_producer_publish(&fixture.producer, 1, "ours", 0);
    fake_producer_publish(&fixture.producer, 3, "ours", 10);
    open_reader(&fixture, &reader, "");
    read_until(&reader, 4);
    assert_int_equal(fixture.producer.store_reads, 0);
    close_reader(&reader);
    close_fixture(&fixture);
}

static void a_follower_gets_what_is_published_while_it_listens(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;

    open_fixture(&fixture, &usual);
    open_reader(&fixture, &reader, "");
    reader.until_bytes = 1; /* connected */
    loop_run(fixture.loop);
    reader.until_bytes = 0;
    for (uint64_t n = 1; n <= 20; n++) {
        fake_producer_publish(&fixture.producer, 1, "ours", 0);
        read_until(&reader, n);
    }
    close_reader(&reader);
    close_fixture(&fixture);
}

static void one_that_stopped_inside_a_batch_goes_on_behind_its_last_event(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;

    open_fixture(&fixture, &usual);
    fake_producer_publish(&fixture.producer, 5, "ours", 0);
    fake_producer_publish(&fixture.producer, 5, "ours", 0);
    for (uint64_t at = 1; at < 10; at++) {
        struct buf id = {0};
        buf_u64(&id, at);
        buf_char(&id, '\0');
        open_reader(&fixture, &reader, id.p);
        read_until(&reader, 10);
        close_reader(&reader);
        buf_free(&id);
    }
    close_fixture(&fixture);
}

static void catch_up_by_a_store(bool is_slow)
{
    struct fixture fixture;
    struct reader reader;
    struct feed_settings settings = usual;

    settings.tail_bytes = 20000;
    open_fixture(&fixture, &settings);
    fixture.producer.store_is_slow = is_slow;
    for (int i = 0; i < 700; i++)
        fake_producer_publish(&fixture.producer, 1 + (size_t)i % 5, "ours", 100);
    open_reader(&fixture, &reader, "2"); /* inside the second batch */
    read_until(&reader, 2100);
    int reads = fixture.producer.store_reads;
    assert_true(reads > 3 && reads < 20); /* in pieces of about 64 KiB */
    fake_producer_publish(&fixture.producer, 1, "ours", 0);
    read_until(&reader, 2101);
    assert_int_equal(fixture.producer.store_reads, reads); /* it lives from the tail now */
    close_reader(&reader);
    close_fixture(&fixture);
}

static void one_that_is_far_behind_reads_from_the_store_and_catches_up_without_a_gap(void **state)
{
    UNUSED(state);
    catch_up_by_a_store(false);
}

static void a_store_that_answers_later_is_waited_for(void **state)
{
    UNUSED(state);
    catch_up_by_a_store(true);
}

static void open_far_behind(struct fixture *fixture, struct reader *reader)
{
    struct feed_settings settings = usual;

    settings.tail_bytes = 1;
    settings.heartbeat_ms = 10;
    open_fixture(fixture, &settings);
    fake_producer_publish(&fixture->producer, 2, "ours", 0);
    fake_producer_publish(&fixture->producer, 2, "ours", 0);
    fixture->producer.store_hangs = true;
    open_reader(fixture, reader, "1");
    loop_run(fixture->loop);
    assert_int_equal(fixture->producer.n_unanswered, 1); /* what is kept */
    fake_producer_answer(&fixture->producer);
    loop_run(fixture->loop);
    assert_int_equal(fixture->producer.n_unanswered, 1); /* the events */
}

static void who_waits_for_stored_events_hears_that_the_feed_lives(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;

    open_far_behind(&fixture, &reader);
    reader.until_bytes = reader.bytes + 9; /* three comments */
    loop_run(fixture.loop);
    reader.until_bytes = 0;
    assert_int_equal(fixture.producer.n_unanswered, 1); /* it wasn't asked again */
    fixture.producer.store_hangs = false;
    fake_producer_answer(&fixture.producer);
    read_until(&reader, 4);
    close_reader(&reader);
    close_fixture(&fixture);
}

/* Under AddressSanitizer: nothing is touched that is gone, and nothing stays. */
static void stored_events_that_come_when_their_reader_is_gone_are_let_go(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;

    open_far_behind(&fixture, &reader);
    close_reader(&reader);
    fake_producer_stop(&fixture.producer);
    fake_producer_answer(&fixture.producer);
    fake_producer_start(&fixture.producer);
    fixture.producer.store_hangs = false;
    close_fixture(&fixture);
}

static void stored_events_that_cant_be_read_later_end_the_stream(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;

    open_far_behind(&fixture, &reader);
    fixture.producer.store_fails = E_UNAVAILABLE;
    fake_producer_answer(&fixture.producer);
    loop_run(fixture.loop);
    assert_int_equal(reader.position, 1);
    assert_int_not_equal(reader.error, -1);
    close_reader(&reader);
    close_fixture(&fixture);
}

static void a_restarted_producer_serves_what_it_stored(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;

    open_fixture(&fixture, &usual);
    fake_producer_publish(&fixture.producer, 10, "ours", 0);
    fake_producer_stop(&fixture.producer);
    fake_producer_start(&fixture.producer);
    open_reader(&fixture, &reader, "3");
    read_until(&reader, 10);
    fake_producer_publish(&fixture.producer, 2, "ours", 0);
    read_until(&reader, 12);
    close_reader(&reader);
    close_fixture(&fixture);
}

static void an_event_larger_than_any_buffer_arrives_whole(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;

    open_fixture(&fixture, &usual);
    fake_producer_publish(&fixture.producer, 3, "ours", 300000);
    open_reader(&fixture, &reader, "1");
    read_until(&reader, 3);
    close_reader(&reader);
    close_fixture(&fixture);
}

static void an_idle_feed_gives_signs_of_life(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;
    struct feed_settings settings = usual;

    settings.heartbeat_ms = 20;
    open_fixture(&fixture, &settings);
    open_reader(&fixture, &reader, "");
    reader.until_bytes = 9; /* the first at once, then two more */
    loop_run(fixture.loop);
    assert_int_equal(reader.position, 0);
    assert_int_equal(reader.bytes % 3, 0); /* ":\n\n" */
    close_reader(&reader);
    close_fixture(&fixture);
}

static void expect_refusal(struct fixture *fixture, const char *last_event_id, int status)
{
    struct reader reader;

    open_reader(fixture, &reader, last_event_id);
    loop_run(fixture->loop);
    assert_int_equal(reader.status, status);
    assert_int_equal(reader.bytes, 0);
    close_reader(&reader);
}

static void a_position_that_makes_no_sense_is_refused_with_its_reason(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;
    struct feed_settings settings = usual;

    settings.tail_bytes = 1;
    open_fixture(&fixture, &settings);
    fake_producer_publish(&fixture.producer, 5, "ours", 0);
    fake_producer_publish(&fixture.producer, 5, "ours", 0);
    fake_producer_publish(&fixture.producer, 5, "ours", 0);
    expect_refusal(&fixture, "seventeen", 400);
    expect_refusal(&fixture, "-1", 400);
    expect_refusal(&fixture, "16", 409);
    expect_refusal(&fixture, "18446744073709551615", 409);
    fixture.producer.kept_from = 6;
    expect_refusal(&fixture, "4", 410);
    expect_refusal(&fixture, "", 410);
    open_reader(&fixture, &reader, "5"); /* the next one is the oldest kept */
    read_until(&reader, 15);
    close_reader(&reader);
    open_reader(&fixture, &reader, "15"); /* nothing is missing */
    reader.until_bytes = 1;
    loop_run(fixture.loop);
    assert_int_equal(reader.status, 0);
    close_reader(&reader);
    close_fixture(&fixture);
}

static void a_follower_that_has_read_another_history_is_refused_however_far_this_one_has_come(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;

    open_fixture(&fixture, &usual);
    fake_producer_publish(&fixture.producer, 5, "ours", 0);
    assert_int_equal(feed_history_add(&fixture.producer.history, (struct feed_epoch){4711, 0}), OK);
    assert_int_equal(feed_history_add(&fixture.producer.history, (struct feed_epoch){4712, 3}), OK);
    fake_producer_stop(&fixture.producer);
    fake_producer_start(&fixture.producer);
    epoch = "4711";
    expect_refusal(&fixture, "4", 409); /* what came behind 3 was said after a backup of then had been put back */
    epoch = "4713";
    expect_refusal(&fixture, "2", 409);
    epoch = "x";
    expect_refusal(&fixture, "2", 400);
    epoch = "4711";
    open_reader(&fixture, &reader, "3");
    read_until(&reader, 5);
    assert_string_equal(reader.tail.told[0].value, "4712");
    close_reader(&reader);
    epoch = "";
    close_fixture(&fixture);
}

static void a_store_that_cant_be_read_is_an_answer_to_come_back_later(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct feed_settings settings = usual;
    struct reader reader;

    settings.tail_bytes = 1;
    open_fixture(&fixture, &settings);
    fake_producer_publish(&fixture.producer, 2, "ours", 0);
    fake_producer_publish(&fixture.producer, 2, "ours", 0);
    fixture.producer.store_fails = E_UNAVAILABLE;
    expect_refusal(&fixture, "1", 503);
    fixture.producer.store_fails = OK;
    open_reader(&fixture, &reader, "1");
    read_until(&reader, 4);
    close_reader(&reader);
    close_fixture(&fixture);
}

static void too_many_followers_are_sent_away_and_one_that_leaves_makes_room(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader first;
    struct buf text = {0};
    struct feed_settings settings = usual;

    settings.max_followers = 1;
    open_fixture(&fixture, &settings);
    open_reader(&fixture, &first, "");
    first.until_bytes = 1;
    loop_run(fixture.loop);
    first.until_bytes = 0;
    expect_refusal(&fixture, "", 503);
    metrics_write(&text);
    buf_char(&text, '\0');
    assert_non_null(strstr(text.p, "\ncoffeeshop_feed_followers 1\n"));
    buf_free(&text);
    close_reader(&first);
    struct reader next;
    open_reader(&fixture, &next, ""); /* that the first one has hung up is noticed without a heartbeat */
    next.until_bytes = 1;
    loop_run(fixture.loop);
    assert_int_equal(next.status, 0); /* not refused */
    close_reader(&next);
    close_fixture(&fixture);
}

static void without_memory_for_the_tail_nothing_is_lost(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct reader reader;

    open_fixture(&fixture, &usual);
    fake_producer_publish(&fixture.producer, 2, "ours", 0);
    struct outbox outbox;
    pthread_mutex_lock(&fixture.producer.lock);
    fixture.producer.last = 4;
    fixture.producer.stored[0].count = 4;
    BUF_LIT(&fixture.producer.stored[0].frames, "id: 3\ndata: {\"at\":3,}\n\nid: 4\ndata: {\"at\":4,}\n\n");
    pthread_mutex_unlock(&fixture.producer.lock);
    outbox_init(&outbox, "fake", 2);
    outbox_begin(&outbox);
    outbox.count = 2;
    outbox.next = 5;
    BUF_LIT(&outbox.frames, "id: 3\ndata: {\"at\":3,}\n\nid: 4\ndata: {\"at\":4,}\n\n");
    heap_fail_at(1); /* the blob */
    feed_publish(fixture.producer.feed, &outbox);
    assert_true(heap_has_failed());
    heap_fail_at(0);
    outbox_free(&outbox);
    assert_int_equal(feed_last(fixture.producer.feed), 4);
    open_reader(&fixture, &reader, "");
    read_until(&reader, 4);
    fake_producer_publish(&fixture.producer, 1, "ours", 0);
    read_until(&reader, 5);
    close_reader(&reader);
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_follower_gets_everything_from_the_beginning),
        cmocka_unit_test(a_follower_gets_what_is_published_while_it_listens),
        cmocka_unit_test(one_that_stopped_inside_a_batch_goes_on_behind_its_last_event),
        cmocka_unit_test(one_that_is_far_behind_reads_from_the_store_and_catches_up_without_a_gap),
        cmocka_unit_test(a_store_that_answers_later_is_waited_for),
        cmocka_unit_test(who_waits_for_stored_events_hears_that_the_feed_lives),
        cmocka_unit_test(stored_events_that_come_when_their_reader_is_gone_are_let_go),
        cmocka_unit_test(stored_events_that_cant_be_read_later_end_the_stream),
        cmocka_unit_test(a_restarted_producer_serves_what_it_stored),
        cmocka_unit_test(an_event_larger_than_any_buffer_arrives_whole),
        cmocka_unit_test(an_idle_feed_gives_signs_of_life),
        cmocka_unit_test(a_position_that_makes_no_sense_is_refused_with_its_reason),
        cmocka_unit_test(a_follower_that_has_read_another_history_is_refused_however_far_this_one_has_come),
        cmocka_unit_test(a_store_that_cant_be_read_is_an_answer_to_come_back_later),
        cmocka_unit_test(too_many_followers_are_sent_away_and_one_that_leaves_makes_room),
        cmocka_unit_test(without_memory_for_the_tail_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
