#include "kafka_trouble.h"

#include "base.h"
#include "errors.h"
#include "log.h"

#include <librdkafka/rdkafka.h>

void kafka_trouble_init(struct kafka_trouble *trouble, const char *who)
{
    *trouble = (struct kafka_trouble){.who = who};
    pthread_mutex_init(&trouble->lock, NULL);
}

void kafka_trouble_free(struct kafka_trouble *trouble)
{
    pthread_mutex_destroy(&trouble->lock);
}

int kafka_trouble_kind(int cause)
{
    static const rd_kafka_resp_err_t for_people[] = {
        RD_KAFKA_RESP_ERR__AUTHENTICATION,
        RD_KAFKA_RESP_ERR__SSL,
        RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
        RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
        RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR,
    };

    for (size_t i = 0; i < COUNT_OF(for_people); i++) {
        if (cause == (int)for_people[i])
            return E_SYSTEM;
    }
    return E_UNAVAILABLE;
}

static void say(struct kafka_trouble *trouble, int cause, const char *text, bool for_sure)
{
    pthread_mutex_lock(&trouble->lock);
    bool is_news = for_sure ? !trouble->for_sure
                            : !trouble->for_sure && trouble->cause != cause &&
                                  !(cause == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && trouble->error);
    if (is_news) {
        trouble->for_sure = for_sure;
        size_t n = strnlen(text, KAFKA_TROUBLE_TEXT - 1);
        memcpy(trouble->text, text, n);
        trouble->text[n] = '\0';
        trouble->cause = cause;
        trouble->error = kafka_trouble_kind(cause);
    }
    pthread_mutex_unlock(&trouble->lock);
    if (is_news)
        log_warning("something is wrong with Kafka", LOG_T("by", trouble->who), LOG_T("reason", text));
}

void kafka_trouble_say(struct kafka_trouble *trouble, int cause, const char *text)
{
    say(trouble, cause, text, false);
}

void kafka_trouble_say_for_sure(struct kafka_trouble *trouble, int cause, const char *text)
{
    say(trouble, cause, text, true);
}

void kafka_trouble_over(struct kafka_trouble *trouble)
{
    pthread_mutex_lock(&trouble->lock);
    bool was = trouble->error != OK;
    trouble->error = OK;
    trouble->cause = 0;
    trouble->for_sure = false;
    pthread_mutex_unlock(&trouble->lock);
    if (was)
        log_info("Kafka is well again", LOG_T("by", trouble->who));
}

int kafka_trouble_told(struct kafka_trouble *trouble, struct buf *why)
{
    pthread_mutex_lock(&trouble->lock);
    int error = trouble->error;
    if (error && why)
        buf_printf(why, "Kafka: %s", trouble->text);
    pthread_mutex_unlock(&trouble->lock);
    return error;
}
