/* The way of an event from a producer's commit to a consumer's: real feed, real HTTP server and client, real writer,
 * and a core that records. */
#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "fake_producer.h"
#include "follower.h"
#include "metrics.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_DEAD = 4 };

/* What a consumer has committed. The writer's thread writes it; others look at the atomic members while it runs, at all
 * after its stop. */
struct recorder {
    struct core core;
    struct loop *loop;
    _Atomic uint64_t cursor;
    uint64_t applied;       /* events for us */
    uint64_t epoch;         /* of the cursor */
    uint64_t gap;           /* up to here events were passed over */
    _Atomic uint64_t skips; /* SKIP commands */
    bool disorder;          /* an event twice, too early, or left out */
    int runs, fail_every;   /* every nth commit fails; 0: none */
    size_t most_in_batch;
    _Atomic uint64_t until;     /* stops the loop when the cursor is there */
    struct buf dead[MOST_DEAD]; /* "reason|frame" */
    size_t n_dead;
    pthread_mutex_t gate; /* held by the test: commits wait */
};

struct taken {
    struct command base;
    uint64_t at;
};

static uint64_t at_of(struct str text)
{
    uint64_t at = 0;
    struct str rest;

    text.p += strlen("{\"at\":");
    text.n -= strlen("{\"at\":");
    assert_true(str_to_u64(str_split(text, ',', &rest), &at));
    return at;
}

static void record(struct recorder *recorder, struct command *command, uint64_t *cursor)
{
    if (command->fate == COMMAND_EPOCH) {
        recorder->epoch = command->position;
        return;
    }
    recorder->disorder |= command->position <= *cursor;
    if (command->fate == COMMAND_NORMAL) {
        const struct taken *taken = CONTAINER_OF(command, struct taken, base);
        recorder->disorder |= taken->at != command->position;
        recorder->applied++;
    }
    if (command->fate == COMMAND_GAP)
        recorder->gap = command->position;
    if (command->fate == COMMAND_SKIP)
        atomic_fetch_add(&recorder->skips, 1);
    if (command->fate == COMMAND_DEAD && recorder->n_dead < MOST_DEAD) {
        struct buf *dead = &recorder->dead[recorder->n_dead++];
        buf_add(dead, command->reason);
        buf_char(dead, '|');
        buf_add(dead, command->frame);
    }
    *cursor = command->position;
}

static int decide(struct core *self, struct command *const *commands, size_t n, int64_t now)
{
    struct recorder *recorder = CONTAINER_OF(self, struct recorder, core);
    uint64_t cursor = atomic_load(&recorder->cursor);

    UNUSED(now);
    pthread_mutex_lock(&recorder->gate);
    pthread_mutex_unlock(&recorder->gate);
    if (recorder->fail_every && ++recorder->runs % recorder->fail_every == 0)
        return E_FULL;
    for (size_t i = 0; i < n; i++)
        record(recorder, commands[i], &cursor);
    recorder->most_in_batch = n > recorder->most_in_batch ? n : recorder->most_in_batch;
    atomic_store(&recorder->cursor, cursor);
    if (cursor >= atomic_load(&recorder->until))
        loop_stop(recorder->loop);
    return OK;
}

static int64_t next_due(struct core *self)
{
    UNUSED(self);
    return TIME_NEVER;
}

static void finish(struct command *command, int rc)
{
    UNUSED(rc);
    heap_free(CONTAINER_OF(command, struct taken, base));
}

static struct command *decode(void *context, size_t source, struct str text, const char **reason)
{
    UNUSED(context);
    assert_int_equal(source, 2);
    if (memmem(text.p, text.n, "\"kind\":\"other\"", 14))
        return NULL;
    if (!memmem(text.p, text.n, "\"kind\":\"ours\"", 13)) {
        *reason = "is no event that we know";
        return NULL;
    }
    struct taken *taken = heap_alloc(sizeof(*taken));
    if (!taken) {
        *reason = error_text(E_MEMORY);
        return NULL;
    }
    taken->base.finish = finish;
    taken->at = at_of(text);
    return &taken->base;
}

struct fixture {
    struct loop *loop;
    struct http_client *client;
    struct fake_producer producer;
    struct recorder recorder;
    struct writer *writer;
    struct follower *follower;
    struct loop_timer guard;
    size_t max_waiting;
    bool behind; /* our own feed has never said what the producer tells to have read of it */
    int overtaken;
    bool skips, skipped; /* a gap */
    uint64_t oldest;
    struct feed_cursor asked_for;
};

static void took_too_long(struct loop_timer *timer)
{
    UNUSED(timer);
    fail_msg("nothing happened for 60 s");
}

static const struct feed_settings feed_usual = {
    .tail_bytes = 1 << 20, .heartbeat_ms = 100, .max_followers = 8, .followers_per_address = 64};
static const struct writer_settings writer_usual = {.batch = 64, .queue = 64, .retry_ms = 1};

static void open_consumer(struct fixture *fixture)
{
    fixture->loop = loop_new();
    fixture->client = http_client_new(fixture->loop, 2);
    pthread_mutex_init(&fixture->recorder.gate, NULL);
    fixture->recorder.core = (struct core){.decide = decide, .next_due = next_due};
    fixture->recorder.loop = fixture->loop;
    atomic_store(&fixture->recorder.until, UINT64_MAX);
    fixture->writer = writer_new(&writer_usual, &fixture->recorder.core);
    assert_int_equal(writer_start(fixture->writer), OK);
    fixture->guard.fire = took_too_long;
    loop_timer_set(fixture->loop, &fixture->guard, clock_monotonic() + 60 * US_PER_S);
}

static bool has_said(void *owner, struct feed_cursor cursor)
{
    struct fixture *fixture = owner;

    fixture->asked_for = cursor;
    return !fixture->behind;
}

static void overtaken(void *owner, size_t source)
{
    struct fixture *fixture = owner;

    assert_int_equal(source, 2);
    fixture->overtaken++;
    loop_stop(fixture->loop);
}

static void follow(struct fixture *fixture, const char *url)
{
    const struct follower_options options = {
        .producer = "fake",
        .url = url,
        .source = 2,
        .position = atomic_load(&fixture->recorder.cursor),
        .epoch = fixture->recorder.epoch,
        .self = "us",
        .has_said = has_said,
        .overtaken = overtaken,
        .owner = fixture,
        .max_waiting = fixture->max_waiting ? fixture->max_waiting : 1000,
        .silence_ms = 5000,
        .decode = decode,
    };

    fixture->follower = follower_new(fixture->loop, fixture->client, fixture->writer, &options);
    assert_non_null(fixture->follower);
}

static void open_fixture(struct fixture *fixture, const struct feed_settings *settings)
{
    *fixture = (struct fixture){0};
    open_consumer(fixture);
    fake_producer_open(&fixture->producer, fixture->loop, settings);
}

static void wait_until(struct fixture *fixture, uint64_t position)
{
    atomic_store(&fixture->recorder.until, position);
    while (atomic_load(&fixture->recorder.cursor) < position)
        loop_run(fixture->loop);
    atomic_store(&fixture->recorder.until, UINT64_MAX);
}

/* Everything is over afterwards; what was recorded can be looked at. */
static void end_consumer(struct fixture *fixture)
{
    follower_stop(fixture->follower);
    writer_stop(fixture->writer);
    follower_free(fixture->follower);
    http_client_free(fixture->client);
    writer_free(fixture->writer);
    loop_timer_cancel(fixture->loop, &fixture->guard);
    pthread_mutex_destroy(&fixture->recorder.gate);
    assert_false(fixture->recorder.disorder);
}

static void close_fixture(struct fixture *fixture)
{
    for (size_t i = 0; i < MOST_DEAD; i++)
        buf_free(&fixture->recorder.dead[i]);
    if (fixture->producer.loop)
        fake_producer_close(&fixture->producer);
    loop_free(fixture->loop);
}

static void every_event_arrives_once_and_in_order(void **state)
{
    UNUSED(state);
    struct fixture fixture;

    open_fixture(&fixture, &feed_usual);
    fake_producer_publish(&fixture.producer, 100, "ours", 50);
    follow(&fixture, fixture.producer.url);
    wait_until(&fixture, 100);
    for (int i = 0; i < 20; i++)
        fake_producer_publish(&fixture.producer, 7, "ours", 50);
    wait_until(&fixture, 240);
    assert_true(follower_is_connected(fixture.follower));
    assert_int_equal(follower_cursor(fixture.follower).position, 240);
    end_consumer(&fixture);
    assert_int_equal(fixture.recorder.applied, 240);
    close_fixture(&fixture);
}

static void a_follower_goes_on_behind_the_committed_cursor(void **state)
{
    UNUSED(state);
    struct fixture fixture;

    open_fixture(&fixture, &feed_usual);
    fake_producer_publish(&fixture.producer, 10, "ours", 0);
    atomic_store(&fixture.recorder.cursor, 6);
    follow(&fixture, fixture.producer.url);
    wait_until(&fixture, 10);
    end_consumer(&fixture);
    assert_int_equal(fixture.recorder.applied, 4);
    close_fixture(&fixture);
}

static void events_for_others_only_move_the_cursor(void **state)
{
    UNUSED(state);
    struct fixture fixture;

    open_fixture(&fixture, &feed_usual);
    fake_producer_publish(&fixture.producer, 50, "other", 0);
    follow(&fixture, fixture.producer.url);
    wait_until(&fixture, 50);
    fake_producer_publish(&fixture.producer, 1, "ours", 0);
    fake_producer_publish(&fixture.producer, 1, "other", 0);
    wait_until(&fixture, 52);
    end_consumer(&fixture);
    assert_int_equal(fixture.recorder.applied, 1);
    assert_in_range(atomic_load(&fixture.recorder.skips), 1,
                    10); /* one for each piece of bytes, not one for each event */
    close_fixture(&fixture);
}

struct trickle {
    struct loop_timer timer;
    struct fixture *fixture;
    uint64_t n;
};

/* The next one, when the follower has the one before. */
static void let_one_come(struct loop_timer *timer)
{
    struct trickle *trickle = CONTAINER_OF(timer, struct trickle, timer);
    struct fixture *fixture = trickle->fixture;

    if (follower_cursor(fixture->follower).position == fixture->producer.last) {
        if (fixture->producer.last == trickle->n)
            return;
        fake_producer_publish(&fixture->producer, 1, "other", 0);
    }
    loop_timer_set(fixture->loop, timer, clock_monotonic());
}

static void events_for_others_that_come_one_by_one_are_not_worth_a_commit_each(void **state)
{
    UNUSED(state);
    enum { TIME_US = 50000 }; /* so long the cursor may lag behind them */
    struct fixture fixture;
    struct trickle trickle = {.timer = {.fire = let_one_come}, .fixture = &fixture, .n = 200};

    open_fixture(&fixture, &feed_usual);
    follow(&fixture, fixture.producer.url);
    int64_t began = clock_monotonic();
    loop_timer_set(fixture.loop, &trickle.timer, began);
    wait_until(&fixture, trickle.n);
    int64_t most = 1 + (clock_monotonic() - began) / TIME_US;
    end_consumer(&fixture);
    assert_in_range(atomic_load(&fixture.recorder.skips), 1, most);
    close_fixture(&fixture);
}

static void what_cant_be_decoded_is_put_aside_with_its_reason_and_blocks_nothing(void **state)
{
    UNUSED(state);
    struct fixture fixture;

    open_fixture(&fixture, &feed_usual);
    fake_producer_publish(&fixture.producer, 1, "ours", 0);
    fake_producer_publish(&fixture.producer, 1, "bad", 3);
    fake_producer_publish(&fixture.producer, 1, "ours", 0);
    follow(&fixture, fixture.producer.url);
    wait_until(&fixture, 3);
    end_consumer(&fixture);
    assert_int_equal(fixture.recorder.applied, 2);
    assert_int_equal(fixture.recorder.n_dead, 1);
    assert_true(str_eq(buf_str(&fixture.recorder.dead[0]),
                       STR("is no event that we know|{\"at\":2,\"kind\":\"bad\",\"pad\":\"xxx\"}")));
    close_fixture(&fixture);
}

static void failing_commits_lose_and_double_nothing(void **state)
{
    UNUSED(state);
    struct fixture fixture;

    open_fixture(&fixture, &feed_usual);
    fixture.recorder.fail_every = 3;
    follow(&fixture, fixture.producer.url);
    for (int i = 0; i < 200; i++)
        fake_producer_publish(&fixture.producer, 5, "ours", 20);
    wait_until(&fixture, 1000);
    fixture.recorder.fail_every = 0;
    end_consumer(&fixture);
    assert_int_equal(fixture.recorder.applied, 1000);
    close_fixture(&fixture);
}

/* A thread of its own commits and publishes while the producer's process is ended and started again and again. */
enum { BATCHES = 2000, EACH = 10 };

static void *publish_all(void *argument)
{
    struct fake_producer *producer = argument;

    for (int i = 0; i < BATCHES; i++)
        fake_producer_publish(producer, EACH, "ours", 60);
    return NULL;
}

static void a_producer_restarted_in_mid_stream_loses_and_doubles_nothing(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    pthread_t publisher;
    struct feed_settings settings = feed_usual;

    settings.tail_bytes = 100000; /* so that much is read from the store */
    open_fixture(&fixture, &settings);
    follow(&fixture, fixture.producer.url);
    assert_int_equal(pthread_create(&publisher, NULL, publish_all, &fixture.producer), 0);
    for (uint64_t i = 1; i <= 5; i++) {
        wait_until(&fixture, i * BATCHES * EACH / 10);
        fake_producer_stop(&fixture.producer);
        fake_producer_start(&fixture.producer);
    }
    wait_until(&fixture, (uint64_t)BATCHES * EACH);
    pthread_join(publisher, NULL);
    end_consumer(&fixture);
    assert_int_equal(fixture.recorder.applied, BATCHES * EACH);
    close_fixture(&fixture);
}

struct pace {
    struct loop_timer timer;
    struct fixture *fixture;
    int ticks;
};

static void count_down(struct loop_timer *timer)
{
    struct pace *pace = CONTAINER_OF(timer, struct pace, timer);

    if (follower_cursor(pace->fixture->follower).position >= pace->fixture->max_waiting)
        pace->ticks--;
    if (pace->ticks > 0)
        loop_timer_set(pace->fixture->loop, timer, clock_monotonic() + 10 * US_PER_MS);
    else
        loop_stop(pace->fixture->loop);
}

static void a_writer_that_stands_still_holds_the_producer_back(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    const uint64_t all = 20000;
    const uint64_t piece = 16384 / 60 + 1; /* events in what the client takes at a time; each has more than 60 bytes */

    open_fixture(&fixture, &feed_usual);
    fixture.max_waiting = 100;
    fake_producer_publish(&fixture.producer, all, "ours", 20);
    pthread_mutex_lock(&fixture.recorder.gate);
    follow(&fixture, fixture.producer.url);
    struct pace pace = {.timer = {.fire = count_down}, .fixture = &fixture, .ticks = 10};
    loop_timer_set(fixture.loop, &pace.timer, clock_monotonic());
    loop_run(fixture.loop); /* until it is full, and then some more turns */
    assert_in_range(follower_cursor(fixture.follower).position, 100, 100 + piece);
    pthread_mutex_unlock(&fixture.recorder.gate);
    wait_until(&fixture, all);
    end_consumer(&fixture);
    assert_int_equal(fixture.recorder.applied, all);
    close_fixture(&fixture);
}

/* Ill-behaved producers: what they send is written down byte by byte. */
struct talk {
    const char *expected; /* Last-Event-ID */
    const char *says;
    bool cuts;
    const char *answers; /* status line and headers */
};

#define OF_FAKE "Feed-Producer: fake\r\n"
#define STREAM(more) "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" OF_FAKE more "Connection: close\r\n\r\n"

struct talker {
    const struct talk *talks;
    size_t n;
    int listening;
    char url[64];
    pthread_t thread;
    bool as_expected;
};

static void converse(struct talker *talker, const struct talk *talk)
{
    int fd = accept(talker->listening, NULL, NULL);
    struct buf head = {0};
    char byte;

    while (!memmem(head.p ? head.p : "", head.n, "\r\n\r\n", 4) && recv(fd, &byte, 1, 0) == 1)
        buf_char(&head, byte);
    buf_char(&head, '\0');
    talker->as_expected &= strstr(head.p, talk->expected) != NULL;
    buf_clear(&head);
    buf_add(&head, str_of(talk->answers));
    buf_add(&head, str_of(talk->says));
    (void)send(fd, head.p, head.n, MSG_NOSIGNAL);
    while (!talk->cuts && recv(fd, &byte, 1, 0) > 0)
        continue; /* until the other side leaves */
    close(fd);
    buf_free(&head);
}

static void *talk_all(void *argument)
{
    struct talker *talker = argument;

    for (size_t i = 0; i < talker->n; i++)
        converse(talker, &talker->talks[i]);
    return NULL;
}

static void follow_talker(struct fixture *fixture, struct talker *talker, const struct talk *talks, size_t n)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    *fixture = (struct fixture){0};
    open_consumer(fixture);
    *talker = (struct talker){.talks = talks, .n = n, .as_expected = true};
    talker->listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(talker->listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(talker->listening, 8), 0);
    assert_int_equal(getsockname(talker->listening, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(talker->url, sizeof(talker->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&talker->thread, NULL, talk_all, talker), 0);
    follow(fixture, talker->url);
}

static void close_talker(struct fixture *fixture, struct talker *talker)
{
    end_consumer(fixture);
    pthread_join(talker->thread, NULL);
    close(talker->listening);
    assert_true(talker->as_expected);
    close_fixture(fixture);
}

#define FRAME(at) "id: " at "\ndata: {\"at\":" at ",\"kind\":\"ours\"}\n\n"

static void a_connection_cut_inside_an_event_is_taken_up_behind_the_last_whole_one(void **state)
{
    UNUSED(state);
    static const struct talk talks[] = {
        {"Last-Event-ID: 0\r\n", FRAME("1") FRAME("2") "id: 3\ndata: {\"at\":3,\"ki", true, STREAM("")},
        {"Last-Event-ID: 2\r\n", FRAME("3") FRAME("4"), false, STREAM("")}};
    struct fixture fixture;
    struct talker talker;

    follow_talker(&fixture, &talker, talks, COUNT_OF(talks));
    wait_until(&fixture, 4);
    close_talker(&fixture, &talker);
    assert_int_equal(fixture.recorder.applied, 4);
}

static void an_event_that_comes_again_is_dropped(void **state)
{
    UNUSED(state);
    static const struct talk talks[] = {
        {"Last-Event-ID: 0\r\n", FRAME("1") FRAME("2") FRAME("1") FRAME("2") FRAME("3"), false, STREAM("")}};
    struct fixture fixture;
    struct talker talker;

    follow_talker(&fixture, &talker, talks, COUNT_OF(talks));
    wait_until(&fixture, 3);
    close_talker(&fixture, &talker);
    assert_int_equal(fixture.recorder.applied, 3);
}

static void an_event_left_out_is_asked_for_again(void **state)
{
    UNUSED(state);
    static const struct talk talks[] = {{"Last-Event-ID: 0\r\n", FRAME("1") FRAME("3") FRAME("4"), false, STREAM("")},
                                        {"Last-Event-ID: 1\r\n", "data: no position\n\n", false, STREAM("")},
                                        {"Last-Event-ID: 1\r\n", FRAME("2") FRAME("3"), false, STREAM("")}};
    struct fixture fixture;
    struct talker talker;

    follow_talker(&fixture, &talker, talks, COUNT_OF(talks));
    wait_until(&fixture, 3);
    close_talker(&fixture, &talker);
    assert_int_equal(fixture.recorder.applied, 3);
}

static void the_epoch_that_the_producer_tells_goes_with_the_cursor_and_back_to_it(void **state)
{
    UNUSED(state);
    static const struct talk talks[] = {
        {"Last-Event-ID: 0\r\n", FRAME("1") FRAME("2"), true, STREAM("Feed-Epoch: 4711\r\n")},
        {"Feed-Epoch: 4711\r\n", FRAME("3"), false, STREAM("Feed-Epoch: 4712\r\nFeed-Cursors: x=1:2,us=9:17\r\n")}};
    struct fixture fixture;
    struct talker talker;

    follow_talker(&fixture, &talker, talks, COUNT_OF(talks));
    wait_until(&fixture, 3);
    assert_int_equal(follower_cursor(fixture.follower).epoch, 4712);
    assert_int_equal(fixture.asked_for.epoch, 9);
    assert_int_equal(fixture.asked_for.position, 17);
    close_talker(&fixture, &talker);
    assert_int_equal(fixture.recorder.epoch, 4712);
    assert_int_equal(fixture.recorder.applied, 3);
}

static void look_for_trouble(struct loop_timer *timer)
{
    struct pace *pace = CONTAINER_OF(timer, struct pace, timer);
    uint64_t oldest;

    if (follower_trouble(pace->fixture->follower, &oldest) != FOLLOWER_WELL) {
        /* At once, before it asks again. */
        if (pace->fixture->skips)
            pace->fixture->skipped = follower_skip_gap(pace->fixture->follower);
        pace->fixture->oldest = oldest;
        loop_stop(pace->fixture->loop);
    } else
        loop_timer_set(pace->fixture->loop, timer, clock_monotonic() + US_PER_MS);
}

static enum follower_trouble wait_trouble(struct fixture *fixture, uint64_t *oldest)
{
    struct pace pace = {.timer = {.fire = look_for_trouble}, .fixture = fixture};

    loop_timer_set(fixture->loop, &pace.timer, clock_monotonic());
    loop_run(fixture->loop);
    loop_timer_cancel(fixture->loop, &pace.timer);
    return follower_trouble(fixture->follower, oldest);
}

static void nothing_is_taken_of_a_producer_that_has_read_more_of_us_than_there_is(void **state)
{
    UNUSED(state);
    static const struct talk talks[] = {
        {"Last-Event-ID: 0\r\n", FRAME("1") FRAME("2"), false, STREAM("Feed-Epoch: 1\r\nFeed-Cursors: us=9:17\r\n")}};
    struct fixture fixture;
    struct talker talker;
    uint64_t oldest;

    follow_talker(&fixture, &talker, talks, COUNT_OF(talks));
    fixture.behind = true;
    loop_run(fixture.loop);
    assert_int_equal(follower_trouble(fixture.follower, &oldest), FOLLOWER_OVERTAKEN);
    assert_false(follower_is_connected(fixture.follower));
    close_talker(&fixture, &talker);
    assert_int_equal(fixture.overtaken, 1);
    assert_int_equal(fixture.recorder.applied, 0);
    assert_int_equal(fixture.recorder.epoch, 0);
}

#define REFUSAL(status, more) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n" OF_FAKE more "Connection: close\r\n\r\n"

static void a_cursor_without_an_epoch_that_was_refused_gets_one_that_no_feed_has(void **state)
{
    UNUSED(state);
    static const struct talk talks[] = {
        {"Last-Event-ID: 0\r\n", "", true, REFUSAL("409 Conflict", "Feed-Epoch: 4711\r\n")}};
    struct fixture fixture;
    struct talker talker;
    uint64_t oldest;

    follow_talker(&fixture, &talker, talks, COUNT_OF(talks));
    assert_int_equal(wait_trouble(&fixture, &oldest), FOLLOWER_REFUSED);
    close_talker(&fixture, &talker);
    assert_int_equal(fixture.recorder.epoch, EPOCH_REFUSED);
}

static void a_gap_stays_until_somebody_decides_and_is_then_passed_over(void **state)
{
    UNUSED(state);
    static const struct talk talks[] = {
        {"Last-Event-ID: 0\r\n", "", true, REFUSAL("410 Gone", "Feed-Epoch: 4711\r\nFeed-Oldest: 8\r\n")},
        {"Feed-Epoch: 4711\r\n", FRAME("8") FRAME("9"), false, STREAM("Feed-Epoch: 4711\r\n")}};
    struct fixture fixture;
    struct talker talker;
    uint64_t oldest;

    follow_talker(&fixture, &talker, talks, COUNT_OF(talks));
    assert_false(follower_skip_gap(fixture.follower)); /* there is none yet */
    fixture.skips = true;
    assert_int_equal(wait_trouble(&fixture, &oldest), FOLLOWER_WELL);
    assert_true(fixture.skipped);
    assert_int_equal(fixture.oldest, 8);
    wait_until(&fixture, 9);
    assert_int_equal(follower_trouble(fixture.follower, &oldest), FOLLOWER_WELL);
    close_talker(&fixture, &talker);
    assert_int_equal(fixture.recorder.gap, 7); /* the core hears of it */
    assert_int_equal(fixture.recorder.applied, 2);
    assert_int_equal(fixture.recorder.epoch, 4711);
}

#define OF_ANOTHER(status, more) "HTTP/1.1 " status "\r\n" more "Connection: close\r\n\r\n"

static void whatever_somebody_else_says_at_the_producers_address_counts_for_nothing(void **state)
{
    UNUSED(state);
    static const struct talk talks[] = {
        {"Last-Event-ID: 0\r\n", FRAME("1"), true, OF_ANOTHER("200 OK", "Content-Type: text/event-stream\r\n")},
        {"Last-Event-ID: 0\r\n", FRAME("1"), true,
         OF_ANOTHER("200 OK", "Content-Type: text/event-stream\r\nFeed-Producer: stock\r\nFeed-Epoch: 9\r\n"
                              "Feed-Cursors: us=9:17\r\n")},
        {"Last-Event-ID: 0\r\n", "", true, OF_ANOTHER("409 Conflict", "Content-Length: 0\r\nFeed-Epoch: 9\r\n")},
        {"Last-Event-ID: 0\r\n", "", true, OF_ANOTHER("410 Gone", "Content-Length: 0\r\nFeed-Oldest: 8\r\n")},
        {"Last-Event-ID: 0\r\n", FRAME("1") FRAME("2"), false, STREAM("Feed-Epoch: 4711\r\n")}};
    struct fixture fixture;
    struct talker talker;
    uint64_t oldest;

    follow_talker(&fixture, &talker, talks, COUNT_OF(talks));
    wait_until(&fixture, 2);
    assert_int_equal(follower_trouble(fixture.follower, &oldest), FOLLOWER_WELL);
    assert_int_equal(fixture.overtaken, 0);
    close_talker(&fixture, &talker);
    assert_int_equal(fixture.recorder.applied, 2);
    assert_int_equal(fixture.recorder.epoch, 4711);
}

static void another_service_at_the_producers_address_is_told_until_the_producer_is_there(void **state)
{
    UNUSED(state);
    static const struct talk talks[] = {
        {"Last-Event-ID: 0\r\n", FRAME("1"), true,
         OF_ANOTHER("200 OK", "Content-Type: text/event-stream\r\nFeed-Producer: stock\r\nFeed-Epoch: 9\r\n")},
        {"Last-Event-ID: 0\r\n", FRAME("1"), false, STREAM("Feed-Epoch: 4711\r\n")}};
    struct fixture fixture;
    struct talker talker;
    uint64_t oldest;

    follow_talker(&fixture, &talker, talks, COUNT_OF(talks));
    assert_int_equal(wait_trouble(&fixture, &oldest), FOLLOWER_FOREIGN);
    wait_until(&fixture, 1);
    assert_int_equal(follower_trouble(fixture.follower, &oldest), FOLLOWER_WELL);
    close_talker(&fixture, &talker);
}

static void a_producer_that_comes_later_is_found(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct buf text = {0};

    open_fixture(&fixture, &feed_usual);
    fake_producer_stop(&fixture.producer);
    follow(&fixture, fixture.producer.url);
    struct pace pace = {.timer = {.fire = count_down}, .fixture = &fixture, .ticks = 20};
    loop_timer_set(fixture.loop, &pace.timer, clock_monotonic());
    loop_run(fixture.loop);
    assert_false(follower_is_connected(fixture.follower));
    fake_producer_start(&fixture.producer);
    fake_producer_publish(&fixture.producer, 1, "ours", 0);
    wait_until(&fixture, 1);
    assert_true(follower_is_connected(fixture.follower));
    metrics_write(&text);
    buf_char(&text, '\0');
    assert_non_null(strstr(text.p, "\ncoffeeshop_follower_connected{producer=\"fake\"} 1\n"));
    assert_non_null(strstr(text.p, "\ncoffeeshop_follower_position{producer=\"fake\"} 1\n"));
    buf_free(&text);
    end_consumer(&fixture);
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_arrives_once_and_in_order),
        cmocka_unit_test(a_follower_goes_on_behind_the_committed_cursor),
        cmocka_unit_test(events_for_others_only_move_the_cursor),
        cmocka_unit_test(events_for_others_that_come_one_by_one_are_not_worth_a_commit_each),
        cmocka_unit_test(what_cant_be_decoded_is_put_aside_with_its_reason_and_blocks_nothing),
        cmocka_unit_test(failing_commits_lose_and_double_nothing),
        cmocka_unit_test(a_producer_restarted_in_mid_stream_loses_and_doubles_nothing),
        cmocka_unit_test(a_writer_that_stands_still_holds_the_producer_back),
        cmocka_unit_test(a_connection_cut_inside_an_event_is_taken_up_behind_the_last_whole_one),
        cmocka_unit_test(an_event_that_comes_again_is_dropped),
        cmocka_unit_test(an_event_left_out_is_asked_for_again),
        cmocka_unit_test(the_epoch_that_the_producer_tells_goes_with_the_cursor_and_back_to_it),
        cmocka_unit_test(nothing_is_taken_of_a_producer_that_has_read_more_of_us_than_there_is),
        cmocka_unit_test(a_cursor_without_an_epoch_that_was_refused_gets_one_that_no_feed_has),
        cmocka_unit_test(a_gap_stays_until_somebody_decides_and_is_then_passed_over),
        cmocka_unit_test(whatever_somebody_else_says_at_the_producers_address_counts_for_nothing),
        cmocka_unit_test(another_service_at_the_producers_address_is_told_until_the_producer_is_there),
        cmocka_unit_test(a_producer_that_comes_later_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
