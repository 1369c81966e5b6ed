/* What the consumer promises (kafka_consumer.h), over librdkafka's mock cluster, and over a real Kafka when it is
 * called with the word "real": from the offset that was stored, in order, bounded; and what becomes of what isn't ours.
 */
#include "base.h"
#include "cell.h"
#include "clock.h"
#include "errors.h"
#include "event.h"
#include "kafka_cluster.h"
#include "kafka_consumer.h"
#include "original_messages.h"
#include "recorded_messages.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PARTITIONS = 4, PATIENCE_S = 60, MOST = 512, TOPIC_SIZE = 32, LOOK_MS = 10, WIDE = 100000, HOME = 3 };

static struct kafka_cluster cluster;

struct arrived {
    enum kafka_reading reading;
    int32_t partition;
    int64_t offset;
    uint64_t position;
    char *text; /* of an event; of what is unreadable the reason */
};

/* Who takes what comes, and notes it. */
struct taker {
    pthread_mutex_t lock;
    pthread_cond_t came;
    struct arrived arrived[MOST];
    size_t n;
    int64_t waiting[PARTITIONS], most_waiting;
    int refusals;        /* so many of the next are refused … */
    const char *refusal; /* … in these words */
    char topic[TOPIC_SIZE], dead[TOPIC_SIZE];
    struct kafka_options kafka;
    struct kafka_consumer *consumer;
};

/* strndup() is for strings that end in a zero byte somewhere; a text doesn't. */
static char *copy_of(struct str text)
{
    char *copy = malloc(text.n + 1);

    assert_non_null(copy);
    if (text.n)
        memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return copy;
}

static const char *take(void *owner, const struct kafka_arrival *arrival)
{
    struct taker *taker = owner;
    struct str text = arrival->reading == KAFKA_READ_UNREADABLE ? str_of(arrival->event.reason) : arrival->event.text;
    const char *refusal = NULL;

    pthread_mutex_lock(&taker->lock);
    if (taker->refusals > 0 && arrival->reading != KAFKA_READ_UNREADABLE) {
        taker->refusals--;
        refusal = taker->refusal;
    } else {
        assert_true(taker->n < MOST);
        taker->arrived[taker->n++] = (struct arrived){arrival->reading, arrival->partition, arrival->offset,
                                                      arrival->event.position, copy_of(text)};
        int64_t waiting = ++taker->waiting[arrival->partition];
        taker->most_waiting = waiting > taker->most_waiting ? waiting : taker->most_waiting;
        pthread_cond_broadcast(&taker->came);
    }
    pthread_mutex_unlock(&taker->lock);
    return refusal;
}

/* --- helpers that read like sentences --- */

static void start_consumer(struct taker *taker, struct kafka_consumer_options options)
{
    struct buf problem = {0};
    int error = OK;

    taker->kafka =
        (struct kafka_options){.servers = cluster.servers, .topic = taker->topic, .client = "test", .answer_ms = 3000};
    options.kafka = &taker->kafka;
    options.partitions = PARTITIONS;
    options.foreign = original_messages;
    options.max_waiting = options.max_waiting ? options.max_waiting : WIDE;
    options.take = take;
    options.owner = taker;
    taker->consumer = kafka_consumer_new(&options, &problem, &error);
    assert_non_null(taker->consumer);
    assert_int_equal(error, OK);
    buf_free(&problem);
}

static void follow(struct taker *taker, int32_t partition, int64_t offset)
{
    assert_int_equal(kafka_consumer_follow(taker->consumer, partition, offset), OK);
}

static void wait_for(struct taker *taker, size_t n)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&taker->lock);
    while (taker->n < n)
        assert_int_equal(pthread_cond_timedwait(&taker->came, &taker->lock, &deadline), 0);
    pthread_mutex_unlock(&taker->lock);
}

/* It is told of a moment after the taker has it. */
static void wait_for_lag(struct taker *taker, int32_t partition, int64_t lag)
{
    int64_t deadline = clock_monotonic() + PATIENCE_S * US_PER_S;

    while (kafka_consumer_lag(taker->consumer, partition) != lag) {
        assert_true(clock_monotonic() < deadline);
        (void)poll(NULL, 0, LOOK_MS);
    }
}

static void done(struct taker *taker, int32_t partition, int64_t n)
{
    pthread_mutex_lock(&taker->lock);
    taker->waiting[partition] -= n;
    pthread_mutex_unlock(&taker->lock);
    kafka_consumer_done(taker->consumer, partition, n);
}

static void write_event(struct str text, int32_t partition, struct taker *taker)
{
    struct kafka_encoder encoder = {0};
    struct kafka_message message = {0};

    assert_int_equal(kafka_event_encode(&encoder, text, partition, &message), OK);
    message.partition = partition;
    kafka_cluster_write(&cluster, taker->topic, &message);
    kafka_encoder_free(&encoder);
}

/* The event of that number, as order would write it. */
static void add_event(struct buf *text, uint64_t position)
{
    static const struct json_desc nothing = {"nothing", NULL, 0, 8};
    static const int64_t data = 0;

    event_encode(text, STR("order"), position,
                 &(struct event){.type = STR("Ordered"), .subject = STR("1"), .version = 1, .time = US_PER_S}, &nothing,
                 &data);
}

static void write_events(struct taker *taker, int32_t partition, uint64_t first, uint64_t n)
{
    for (uint64_t i = first; i < first + n; i++) {
        struct buf text = {0};
        add_event(&text, i);
        write_event(buf_str(&text), partition, taker);
        buf_free(&text);
    }
}

static void write_raw(struct taker *taker, int32_t partition, struct str body)
{
    const struct kafka_message message = {.value = body,
                                          .headers = {{STR(RECORDED_HEADER), STR(RECORDED_HEADER_VALUE)}},
                                          .n_headers = 1,
                                          .partition = partition};

    kafka_cluster_write(&cluster, taker->topic, &message);
}

static void assert_event(const struct arrived *arrived, int32_t partition, int64_t offset, uint64_t position)
{
    struct buf text = {0};

    add_event(&text, position);
    assert_int_equal(arrived->reading, KAFKA_READ_OURS);
    assert_int_equal(arrived->partition, partition);
    assert_int_equal(arrived->offset, offset);
    assert_int_equal(arrived->position, position);
    assert_true(str_is(buf_str(&text), arrived->text));
    buf_free(&text);
}

static int set_up(void **state)
{
    static int topics;
    struct taker *taker = calloc(1, sizeof(*taker));

    assert_non_null(taker);
    (void)snprintf(taker->topic, sizeof(taker->topic), "shop-%d", ++topics);
    (void)snprintf(taker->dead, sizeof(taker->dead), "shop-%d.dlt", topics);
    kafka_cluster_make_topic(&cluster, taker->topic, PARTITIONS);
    kafka_cluster_make_topic(&cluster, taker->dead, 1);
    pthread_mutex_init(&taker->lock, NULL);
    pthread_cond_init(&taker->came, NULL);
    *state = taker;
    return 0;
}

static int tear_down(void **state)
{
    struct taker *taker = *state;

    kafka_consumer_free(taker->consumer);
    for (size_t i = 0; i < taker->n; i++)
        free(taker->arrived[i].text);
    pthread_cond_destroy(&taker->came);
    pthread_mutex_destroy(&taker->lock);
    free(taker);
    return 0;
}

/* --- in order, from where the state is --- */

static void what_was_written_comes_in_order_and_to_the_byte(void **state)
{
    struct taker *taker = *state;

    write_events(taker, 2, 1, 50);
    start_consumer(taker, (struct kafka_consumer_options){0});
    follow(taker, 2, 0);
    wait_for(taker, 50);
    write_events(taker, 2, 51, 10);
    wait_for(taker, 60);
    for (size_t i = 0; i < 60; i++)
        assert_event(&taker->arrived[i], 2, (int64_t)i, i + 1);
}

static void it_begins_at_the_offset_that_the_state_says_and_reads_no_other_partition(void **state)
{
    struct taker *taker = *state;

    write_events(taker, 1, 1, 5);
    write_events(taker, 3, 1, 10);
    start_consumer(taker, (struct kafka_consumer_options){0});
    follow(taker, 3, 7);
    wait_for(taker, 3);
    assert_event(&taker->arrived[0], 3, 7, 8);
    follow(taker, 1, 4);
    wait_for(taker, 4);
    assert_event(&taker->arrived[3], 1, 4, 5);
}

static void a_partition_that_is_left_is_silent_and_can_be_followed_again(void **state)
{
    struct taker *taker = *state;

    write_events(taker, 1, 1, 5);
    start_consumer(taker, (struct kafka_consumer_options){0});
    follow(taker, 1, 0);
    follow(taker, 2, 0);
    wait_for(taker, 5);
    kafka_consumer_leave(taker->consumer, 1);
    write_events(taker, 1, 6, 5);
    write_events(taker, 2, 1, 5);
    wait_for(taker, 10);
    for (size_t i = 5; i < 10; i++)
        assert_int_equal(taker->arrived[i].partition, 2);
    assert_int_equal(kafka_consumer_lag(taker->consumer, 1), -1);
    follow(taker, 1, 3); /* who owned it meanwhile had stored no more */
    wait_for(taker, 17);
    for (size_t i = 10; i < 17; i++)
        assert_event(&taker->arrived[i], 1, (int64_t)i - 7, i - 6);
}

static void cut_off_by(struct taker *taker, void (*away)(struct kafka_cluster *), void (*back)(struct kafka_cluster *))
{
    int64_t deadline = clock_monotonic() + PATIENCE_S * US_PER_S;

    write_events(taker, 1, 1, 20);
    start_consumer(taker, (struct kafka_consumer_options){0});
    follow(taker, 1, 0);
    wait_for(taker, 20);
    away(&cluster);
    while (!kafka_consumer_trouble(taker->consumer, NULL)) {
        assert_true(clock_monotonic() < deadline);
        (void)poll(NULL, 0, LOOK_MS);
    }
    back(&cluster);
    write_events(taker, 1, 21, 20);
    wait_for(taker, 40);
    for (size_t i = 0; i < 40; i++)
        assert_event(&taker->arrived[i], 1, (int64_t)i, i + 1);
    assert_int_equal(kafka_consumer_trouble(taker->consumer, NULL), OK);
}

static void a_broker_that_is_restarted_is_told_of_and_followed_again(void **state)
{
    cut_off_by(*state, kafka_cluster_down, kafka_cluster_up);
}

static void a_broker_that_does_not_answer_is_told_of_and_followed_again(void **state)
{
    cut_off_by(*state, kafka_cluster_silence, kafka_cluster_speak);
}

static void an_offset_that_the_topic_does_not_hold_is_said_and_nothing_is_read(void **state)
{
    struct taker *taker = *state;
    int64_t deadline = clock_monotonic() + PATIENCE_S * US_PER_S;

    write_events(taker, 1, 1, 3);
    write_events(taker, 2, 1, 3);
    start_consumer(taker, (struct kafka_consumer_options){0});
    follow(taker, 1, 1000);
    while (kafka_consumer_error(taker->consumer, 1) != E_NOT_FOUND) {
        assert_true(clock_monotonic() < deadline);
        (void)poll(NULL, 0, LOOK_MS);
    }
    follow(taker, 2, 0);
    wait_for(taker, 3);
    assert_int_equal(taker->arrived[0].partition, 2);
    assert_int_equal(kafka_consumer_error(taker->consumer, 2), OK);
}

/* --- bounded --- */

static void no_more_than_max_waiting_wait_and_other_partitions_go_on(void **state)
{
    struct taker *taker = *state;
    enum { BOUND = 10, ALL = 100 };

    write_events(taker, 1, 1, ALL);
    start_consumer(taker, (struct kafka_consumer_options){.max_waiting = BOUND});
    follow(taker, 1, 0);
    wait_for(taker, BOUND);
    follow(taker, 2, 0);
    write_events(taker, 2, 1, 5);
    wait_for(taker, BOUND + 5);
    assert_int_equal(taker->waiting[1], BOUND);
    wait_for_lag(taker, 1, ALL - BOUND);
    for (size_t n = BOUND; n < ALL; n += BOUND) {
        done(taker, 1, BOUND);
        wait_for(taker, n + BOUND + 5);
    }
    assert_int_equal(taker->most_waiting, BOUND);
    wait_for_lag(taker, 1, 0);
    int64_t offset = 0;
    for (size_t i = 0; i < taker->n; i++) {
        if (taker->arrived[i].partition == 1)
            assert_int_equal(taker->arrived[i].offset, offset++);
    }
    assert_int_equal(offset, ALL);
}

static void what_there_is_no_memory_for_comes_again(void **state)
{
    struct taker *taker = *state;

    taker->refusals = 3;
    taker->refusal = error_text(E_MEMORY);
    write_events(taker, 1, 1, 3);
    start_consumer(taker, (struct kafka_consumer_options){0});
    follow(taker, 1, 0);
    wait_for(taker, 3);
    for (size_t i = 0; i < 3; i++)
        assert_event(&taker->arrived[i], 1, (int64_t)i, i + 1);
    assert_int_equal(kafka_cluster_read(&cluster, taker->dead, 0, NULL, NULL), 0);
}

/* --- dead letters --- */

struct letter {
    char reason[128], partition[16], offset[16], value[64];
};

static void copy(char *out, size_t size, struct str text)
{
    (void)snprintf(out, size, "%.*s", STR_ARG(text));
}

static void read_letter(void *context, const struct kafka_message *message)
{
    struct letter *letter = context;

    for (size_t i = 0; i < message->n_headers; i++) {
        const struct kafka_header *header = &message->headers[i];
        if (str_is(header->name, "reason"))
            copy(letter->reason, sizeof(letter->reason), header->value);
        if (str_is(header->name, "source_partition"))
            copy(letter->partition, sizeof(letter->partition), header->value);
        if (str_is(header->name, "source_offset"))
            copy(letter->offset, sizeof(letter->offset), header->value);
    }
    if (message->value.n)
        copy(letter->value, sizeof(letter->value), message->value);
}

static void garbage_becomes_a_dead_letter_that_says_why_and_where_and_holds_up_nothing(void **state)
{
    struct taker *taker = *state;
    struct letter letter = {{0}, {0}, {0}, {0}};

    write_events(taker, 1, 1, 1);
    write_raw(taker, 1, STR("coffee, please"));
    write_events(taker, 1, 2, 1);
    start_consumer(taker, (struct kafka_consumer_options){0});
    follow(taker, 1, 0);
    wait_for(taker, 3);
    assert_event(&taker->arrived[0], 1, 0, 1);
    assert_int_equal(taker->arrived[1].reading, KAFKA_READ_UNREADABLE);
    assert_int_equal(taker->arrived[1].offset, 1);
    assert_event(&taker->arrived[2], 1, 2, 2);
    assert_int_equal(kafka_cluster_read(&cluster, taker->dead, 0, read_letter, &letter), 1);
    assert_string_equal(letter.reason, taker->arrived[1].text);
    assert_string_equal(letter.partition, "1");
    assert_string_equal(letter.offset, "1");
    assert_string_equal(letter.value, "coffee, please");
}

static void what_the_taker_can_not_read_is_a_dead_letter_in_its_words(void **state)
{
    struct taker *taker = *state;
    struct letter letter = {{0}, {0}, {0}, {0}};

    taker->refusals = 1;
    taker->refusal = "an order without a quantity can't be made";
    write_events(taker, 1, 1, 2);
    start_consumer(taker, (struct kafka_consumer_options){0});
    follow(taker, 1, 0);
    wait_for(taker, 2);
    assert_int_equal(taker->arrived[0].reading, KAFKA_READ_UNREADABLE);
    assert_event(&taker->arrived[1], 1, 1, 2);
    assert_int_equal(kafka_cluster_read(&cluster, taker->dead, 0, read_letter, &letter), 1);
    assert_string_equal(letter.reason, taker->refusal);
}

/* --- the original system's --- */

static void follow_all(struct taker *taker)
{
    for (int32_t i = 0; i < PARTITIONS; i++)
        follow(taker, i, 0);
}

/* Where it lies decides who hears it; the original puts it anywhere. */
static size_t write_recorded(struct taker *taker)
{
    size_t at_home = 0;

    for (size_t i = 0; i < COUNT_OF(recorded_messages); i++) {
        write_raw(taker, HOME, str_of(recorded_messages[i].body));
        at_home += cell_of_key(str_of(recorded_messages[i].key), PARTITIONS) == HOME;
    }
    assert_true(at_home > 0 && at_home < COUNT_OF(recorded_messages));
    return at_home;
}

static void what_the_original_wrote_arrives_once_in_the_cell_of_its_order(void **state)
{
    struct taker *taker = *state;
    size_t at_home = write_recorded(taker);
    size_t all = COUNT_OF(recorded_messages);
    size_t found = 0;

    start_consumer(taker, (struct kafka_consumer_options){.rekeys = true});
    follow_all(taker);
    wait_for(taker, all + (all - at_home)); /* passed over, and come again */
    for (size_t i = 0; i < taker->n; i++) {
        const struct arrived *arrived = &taker->arrived[i];
        if (arrived->reading == KAFKA_READ_OTHER)
            continue;
        struct str type = event_type_ahead(str_of(arrived->text));
        bool known = false;
        for (size_t k = 0; k < all; k++)
            known |= str_is(type, recorded_messages[k].type) &&
                     cell_of_key(str_of(recorded_messages[k].key), PARTITIONS) == arrived->partition;
        assert_true(known);
        found++;
    }
    assert_int_equal(found, all);
    assert_int_equal(kafka_cluster_read(&cluster, taker->dead, 0, NULL, NULL), 0);
}

static void who_does_not_key_anew_passes_over_what_is_not_at_home(void **state)
{
    struct taker *taker = *state;
    size_t at_home = write_recorded(taker);
    size_t found = 0;

    start_consumer(taker, (struct kafka_consumer_options){.rekeys = false});
    follow_all(taker);
    wait_for(taker, COUNT_OF(recorded_messages));
    for (size_t i = 0; i < COUNT_OF(recorded_messages); i++)
        found += taker->arrived[i].reading == KAFKA_READ_FOREIGN;
    assert_int_equal(found, at_home);
    for (int32_t i = 0; i < PARTITIONS; i++)
        assert_int_equal(kafka_cluster_read(&cluster, taker->topic, i, NULL, NULL),
                         i == HOME ? COUNT_OF(recorded_messages) : 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_comes_in_order_and_to_the_byte),
        TEST(it_begins_at_the_offset_that_the_state_says_and_reads_no_other_partition),
        TEST(a_partition_that_is_left_is_silent_and_can_be_followed_again),
        TEST(an_offset_that_the_topic_does_not_hold_is_said_and_nothing_is_read),
        TEST(no_more_than_max_waiting_wait_and_other_partitions_go_on),
        TEST(what_there_is_no_memory_for_comes_again),
        TEST(garbage_becomes_a_dead_letter_that_says_why_and_where_and_holds_up_nothing),
        TEST(what_the_taker_can_not_read_is_a_dead_letter_in_its_words),
        TEST(what_the_original_wrote_arrives_once_in_the_cell_of_its_order),
        TEST(who_does_not_key_anew_passes_over_what_is_not_at_home),
        TEST(a_broker_that_is_restarted_is_told_of_and_followed_again),
        TEST(a_broker_that_does_not_answer_is_told_of_and_followed_again),
    };

    if (!kafka_cluster_start(&cluster, argc, argv))
        return KAFKA_SKIPPED_STATUS;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kafka_cluster_stop(&cluster);
    return failed;
}
