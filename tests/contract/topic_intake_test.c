/* How a service hears of a topic (runtime/topic_intake.h), over librdkafka's mock cluster, with a core that notes what
 * the writer brings it: the offset is never ahead of what was applied, and nothing is applied twice. */
#include "bare_command.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "event.h"
#include "kafka_cluster.h"
#include "original_messages.h"
#include "topic_forgery.h"
#include "writer.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 512, PATIENCE_S = 60, LOOK_MS = 5, TOPIC_SIZE = 32, BATCH = 7 };
enum { FROM_ORDER, FROM_PRODUCT, FROM_TOPIC, SOURCES };

static struct kafka_cluster cluster;
static const struct service_producer producers[] = {{.name = "order"}, {.name = "product"}};

struct noted {
    enum command_fate fate;
    size_t source;
    uint64_t position;
};

/* A service as far as it matters here. */
struct hearer {
    struct core core;
    struct writer *writer;
    struct topic_intake intake;
    struct kafka_options kafka;
    struct common_settings common;
    struct cursors cursors;
    char topic[TOPIC_SIZE];
    pthread_mutex_t lock;
    struct noted noted[MOST]; /* committed, in order */
    size_t n;
    int failures; /* so many of the next commits fail */
    const char *own;
    _Atomic uint64_t newest;
};

static int decide(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct hearer *hearer = CONTAINER_OF(core, struct hearer, core);

    UNUSED(now);
    pthread_mutex_lock(&hearer->lock);
    bool fails = n > 0 && hearer->failures > 0;
    hearer->failures -= fails;
    for (size_t i = 0; i < n && !fails; i++) {
        assert_true(hearer->n < MOST);
        hearer->noted[hearer->n++] = (struct noted){commands[i]->fate, commands[i]->source, commands[i]->position};
    }
    pthread_mutex_unlock(&hearer->lock);
    return fails ? E_FULL : OK;
}

static int64_t next_due(struct core *core)
{
    UNUSED(core);
    return INT64_MAX;
}

/* What is of product is passed over, what has version 13 can't be read. */
static struct command *decode(void *context, size_t source, struct str text, const char **reason)
{
    UNUSED(context);
    if (source == FROM_PRODUCT)
        return NULL;
    if (memmem(text.p, text.n, STR("\"version\":13").p, STR("\"version\":13").n)) {
        *reason = "has version 13";
        return NULL;
    }
    return bare_command_new(COMMAND_NORMAL, (struct str){NULL, 0}, text);
}

/* --- helpers that read like sentences --- */

static void say_in_cell(struct hearer *hearer, const char *source, uint64_t position, int64_t version, int32_t cell)
{
    static const struct json_desc nothing = {"nothing", NULL, 0, 8};
    static const int64_t data = 0;
    struct kafka_encoder encoder = {0};
    struct kafka_message message = {0};
    struct buf text = {0};

    event_encode(&text, str_of(source), position,
                 &(struct event){.type = STR("Ordered"), .subject = STR("1"), .version = version, .time = US_PER_S},
                 &nothing, &data);
    assert_int_equal(kafka_event_encode(&encoder, buf_str(&text), cell, &message), OK);
    kafka_cluster_write(&cluster, hearer->topic, &message);
    kafka_encoder_free(&encoder);
    buf_free(&text);
}

static void say(struct hearer *hearer, const char *source, uint64_t position, int64_t version)
{
    say_in_cell(hearer, source, position, version, 0);
}

static void say_raw(struct hearer *hearer, struct str body)
{
    kafka_cluster_write(&cluster, hearer->topic, &(struct kafka_message){.value = body});
}

static uint64_t newest_of(void *context, int32_t cell)
{
    struct hearer *hearer = context;

    UNUSED(cell);
    return atomic_load(&hearer->newest);
}

static void start(struct hearer *hearer)
{
    const struct writer_settings settings = {.batch = BATCH, .queue = 1, .retry_ms = 1};
    const struct topic_intake_options options = {
        .kafka = &hearer->kafka,
        .producers = producers,
        .n_producers = COUNT_OF(producers),
        .cells = 1,
        .cursors = &hearer->cursors,
        .topic_source = FROM_TOPIC,
        .decode = decode,
        .context = hearer,
        .own = hearer->own,
        .newest = newest_of,
    };
    struct topic_intake_options with_writer = options;
    struct buf problem = {0};

    hearer->writer = writer_new(&settings, &hearer->core);
    assert_non_null(hearer->writer);
    assert_int_equal(writer_start(hearer->writer), OK);
    with_writer.writer = hearer->writer;
    assert_true(topic_intake_begin(&hearer->intake, &hearer->common, &with_writer, &problem));
    buf_free(&problem);
}

static void wait_until_committed(struct hearer *hearer, int64_t offset)
{
    int64_t deadline = clock_monotonic() + PATIENCE_S * US_PER_S;

    while (atomic_load(&hearer->intake.cells[0].committed) < offset) {
        assert_true(clock_monotonic() < deadline);
        (void)poll(NULL, 0, LOOK_MS);
    }
}

/* The commands of a source that aren't bare, in the order in which they were committed. */
static size_t count(const struct hearer *hearer, enum command_fate fate, size_t source)
{
    size_t n = 0;

    for (size_t i = 0; i < hearer->n; i++)
        n += hearer->noted[i].fate == fate && hearer->noted[i].source == source;
    return n;
}

static int set_up(void **state)
{
    static int topics;
    char dead[TOPIC_SIZE];
    struct hearer *hearer = calloc(1, sizeof(*hearer));

    assert_non_null(hearer);
    (void)snprintf(hearer->topic, sizeof(hearer->topic), "shop-%d", ++topics);
    (void)snprintf(dead, sizeof(dead), "shop-%d.dlt", topics);
    kafka_cluster_make_topic(&cluster, hearer->topic, 1);
    kafka_cluster_make_topic(&cluster, dead, 1);
    pthread_mutex_init(&hearer->lock, NULL);
    hearer->core = (struct core){.decide = decide, .next_due = next_due};
    hearer->kafka =
        (struct kafka_options){.servers = cluster.servers, .topic = hearer->topic, .client = "test", .answer_ms = 3000};
    hearer->common.feed_max_waiting = 100;
    hearer->common.kafka.buffer_bytes = 1 << 20;
    hearer->common.foreign = original_messages;
    hearer->cursors = (struct cursors){.source = {"order", "product", "topic:shop"}, .n = SOURCES};
    *state = hearer;
    return 0;
}

static int tear_down(void **state)
{
    struct hearer *hearer = *state;

    topic_intake_stop(&hearer->intake);
    writer_free(hearer->writer);
    topic_intake_free(&hearer->intake);
    pthread_mutex_destroy(&hearer->lock);
    free(hearer);
    return 0;
}

/* --- the offset --- */

static void the_offset_is_never_ahead_of_what_was_applied(void **state)
{
    struct hearer *hearer = *state;
    uint64_t applied = 0;

    for (uint64_t i = 1; i <= 60; i++)
        say(hearer, "order", i, 1);
    hearer->failures = 3;
    start(hearer);
    wait_until_committed(hearer, 60);
    writer_stop(hearer->writer);
    for (size_t i = 0; i < hearer->n; i++) {
        const struct noted *noted = &hearer->noted[i];
        if (noted->source == FROM_TOPIC)
            assert_int_equal(noted->position, applied); /* offset n is behind the n-th message */
        else
            assert_int_equal(noted->position, ++applied);
    }
    assert_int_equal(applied, 60);
}

static void what_the_offset_was_not_stored_for_is_read_again_and_not_handed_over(void **state)
{
    struct hearer *hearer = *state;

    for (uint64_t i = 1; i <= 20; i++)
        say(hearer, "order", i, 1);
    hearer->cursors.position[FROM_ORDER] = 15;
    hearer->cursors.position[FROM_TOPIC] = 5;
    start(hearer);
    wait_until_committed(hearer, 20);
    writer_stop(hearer->writer);
    assert_int_equal(count(hearer, COMMAND_NORMAL, FROM_ORDER), 5);
    for (size_t i = 0, next = 16; i < hearer->n; i++) {
        if (hearer->noted[i].source == FROM_ORDER)
            assert_int_equal(hearer->noted[i].position, next++);
    }
}

static void what_is_told_twice_is_handed_over_once(void **state)
{
    struct hearer *hearer = *state;
    static const uint64_t told[] = {1, 2, 3, 1, 2, 3, 4, 3, 4, 5};

    for (size_t i = 0; i < COUNT_OF(told); i++)
        say(hearer, "order", told[i], 1);
    start(hearer);
    wait_until_committed(hearer, COUNT_OF(told));
    writer_stop(hearer->writer);
    assert_int_equal(count(hearer, COMMAND_NORMAL, FROM_ORDER), 5);
}

/* --- what isn't for us --- */

static void what_nobody_here_follows_moves_the_offset_alone(void **state)
{
    struct hearer *hearer = *state;

    say(hearer, "stock", 1, 1);
    say_raw(hearer, STR("{\"eventType\":\"Deposited\",\"id\":3}"));
    start(hearer);
    wait_until_committed(hearer, 2);
    writer_stop(hearer->writer);
    for (size_t i = 0; i < hearer->n; i++)
        assert_int_equal(hearer->noted[i].source, FROM_TOPIC);
}

static void an_event_that_is_no_news_moves_its_producers_cursor(void **state)
{
    struct hearer *hearer = *state;

    say(hearer, "product", 1, 1);
    say(hearer, "product", 2, 1);
    start(hearer);
    wait_until_committed(hearer, 2);
    writer_stop(hearer->writer);
    assert_int_equal(count(hearer, COMMAND_NORMAL, FROM_PRODUCT), 0);
    assert_true(count(hearer, COMMAND_SKIP, FROM_PRODUCT) > 0);
    assert_int_equal(hearer->noted[hearer->n - 1].source, FROM_TOPIC);
    assert_int_equal(hearer->noted[hearer->n - 2].position, 2);
}

static void a_message_without_a_position_has_the_topics(void **state)
{
    struct hearer *hearer = *state;

    say(hearer, "order", 1, 1);
    say_raw(hearer,
            STR("{\"eventType\":\"Ordered\",\"timestamp\":\"20261123005946\",\"id\":9,\"qty\":1,\"productName\":"
                "\"Tea\",\"status\":\"Requested\"}"));
    start(hearer);
    wait_until_committed(hearer, 2);
    writer_stop(hearer->writer);
    assert_int_equal(count(hearer, COMMAND_NORMAL, FROM_TOPIC), 1);
    for (size_t i = 0; i < hearer->n; i++) {
        if (hearer->noted[i].fate == COMMAND_NORMAL && hearer->noted[i].source == FROM_TOPIC)
            assert_int_equal(hearer->noted[i].position, 2);
    }
}

static void ignore(void *context, const struct kafka_message *message)
{
    UNUSED(context);
    UNUSED(message);
}

static size_t count_dead_letters(struct hearer *hearer)
{
    char dead[TOPIC_SIZE + 4];

    (void)snprintf(dead, sizeof(dead), "%s.dlt", hearer->topic);
    return kafka_cluster_read(&cluster, dead, 0, ignore, NULL);
}

static void what_cannot_be_decoded_lies_aside_here_and_on_the_topic(void **state)
{
    struct hearer *hearer = *state;

    say(hearer, "order", 1, 1);
    say(hearer, "order", 2, 13);
    say(hearer, "order", 3, 1);
    start(hearer);
    wait_until_committed(hearer, 3);
    writer_stop(hearer->writer);
    assert_int_equal(count(hearer, COMMAND_NORMAL, FROM_ORDER), 2);
    assert_int_equal(count(hearer, COMMAND_DEAD, FROM_ORDER), 1);
    assert_int_equal(count_dead_letters(hearer), 1);
}

/* --- what its producer can't have said --- */

static void what_comes_ahead_of_its_turn_lies_aside_and_the_next_is_taken(void **state)
{
    struct hearer *hearer = *state;
    static const uint64_t told[] = {1, 99999, (uint64_t)INT64_MAX + 1, UINT64_MAX, 2, 4, 3};

    for (size_t i = 0; i < COUNT_OF(told); i++)
        say(hearer, "order", told[i], 1);
    start(hearer);
    wait_until_committed(hearer, COUNT_OF(told));
    writer_stop(hearer->writer);
    assert_int_equal(count(hearer, COMMAND_NORMAL, FROM_ORDER), 3);
    assert_int_equal(count_dead_letters(hearer), 4);
}

static void what_is_of_a_cell_that_the_shop_has_not_lies_aside(void **state)
{
    struct hearer *hearer = *state;

    say_in_cell(hearer, "order", 1, 1, 7);
    say_in_cell(hearer, "order", 1, 1, -1);
    say(hearer, "order", 1, 1);
    start(hearer);
    wait_until_committed(hearer, 3);
    writer_stop(hearer->writer);
    assert_int_equal(count(hearer, COMMAND_NORMAL, FROM_ORDER), 1);
    assert_int_equal(count_dead_letters(hearer), 2);
}

static void who_joins_a_topic_goes_on_where_it_begins(void **state)
{
    struct hearer *hearer = *state;
    static const uint64_t told[] = {9, 10, 12, 11};

    hearer->cursors.position[FROM_ORDER] = 5;
    for (size_t i = 0; i < COUNT_OF(told); i++)
        say(hearer, "order", told[i], 1);
    start(hearer);
    wait_until_committed(hearer, COUNT_OF(told));
    writer_stop(hearer->writer);
    assert_int_equal(count(hearer, COMMAND_NORMAL, FROM_ORDER), 3);
    assert_int_equal(count_dead_letters(hearer), 1);
}

static void behind_a_history_that_is_not_its_own_a_service_takes_nothing(void **state)
{
    struct hearer *hearer = *state;
    int64_t deadline = clock_monotonic() + PATIENCE_S * US_PER_S;

    hearer->own = "kitchen";
    hearer->newest = 1;
    say(hearer, "kitchen", 1, 1);
    say(hearer, "kitchen", 2, 1);
    say(hearer, "order", 1, 1);
    start(hearer);
    while (atomic_load(&hearer->intake.cells[0].stranger) != 2)
        assert_true(clock_monotonic() < deadline);
    assert_int_equal(atomic_load(&hearer->intake.cells[0].next), 1);
    atomic_store(&hearer->newest, 2); /* what it says meanwhile makes no difference */
    assert_true(topic_pass(&hearer->intake.cells[0]));
    wait_until_committed(hearer, 3);
    writer_stop(hearer->writer);
    assert_int_equal(atomic_load(&hearer->intake.cells[0].stranger), 0);
    assert_int_equal(count(hearer, COMMAND_NORMAL, FROM_ORDER), 1);
    assert_int_equal(count_dead_letters(hearer), 1);
}

static void one_event_alone_that_a_service_has_not_said_lies_aside(void **state)
{
    struct hearer *hearer = *state;

    hearer->own = "kitchen";
    hearer->newest = 1;
    say(hearer, "kitchen", 50, 1);
    say(hearer, "order", 1, 1);
    start(hearer);
    wait_until_committed(hearer, 2);
    writer_stop(hearer->writer);
    assert_int_equal(count(hearer, COMMAND_NORMAL, FROM_ORDER), 1);
    assert_int_equal(count_dead_letters(hearer), 1);
}

static void more_than_may_wait_comes_all_the_same(void **state)
{
    struct hearer *hearer = *state;

    hearer->common.feed_max_waiting = 4;
    for (uint64_t i = 1; i <= 40; i++)
        say(hearer, "order", i, 1);
    start(hearer);
    wait_until_committed(hearer, 40);
    writer_stop(hearer->writer);
    assert_int_equal(count(hearer, COMMAND_NORMAL, FROM_ORDER), 40);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_offset_is_never_ahead_of_what_was_applied),
        TEST(what_the_offset_was_not_stored_for_is_read_again_and_not_handed_over),
        TEST(what_is_told_twice_is_handed_over_once),
        TEST(what_nobody_here_follows_moves_the_offset_alone),
        TEST(an_event_that_is_no_news_moves_its_producers_cursor),
        TEST(a_message_without_a_position_has_the_topics),
        TEST(what_cannot_be_decoded_lies_aside_here_and_on_the_topic),
        TEST(what_comes_ahead_of_its_turn_lies_aside_and_the_next_is_taken),
        TEST(what_is_of_a_cell_that_the_shop_has_not_lies_aside),
        TEST(who_joins_a_topic_goes_on_where_it_begins),
        TEST(behind_a_history_that_is_not_its_own_a_service_takes_nothing),
        TEST(one_event_alone_that_a_service_has_not_said_lies_aside),
        TEST(more_than_may_wait_comes_all_the_same),
    };

    if (!kafka_cluster_start(&cluster, argc, argv))
        return KAFKA_SKIPPED_STATUS;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kafka_cluster_stop(&cluster);
    return failed;
}
