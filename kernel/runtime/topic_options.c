#include "topic_options.h"

#include <sys/prctl.h>

bool topic_options_take(const struct common_settings *common, const char *client, struct kafka_options *options,
                        struct secret **password, struct buf *problem)
{
    const struct kafka_common *settings = &common->kafka;

    if (!secret_take("kafka.password", settings->password, settings->password_file, password, problem))
        return false;
    if (*password)
        prctl(PR_SET_DUMPABLE, 0); /* librdkafka keeps it in its memory */
    *options = (struct kafka_options){
        .servers = settings->servers,
        .topic = settings->topic,
        .client = client,
        .tls = settings->tls,
        .user = settings->user,
        .password = secret_text(*password).p,
        .mechanism = kafka_mechanisms[settings->mechanism],
        .ca_file = settings->ca_file,
        .cert_file = settings->cert_file,
        .key_file = settings->key_file,
        .answer_ms = settings->answer_ms,
    };
    return true;
}

const char *topic_cursor_name(const struct common_settings *common, const char *what, struct arena *arena)
{
    struct buf name = {0};

    buf_printf(&name, "%s:%s", what, common->kafka.topic);
    buf_char(&name, '\0');
    const char *kept = name.failed ? NULL : arena_copy(arena, buf_str(&name)).p;
    buf_free(&name);
    return kept;
}
