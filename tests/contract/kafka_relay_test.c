/* What the relay promises (kafka_relay.h), over librdkafka's mock cluster, and over a real Kafka when it is called with
 * the word "real": in order, whole, to the byte, whatever becomes of the relay or the broker; and that nobody waits. */
#include "base.h"
#include "cell.h"
#include "clock.h"
#include "errors.h"
#include "event.h"
#include "kafka_cluster.h"
#include "kafka_relay.h"

#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    PARTITIONS = 4,
    PATIENCE_S = 90,
    LOOK_MS = 10,
    BATCH = 10,
    MOST_EVENTS = 60000,
    TOPIC_SIZE = 32,
    LARGE_TAIL = 1 << 22
};

static struct kafka_cluster cluster;

/* An outbox whose store is memory: where each event's frame begins. */
struct shop {
    struct outbox outbox;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct buf stored;
    size_t begins[MOST_EVENTS + 2];
    uint64_t last, noted;
    uint64_t reads; /* of the store */
    char topic[TOPIC_SIZE];
    struct kafka_options kafka;
    struct kafka_relay *relay;
    struct kafka_lane *lane;
};

struct thing {
    int64_t id;
    struct str text;
};
static const struct json_field thing_fields[] = {
    JSON_FIELD(struct thing, "id", id, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
    JSON_FIELD(struct thing, "text", text, JSON_STRING, JSON_SKIP_EMPTY, 0, INT64_MAX),
};
static const struct json_desc thing_desc = {"thing", thing_fields, COUNT_OF(thing_fields), sizeof(struct thing)};

/* --- helpers that read like sentences --- */

static int read_stored(void *context, uint64_t after, size_t enough, struct buf *frames, uint64_t *oldest)
{
    struct shop *shop = context;

    pthread_mutex_lock(&shop->lock);
    uint64_t until = after;
    while (until < shop->last && shop->begins[until + 1] - shop->begins[after + 1] < enough)
        until++;
    buf_add(frames,
            (struct str){shop->stored.p + shop->begins[after + 1],
                         (until < shop->last ? shop->begins[until + 1] : shop->stored.n) - shop->begins[after + 1]});
    *oldest = 1;
    shop->reads++;
    pthread_mutex_unlock(&shop->lock);
    return OK;
}

static void moved(void *owner, uint64_t position)
{
    struct shop *shop = owner;

    pthread_mutex_lock(&shop->lock);
    assert_true(position > shop->noted);
    shop->noted = position;
    pthread_cond_broadcast(&shop->moved);
    pthread_mutex_unlock(&shop->lock);
}

static bool receipts_everywhere(void *owner, struct str type, struct str text)
{
    UNUSED(owner);
    UNUSED(text);
    return str_is(type, "StockReceived");
}

/* The events of a batch are committed: into the store, and to the lane if there is one. */
static void commit(struct shop *shop, const char *type, size_t n, struct str text)
{
    outbox_begin(&shop->outbox);
    for (size_t i = 0; i < n; i++) {
        struct buf subject = {0};
        const struct thing thing = {(int64_t)shop->outbox.next, text};
        pthread_mutex_lock(&shop->lock);
        shop->begins[shop->outbox.next] = shop->stored.n + shop->outbox.frames.n;
        pthread_mutex_unlock(&shop->lock);
        buf_u64(&subject, shop->outbox.next);
        outbox_add(&shop->outbox,
                   &(struct event){.type = str_of(type), .subject = buf_str(&subject), .version = 1, .time = US_PER_S},
                   &thing_desc, &thing);
        buf_free(&subject);
    }
    pthread_mutex_lock(&shop->lock);
    buf_add(&shop->stored, buf_str(&shop->outbox.frames));
    shop->last = shop->outbox.next - 1;
    pthread_mutex_unlock(&shop->lock);
    if (shop->lane)
        kafka_lane_publish(shop->lane, &shop->outbox);
}

static void commit_orders(struct shop *shop, size_t batches)
{
    for (size_t i = 0; i < batches; i++)
        commit(shop, "Ordered", BATCH, (struct str){NULL, 0});
}

static struct kafka_lane *open_lane(struct shop *shop, struct kafka_lane_options options)
{
    options.last = shop->last;
    options.read_stored = read_stored;
    options.moved = moved;
    options.owner = shop;
    if (!options.tail_bytes)
        options.tail_bytes = LARGE_TAIL;
    shop->lane = kafka_lane_open(shop->relay, &options);
    assert_non_null(shop->lane);
    return shop->lane;
}

static void start_relay(struct shop *shop, struct kafka_relay_options options)
{
    struct buf problem = {0};
    int error = OK;

    shop->kafka =
        (struct kafka_options){.servers = cluster.servers, .topic = shop->topic, .client = "test", .answer_ms = 3000};
    options.kafka = &shop->kafka;
    options.partitions = PARTITIONS;
    shop->relay = kafka_relay_new(&options, &problem, &error);
    assert_non_null(shop->relay);
    assert_int_equal(error, OK);
    buf_free(&problem);
}

static void stop_relay(struct shop *shop)
{
    kafka_lane_close(shop->lane);
    shop->lane = NULL;
    kafka_relay_free(shop->relay);
    shop->relay = NULL;
}

static void wait_until_noted(struct shop *shop, uint64_t position)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&shop->lock);
    while (shop->noted < position)
        assert_int_equal(pthread_cond_timedwait(&shop->moved, &shop->lock, &deadline), 0);
    pthread_mutex_unlock(&shop->lock);
}

/* What a reader of the topic finds, who takes each position of a partition once, as our consumers do. */
struct reading {
    struct shop *shop;
    struct kafka_decoder decoder;
    uint64_t position; /* the last one that was new */
    uint64_t repeats;
    bool trimmed; /* the mock cluster doesn't keep all */
    bool by_key;  /* one cell's events are in all partitions: no position is the next one */
};

static void on_message(void *context, const struct kafka_message *message)
{
    struct reading *reading = context;
    struct kafka_event event;
    const struct shop *shop = reading->shop;

    assert_int_equal(kafka_event_decode(&reading->decoder, message, &event), KAFKA_READ_OURS);
    if (reading->trimmed && reading->position == 0)
        reading->position = event.position - 1;
    if (event.position <= reading->position) {
        reading->repeats++;
        return;
    }
    if (!reading->by_key)
        assert_int_equal(event.position, reading->position + 1);
    reading->position = event.position;
    size_t at = shop->begins[event.position];
    const char *data = memmem(shop->stored.p + at, shop->stored.n - at, "data: ", 6);
    assert_memory_equal(event.text.p, data + 6, event.text.n);
    assert_memory_equal(data + 6 + event.text.n, "\n\n", 2);
}

static uint64_t assert_all_arrived(struct shop *shop, int32_t partition)
{
    struct reading reading = {.shop = shop, .trimmed = !cluster.is_real};

    (void)kafka_cluster_read(&cluster, shop->topic, partition, on_message, &reading);
    assert_int_equal(reading.position, shop->last);
    kafka_decoder_free(&reading.decoder);
    return reading.repeats;
}

static int set_up(void **state)
{
    static int topics;
    struct shop *shop = calloc(1, sizeof(*shop));

    assert_non_null(shop);
    (void)snprintf(shop->topic, sizeof(shop->topic), "shop-%d", ++topics);
    kafka_cluster_make_topic(&cluster, shop->topic, PARTITIONS);
    pthread_mutex_init(&shop->lock, NULL);
    pthread_cond_init(&shop->moved, NULL);
    outbox_init(&shop->outbox, "order", 0);
    *state = shop;
    return 0;
}

static int tear_down(void **state)
{
    struct shop *shop = *state;

    stop_relay(shop);
    outbox_free(&shop->outbox);
    buf_free(&shop->stored);
    pthread_cond_destroy(&shop->moved);
    pthread_mutex_destroy(&shop->lock);
    free(shop);
    return 0;
}

/* --- in order, whole --- */

static void a_cells_events_are_in_its_partition_in_order_and_to_the_byte(void **state)
{
    struct shop *shop = *state;

    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 3, .partition = 3});
    commit_orders(shop, 50);
    wait_until_noted(shop, shop->last);
    assert_int_equal(assert_all_arrived(shop, 3), 0);
    assert_int_equal(kafka_cluster_read(&cluster, shop->topic, 2, NULL, NULL), 0);
    assert_int_equal(kafka_lane_position(shop->lane), shop->last);
    assert_int_equal(kafka_lane_error(shop->lane), OK);
    assert_int_equal(kafka_relay_trouble(shop->relay, NULL), OK);
}

static void what_was_committed_before_is_read_from_the_store(void **state)
{
    struct shop *shop = *state;

    commit_orders(shop, 500);
    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 0, .partition = 0});
    commit_orders(shop, 10);
    wait_until_noted(shop, shop->last);
    assert_int_equal(assert_all_arrived(shop, 0), 0);
    assert_true(shop->reads > 0);
}

static void a_relay_that_died_between_publish_and_mark_says_it_again(void **state)
{
    struct shop *shop = *state;

    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 1, .partition = 1});
    commit_orders(shop, 20);
    wait_until_noted(shop, shop->last);
    stop_relay(shop);
    shop->noted -= 7; /* so far the owner had got with its note */
    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 1, .partition = 1, .relayed = shop->noted});
    commit_orders(shop, 1);
    wait_until_noted(shop, shop->last);
    assert_int_equal(assert_all_arrived(shop, 1), 7);
}

static void wait_for_trouble(struct shop *shop)
{
    int64_t deadline = clock_monotonic() + PATIENCE_S * US_PER_S;

    while (!kafka_relay_trouble(shop->relay, NULL)) {
        assert_true(clock_monotonic() < deadline);
        (void)poll(NULL, 0, LOOK_MS);
    }
}

static void cut_off_by(struct shop *shop, void (*away)(struct kafka_cluster *), void (*back)(struct kafka_cluster *))
{
    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 2, .partition = 2});
    commit_orders(shop, 20);
    wait_until_noted(shop, BATCH);
    away(&cluster);
    commit_orders(shop, 100);
    wait_for_trouble(shop);
    assert_true(kafka_lane_position(shop->lane) < shop->last);
    back(&cluster);
    commit_orders(shop, 20);
    wait_until_noted(shop, shop->last);
    (void)assert_all_arrived(shop, 2);
}

static void a_broker_that_is_restarted_under_load_loses_and_reorders_nothing(void **state)
{
    cut_off_by(*state, kafka_cluster_down, kafka_cluster_up);
}

static void a_broker_that_accepts_but_does_not_answer_holds_up_nobody(void **state)
{
    cut_off_by(*state, kafka_cluster_silence, kafka_cluster_speak);
}

static void answers_that_say_no_for_a_while_change_nothing(void **state)
{
    struct shop *shop = *state;

    if (cluster.is_real)
        skip(); /* a broker says so only when it is told to */
    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 2, .partition = 2});
    commit_orders(shop, 5);
    wait_until_noted(shop, shop->last);
    rd_kafka_mock_push_request_errors(cluster.mock, 0, 5, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
    commit_orders(shop, 100);
    wait_until_noted(shop, shop->last);
    (void)assert_all_arrived(shop, 2);
}

static void a_no_for_good_begins_anew_behind_what_was_acknowledged(void **state)
{
    struct shop *shop = *state;

    if (cluster.is_real)
        skip();
    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 2, .partition = 2});
    commit_orders(shop, 5);
    wait_until_noted(shop, shop->last);
    rd_kafka_mock_push_request_errors(cluster.mock, 0, 2, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    commit_orders(shop, 100);
    wait_until_noted(shop, shop->last);
    (void)assert_all_arrived(shop, 2);
}

/* --- where it goes --- */

static void without_a_partition_of_its_own_each_event_goes_where_its_key_does(void **state)
{
    struct shop *shop = *state;
    size_t n = 0, expected[PARTITIONS] = {0};

    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 9, .partition = KAFKA_BY_KEY});
    commit_orders(shop, 10);
    wait_until_noted(shop, shop->last);
    for (uint64_t id = 1; id <= shop->last; id++) {
        char key[TOPIC_SIZE];
        (void)snprintf(key, sizeof(key), "%llu", (unsigned long long)id);
        expected[cell_of_key(str_of(key), PARTITIONS)]++;
    }
    for (int32_t i = 0; i < PARTITIONS; i++) {
        struct reading reading = {.shop = shop, .by_key = true};
        size_t here = kafka_cluster_read(&cluster, shop->topic, i, on_message, &reading);
        assert_int_equal(here, expected[i]);
        n += here;
        kafka_decoder_free(&reading.decoder);
    }
    assert_int_equal(n, shop->last);
}

static void what_all_have_to_hear_is_said_once_in_every_partition(void **state)
{
    struct shop *shop = *state;

    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 9, .partition = 1, .everywhere = receipts_everywhere});
    commit(shop, "StockReduced", 3, (struct str){NULL, 0});
    commit(shop, "StockReceived", 2, (struct str){NULL, 0});
    wait_until_noted(shop, shop->last);
    for (int32_t i = 0; i < PARTITIONS; i++)
        assert_int_equal(kafka_cluster_read(&cluster, shop->topic, i, NULL, NULL), i == 1 ? 5 : 2);
}

/* --- what doesn't go --- */

static void wait_for_error(const struct kafka_lane *lane, int error)
{
    int64_t deadline = clock_monotonic() + PATIENCE_S * US_PER_S;

    while (kafka_lane_error(lane) != error) {
        assert_true(clock_monotonic() < deadline);
        (void)poll(NULL, 0, LOOK_MS);
    }
}

static void an_event_that_is_too_large_stays_first_and_holds_up_no_other_cell(void **state)
{
    struct shop *shop = *state;
    char large[4000];

    memset(large, 'x', sizeof(large));
    start_relay(shop, (struct kafka_relay_options){.message_bytes = 2000});
    struct kafka_lane *stuck = open_lane(shop, (struct kafka_lane_options){.cell = 1, .partition = 1});
    commit_orders(shop, 1);
    wait_until_noted(shop, BATCH);
    commit(shop, "Ordered", 1, (struct str){large, sizeof(large)});
    commit_orders(shop, 1);
    wait_for_error(stuck, E_TOO_LARGE);
    assert_int_equal(kafka_lane_position(stuck), BATCH);

    struct kafka_lane *other =
        open_lane(shop, (struct kafka_lane_options){.cell = 2, .partition = 2, .relayed = BATCH + 1});
    wait_until_noted(shop, shop->last);
    assert_int_equal(kafka_lane_error(other), OK);
    kafka_lane_close(stuck);
    stop_relay(shop);

    shop->noted = BATCH;
    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 1, .partition = 1, .relayed = BATCH});
    wait_until_noted(shop, shop->last);
    assert_int_equal(assert_all_arrived(shop, 1), 0);
}

static void while_no_broker_answers_memory_is_bounded_and_closing_is_prompt(void **state)
{
    struct shop *shop = *state;
    struct str text = STR("an event of about the size that an order's is, so that fifty thousand of them are a lot");
    enum { MOST_BYTES = 24 << 20 };

    start_relay(shop, (struct kafka_relay_options){.queue_kbytes = 4096});
    open_lane(shop, (struct kafka_lane_options){.cell = 1, .partition = 1, .tail_bytes = 65536});
    commit_orders(shop, 1);
    wait_until_noted(shop, BATCH);
    (void)buf_reserve(&shop->stored, (size_t)MOST_EVENTS * 512); /* it grows no more */
    kafka_cluster_silence(&cluster);
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < 500; i++)
        commit(shop, "Ordered", 100, text);
    assert_true(shop->stored.n > (10 << 20)); /* … and as many bytes again, if they were kept */
    assert_true(mallinfo2().uordblks - before < MOST_BYTES);
    stop_relay(shop);
    kafka_cluster_speak(&cluster);

    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop,
              (struct kafka_lane_options){.cell = 1, .partition = 1, .tail_bytes = 65536, .relayed = shop->noted});
    wait_until_noted(shop, shop->last);
    (void)assert_all_arrived(shop, 1);
}

/* --- the end --- */

static void all_that_was_published_is_there_when_the_flush_returns(void **state)
{
    struct shop *shop = *state;

    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 1, .partition = 1});
    commit_orders(shop, 40);
    assert_true(kafka_relay_flush(shop->relay, clock_monotonic() + PATIENCE_S * US_PER_S));
    assert_int_equal(kafka_lane_position(shop->lane), shop->last);
    (void)assert_all_arrived(shop, 1);
}

static void a_flush_gives_up_at_its_deadline_and_at_once_where_the_broker_is_known_to_be_away(void **state)
{
    struct shop *shop = *state;

    start_relay(shop, (struct kafka_relay_options){0});
    open_lane(shop, (struct kafka_lane_options){.cell = 1, .partition = 1});
    kafka_cluster_down(&cluster);
    commit_orders(shop, 1);
    assert_false(kafka_relay_flush(shop->relay, clock_monotonic()));
    wait_for_trouble(shop);
    assert_false(kafka_relay_flush(shop->relay, INT64_MAX)); /* a deadline that never comes */
    kafka_cluster_up(&cluster);
    wait_until_noted(shop, shop->last);
}

/* --- words --- */

static void options_that_can_not_be_are_refused_with_a_sentence_that_shows_no_password(void **state)
{
    static const struct {
        struct kafka_options kafka;
        int error;
        const char *word;
    } rows[] = {
        {{.topic = "t"}, E_MALFORMED, "HOST:PORT"},
        {{.servers = "a:1", .topic = ""}, E_MALFORMED, "topic"},
        {{.servers = "a:1", .topic = "a b"}, E_MALFORMED, "topic"},
        {{.servers = "a:1", .topic = ".."}, E_MALFORMED, "topic"},
        {{.servers = "a:1", .topic = "t", .tls = true, .ca_file = "/nowhere"}, E_SYSTEM, "/nowhere"},
        {{.servers = "a:1", .topic = "t", .user = "u", .password = "s3cret", .mechanism = "NONSENSE"},
         E_SYSTEM,
         "NONSENSE"},
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kafka_relay_options options = {.kafka = &rows[i].kafka, .partitions = PARTITIONS};
        struct buf problem = {0};
        int error = OK;
        struct kafka_relay *relay = kafka_relay_new(&options, &problem, &error);
        buf_char(&problem, '\0');
        if (relay || !strstr(problem.p, rows[i].word))
            printf("%s\n", problem.p);
        assert_null(relay);
        assert_int_equal(error, rows[i].error);
        assert_non_null(strstr(problem.p, rows[i].word));
        assert_null(strstr(problem.p, "s3cret"));
        buf_free(&problem);
    }
}

static void a_relay_whose_broker_is_away_says_so_and_lives(void **state)
{
    struct shop *shop = *state;
    struct buf why = {0};

    start_relay(shop, (struct kafka_relay_options){0});
    kafka_cluster_down(&cluster);
    open_lane(shop, (struct kafka_lane_options){.cell = 1, .partition = 1});
    commit_orders(shop, 1);
    wait_for_trouble(shop);
    assert_int_equal(kafka_relay_trouble(shop->relay, &why), E_UNAVAILABLE);
    assert_true(str_starts_with(buf_str(&why), STR("Kafka: ")));
    buf_free(&why);
    kafka_cluster_up(&cluster);
    wait_until_noted(shop, shop->last);
    assert_int_equal(kafka_relay_trouble(shop->relay, NULL), OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cells_events_are_in_its_partition_in_order_and_to_the_byte),
        TEST(what_was_committed_before_is_read_from_the_store),
        TEST(a_relay_that_died_between_publish_and_mark_says_it_again),
        TEST(a_broker_that_is_restarted_under_load_loses_and_reorders_nothing),
        TEST(a_broker_that_accepts_but_does_not_answer_holds_up_nobody),
        TEST(answers_that_say_no_for_a_while_change_nothing),
        TEST(a_no_for_good_begins_anew_behind_what_was_acknowledged),
        TEST(without_a_partition_of_its_own_each_event_goes_where_its_key_does),
        TEST(what_all_have_to_hear_is_said_once_in_every_partition),
        TEST(an_event_that_is_too_large_stays_first_and_holds_up_no_other_cell),
        TEST(all_that_was_published_is_there_when_the_flush_returns),
        TEST(a_flush_gives_up_at_its_deadline_and_at_once_where_the_broker_is_known_to_be_away),
        TEST(while_no_broker_answers_memory_is_bounded_and_closing_is_prompt),
        TEST(a_relay_whose_broker_is_away_says_so_and_lives),
        cmocka_unit_test(options_that_can_not_be_are_refused_with_a_sentence_that_shows_no_password),
    };

    if (!kafka_cluster_start(&cluster, argc, argv))
        return KAFKA_SKIPPED_STATUS;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kafka_cluster_stop(&cluster);
    return failed;
}
