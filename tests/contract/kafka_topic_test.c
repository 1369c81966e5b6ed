/* What is promised of the topic (kafka_topic.h), over librdkafka's mock cluster, and over a real Kafka when it is
 * called with the word "real". */
#include "base.h"
#include "errors.h"
#include "kafka_cluster.h"
#include "kafka_topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct kafka_cluster cluster;

static int prepare(const char *servers, const char *topic, int32_t partitions, const char *word)
{
    struct kafka_options kafka = {.servers = servers, .topic = topic, .client = "test"};
    struct kafka_topic_options options = {.kafka = &kafka,
                                          .partitions = partitions,
                                          .replication = 1,
                                          .retain_ms = -1,
                                          .patience_ms = cluster.is_real ? 20000 : 3000};
    struct buf problem = {0};
    int rc = kafka_topic_prepare(&options, &problem);

    buf_char(&problem, '\0');
    if (word && !strstr(problem.p, word))
        printf("%s\n", problem.p);
    assert_true(!word || strstr(problem.p, word));
    buf_free(&problem);
    return rc;
}

static void a_topic_with_another_number_of_partitions_is_refused_with_both_numbers(void **state)
{
    UNUSED(state);
    kafka_cluster_make_topic(&cluster, "shop", 4);
    kafka_cluster_make_topic(&cluster, "shop.dlt", 1);
    assert_int_equal(prepare(cluster.servers, "shop", 4, NULL), OK);
    assert_int_equal(prepare(cluster.servers, "shop", 16, "has 4 partitions, this shop has 16 cells"), E_FOREIGN);
}

static void a_missing_topic_is_made_with_a_partition_for_each_cell(void **state)
{
    UNUSED(state);
    if (!cluster.is_real) { /* the mock cluster doesn't know how to make one */
        assert_int_equal(prepare(cluster.servers, "fresh", 3, "the topic fresh is missing, and Kafka doesn't make it"),
                         E_UNAVAILABLE);
        return;
    }
    assert_int_equal(prepare(cluster.servers, "fresh", 3, NULL), OK);
    assert_int_equal(prepare(cluster.servers, "fresh", 3, NULL), OK);
    assert_int_equal(prepare(cluster.servers, "fresh", 4, "has 3 partitions"), E_FOREIGN);
    assert_int_equal(prepare(cluster.servers, "fresh.dlt", 1, NULL), OK);
}

static void nobody_who_answers_is_told_in_a_sentence(void **state)
{
    struct kafka_options kafka = {.servers = "127.0.0.1:1", .topic = "t"};
    struct kafka_topic_options options = {.kafka = &kafka, .partitions = 1, .replication = 1, .patience_ms = 500};
    struct buf problem = {0};

    UNUSED(state);
    assert_int_equal(kafka_topic_prepare(&options, &problem), E_UNAVAILABLE);
    buf_char(&problem, '\0');
    assert_non_null(strstr(problem.p, "Kafka at 127.0.0.1:1 doesn't answer"));
    buf_free(&problem);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_with_another_number_of_partitions_is_refused_with_both_numbers),
        cmocka_unit_test(a_missing_topic_is_made_with_a_partition_for_each_cell),
        cmocka_unit_test(nobody_who_answers_is_told_in_a_sentence),
    };

    if (!kafka_cluster_start(&cluster, argc, argv))
        return KAFKA_SKIPPED_STATUS;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kafka_cluster_stop(&cluster);
    return failed;
}
