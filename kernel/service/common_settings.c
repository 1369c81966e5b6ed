#include "program.h"

#include "cell.h"
#include "secret.h"

#define ROW(member, name, type, fallback, min, max, doc)                                                               \
    SETTING(struct common_settings, member, name, type, fallback, min, max, doc)
#define CHOICE(member_, name_, choices_, fallback_, doc_)                                                              \
    {                                                                                                                  \
        .name = (name_), .type = SETTING_CHOICE, .fallback = (fallback_), .choices = (choices_), .doc = (doc_),        \
        .offset = offsetof(struct common_settings, member_)                                                            \
    }

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* clang-format off: a table is read by its columns */
const struct setting common_settings_rows[] = {
    ROW(data, "data", SETTING_TEXT, "./var", 1, 1024, "Directory of everything that lasts."),
    ROW(instance, "instance", SETTING_WORD, "", 0, 64,
        "What X-Instance in the answer of /readyz says, to know this process from another's; `up` gives one."),
    ROW(menu, "menu", SETTING_TEXT, "", 0, 1024, "File with what is sold; empty: the built-in menu."),
    ROW(timezone, "timezone", SETTING_TEXT, "Asia/Seoul", 1, 64, "Where the shop is: its days are added up by it."),
    CHOICE(log_level, "log.level", "debug|info|warning|error", "info", "The least important events that are logged."),
    CHOICE(log_format, "log.format", "human|json", "human", "How a log line looks."),

    ROW(http.max_connections, "http.max_connections", SETTING_INT, "4096", 1, 100000,
        "Connections at a time, three quarters of them streams at most; more get 503."),
    ROW(http.max_body, "http.max_body", SETTING_BYTES, "64KiB", 64, 64 * MIB, "Largest request body; more gets 413."),
    ROW(http.connection_memory, "http.connection_memory", SETTING_BYTES, "10KiB", 1 * KIB, 1 * MIB,
        "Memory for a request's line and headers; more gets 431. It is cleared for every request."),
    ROW(http.idle_ms, "http.idle_ms", SETTING_MS, "60000", 1 * SECOND, 1 * HOUR,
        "A connection without traffic for so long is closed."),
    ROW(http.request_ms, "http.request_ms", SETTING_MS, "10000", 100, 10 * MINUTE,
        "A request has to have arrived whole by then."),
    ROW(http.trusted_proxy, "http.trusted_proxy", SETTING_TEXT, "loopback", 0, 64,
        "Whose X-Forwarded-* headers are believed: an address, a network, or loopback; empty: nobody's."),
    ROW(http.hosts, "http.hosts", SETTING_TEXT, "", 0, 1024,
        "Names the service may be asked under, separated by blanks; *.a.example: all below it; *: any. Addresses, "
        "names "
        "without a dot, localhost and this machine's name need not be named."),

    ROW(feed_tail_bytes, "feed.tail_bytes", SETTING_BYTES, "8MiB", 64 * KIB, 4 * GIB,
        "Recent events kept in memory for followers."),
    ROW(feed_heartbeat_ms, "feed.heartbeat_ms", SETTING_MS, "1000", 50, 10 * MINUTE,
        "A comment is sent to every follower so often."),
    ROW(feed_max_followers, "feed.max_followers", SETTING_INT, "256", 1, 100000,
        "Followers of a feed at a time; more get 503."),
    ROW(feed_followers_per_address, "feed.followers_per_address", SETTING_INT, "32", 1, 100000,
        "So many of them from one address; the next one ends its oldest. Loopback is free of it."),
    ROW(feed_max_waiting, "feed.max_waiting", SETTING_INT, "4096", 1, 1000000,
        "Events of one producer that may wait for the writer before its feed is paused."),
    ROW(feed_silence_ms, "feed.silence_ms", SETTING_MS, "5000", 100, 1 * HOUR,
        "A feed without even a heartbeat for so long is opened again."),

    ROW(writer_batch, "writer.batch", SETTING_INT, "1024", 1, 65536, "Most commands committed together."),
    ROW(writer_queue, "writer.queue", SETTING_INT, "16384", 1, 1000000,
        "Most client commands that wait; more get 503."),
    ROW(writer_retry_ms, "writer.retry_ms", SETTING_MS, "100", 1, 1 * MINUTE,
        "After a failed commit it is tried again so much later."),
    ROW(writer_unwell_ms, "writer.unwell_ms", SETTING_MS, "3000", 0, 10 * MINUTE,
        "After one that found no room, or was refused, /readyz says so for so long at least: a smaller one may "
        "succeed."),

    ROW(call_timeout_ms, "call.timeout_ms", SETTING_MS, "610", 1, 1 * MINUTE,
        "A call to another service is given up after so long; its outcome is then unknown."),
    ROW(call_max_batch, "call.max_batch", SETTING_INT, "256", 1, 1000,
        "Most questions sent to another service in one call; stock takes no more than 1000."),
    ROW(call_max_connections, "call.max_connections", SETTING_INT, "16", 1, 1024,
        "Connections to other services at a time."),
    ROW(call_max_concurrent, "call.max_concurrent", SETTING_INT, "1024", 1, 1000000,
        "Calls to one other service under way at a time, those that wait for a connection among them; more are refused "
        "at once."),

    ROW(breaker_window_ms, "breaker.window_ms", SETTING_MS, "10000", 10, 10 * MINUTE,
        "The circuit breaker looks at the calls of the last so many milliseconds."),
    ROW(breaker_volume, "breaker.volume", SETTING_INT, "20", 1, 1000000,
        "With fewer calls in that time it never opens."),
    ROW(breaker_error_percent, "breaker.error_percent", SETTING_INT, "50", 1, 100,
        "It opens when so many of them failed."),
    ROW(breaker_sleep_window_ms, "breaker.sleep_window_ms", SETTING_MS, "5000", 1, 10 * MINUTE,
        "Open for so long before one call is let through to see."),

    ROW(idempotency_retain_hours, "idempotency.retain_hours", SETTING_INT, "24", 0, 87600,
        "Answers to an Idempotency-Key are kept so long (hours of running); 0: for ever."),
    ROW(outbox_retain_hours, "outbox.retain_hours", SETTING_INT, "0", 0, 87600,
        "Events are kept so long (hours of running) for followers that are away or rebuild; 0: for ever."),

    ROW(fault_enabled, "fault.enabled", SETTING_BOOL, "false", 0, 0,
        "Whether services may be told to misbehave (*.fault.*), to see how the others take it. Never where customers "
        "are."),

    ROW(store_sql, "store.sql", SETTING_SERVER, "", 0, 1024,
        "PostgreSQL that order, product, customercenter and payment keep their data in, each in a schema of its name: "
        "a URL or "
        "keyword=value pairs, what they leave out comes from PG* variables; empty: SQLite files in `data`."),
    ROW(kafka.servers, "kafka.servers", SETTING_TEXT, "", 0, 1024,
        "Kafka that events go through: HOST:PORT, several with commas between; empty: services follow each other's "
        "feeds."),
    ROW(kafka.topic, "kafka.topic", SETTING_WORD, "coffeeshop", 1, 50,
        "The shop's topic on it; it is made when it is missing, and so is the one for dead letters, its name + .dlt."),
    ROW(kafka.tls, "kafka.tls", SETTING_BOOL, "false", 0, 0, "Whether Kafka is spoken to in TLS."),
    ROW(kafka.user, "kafka.user", SETTING_TEXT, "", 0, 256, "Who we are to Kafka (SASL); empty: nobody."),
    ROW(kafka.password, "kafka.password", SETTING_SECRET, "", 0, SECRET_MOST, "Its password; better in a file."),
    ROW(kafka.password_file, "kafka.password_file", SETTING_TEXT, "", 0, 1024,
        "The file that has it; not for everybody to read."),
    CHOICE(kafka.mechanism, "kafka.mechanism", "SCRAM-SHA-512|SCRAM-SHA-256|PLAIN", "SCRAM-SHA-512",
           "How the password is shown to Kafka."),
    ROW(kafka.ca_file, "kafka.ca_file", SETTING_TEXT, "", 0, 1024,
        "Whose certificates are believed (PEM); empty: those that the system believes."),
    ROW(kafka.cert_file, "kafka.cert_file", SETTING_TEXT, "", 0, 1024,
        "Our own certificate (PEM), for a Kafka that asks for one ..."),
    ROW(kafka.key_file, "kafka.key_file", SETTING_TEXT, "", 0, 1024, "... and its key."),
    ROW(kafka.replication, "kafka.replication", SETTING_INT, "3", 1, 100,
        "Brokers that keep a topic that is made here; from 3 on two have to confirm an event. Where there is one "
        "broker: "
        "1."),
    ROW(kafka.retain_hours, "kafka.retain_hours", SETTING_INT, "0", 0, 87600,
        "A topic that is made here keeps events so long; 0: for ever, as rebuilding the view needs it."),
    ROW(kafka.answer_ms, "kafka.answer_ms", SETTING_MS, "10000", 1 * SECOND, 5 * MINUTE,
        "A broker that hasn't answered for so long is asked again."),
    ROW(kafka.queue_bytes, "kafka.queue_bytes", SETTING_BYTES, "8MiB", 1 * MIB, 1 * GIB,
        "Memory for events that Kafka hasn't confirmed; what waits beyond that is in the outbox."),
    ROW(kafka.buffer_bytes, "kafka.buffer_bytes", SETTING_BYTES, "16MiB", 1 * MIB, 1 * GIB,
        "Memory for events that are fetched ahead."),
    ROW(kafka.message_bytes, "kafka.message_bytes", SETTING_BYTES, "1000000", 1000, 100 * MIB,
        "The largest event that is sent; the topic has to allow it."),
    ROW(shop_cells, "shop.cells", SETTING_INT, "1", 1, CELLS_MOST,
        "Into how many cells the shop's data is cut; fixed when the shop is made. Several need Kafka, PostgreSQL and "
        "Redis."),
    ROW(start_wait_ms, "start.wait_ms", SETTING_MS, "20000", 0, 10 * MINUTE,
        "A service whose store is on a server, or whose events are on Kafka, waits so long for it when it starts; then "
        "it ends, and says why."),
    ROW(drain_ms, "drain_ms", SETTING_MS, "0", 0, 10 * MINUTE,
        "After SIGTERM: unready but serving for so long, for load balancers to notice."),
    ROW(stop_ms, "stop_ms", SETTING_MS, "4000", 1, 10 * MINUTE, "Then at most so long to finish what is in flight."),
    ROW(query_ms, "query_ms", SETTING_MS, "2000", 1, 10 * MINUTE, "A list that takes longer is given up with 503."),
    ROW(list_quick_rows, "list.quick_rows", SETTING_INT, "2000", 1, 1000000,
        "A list for which more rows have to be passed waits with its like, not with the quick ones."),
    ROW(list_max_waiting, "list.max_waiting", SETTING_INT, "64", 1, 65536,
        "Quick lists that may wait, and as many slow ones; more get 503."),
    ROW(list_waiting_per_address, "list.waiting_per_address", SETTING_INT, "8", 1, 65536,
        "So many of them of one client address; more get 503. Loopback is free of it."),
};
/* clang-format on */

const char *const kafka_mechanisms[] = {"SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"};

const size_t common_settings_count = COUNT_OF(common_settings_rows);
