/** program.h: what cmd/coffeeshop knows of a service: its name, its settings, how to run it. Each context's main
 * exports one.
 */
#ifndef COFFEESHOP_PROGRAM_H
#define COFFEESHOP_PROGRAM_H

#include "config.h"
#include "http_server.h"
#include "log.h"

#include <stddef.h>

/** Kafka, for events past one machine (bus/kafka_connection.h). */
struct kafka_common {
    const char *servers; /* empty: services follow each other's feeds */
    const char *topic;
    bool tls;
    const char *user, *password, *password_file;
    int64_t mechanism; /* kafka_mechanisms' */
    const char *ca_file, *cert_file, *key_file;
    int64_t replication, retain_hours; /* of a topic that is made; 0: for ever */
    int64_t answer_ms;
    int64_t queue_bytes, buffer_bytes, message_bytes;
};

struct kafka_foreign_type;

/** Settings that every service has. Rows: common_settings in common_settings.c; filled for every command. */
struct common_settings {
    const char *data;     /* --data DIR */
    const char *instance; /* told with health, so that whoever started this one knows it from another; or empty */
    const char *menu;     /* a file; empty: the built-in menu */
    const char *timezone; /* of the shop: where its days begin */
    int64_t log_level;    /* enum log_level */
    int64_t log_format;   /* enum log_format */
    struct http_settings http;
    int64_t feed_tail_bytes, feed_heartbeat_ms, feed_max_followers, feed_followers_per_address, feed_max_waiting,
        feed_silence_ms;
    int64_t writer_batch, writer_queue, writer_retry_ms, writer_unwell_ms;
    int64_t call_timeout_ms, call_max_batch, call_max_connections, call_max_concurrent; /* synchronous calls */
    int64_t breaker_window_ms, breaker_volume, breaker_error_percent, breaker_sleep_window_ms;
    int64_t idempotency_retain_hours, outbox_retain_hours; /* 0: for ever */
    const char *store_sql;                                 /* for libpq; empty: files in `data` */
    struct kafka_common kafka;
    const struct kafka_foreign_type *foreign; /* no setting: what another system's messages on the topic mean
                                                 (bus/kafka_foreign.h); NULL: nothing */
    int64_t shop_cells;                       /* cell.h; fixed when the shop is made */
    int64_t start_wait_ms;                    /* for a store on a server, or Kafka, that isn't there yet */
    int64_t drain_ms;                         /* after SIGTERM: unready for so long before no new connection is taken */
    int64_t stop_ms;                          /* then at most so long to finish what is in flight */
    bool fault_enabled;                       /* whether a service may be told to misbehave */
    int64_t query_ms;
    int64_t list_quick_rows, list_max_waiting,
        list_waiting_per_address; /* a list that takes longer is given up with 503 */
};

extern const struct setting common_settings_rows[];
extern const size_t common_settings_count;
/** Ways to show Kafka a password, by the number that kafka.mechanism has. */
extern const char *const kafka_mechanisms[];

/** The exit status of a service that can't go on as it is but may when it is started anew (EX_TEMPFAIL of sysexits.h):
 * or when the connection to its store broke while it started; never "it can't start". */
enum { PROGRAM_CANNOT_START = 1, PROGRAM_START_AGAIN = 75 };

struct archive_opening;
struct archive_store;

struct program {
    const char *name; /* "order" */
    const char *doc;  /* one sentence for `coffeeshop --help` */
    const struct setting *rows;
    size_t n_rows;
    size_t settings_size; /* of the struct that the rows fill */
    const char *url;      /* where it listens by default, for `up` to say where to look */
    /** Runs until SIGTERM or SIGINT. Returns the exit status: 0; PROGRAM_CANNOT_START, or
     * PROGRAM_START_AGAIN, with a sentence in `problem`. */
    int (*run)(const struct program *self, const struct common_settings *common, const void *settings,
               struct buf *problem);
    /** Opens what the service keeps, for `coffeeshop export` and `import` (archive_store.h), while nobody else has it
     * open. NULL with a sentence in `problem`, or with opening->absent. A program that keeps nothing has none. */
    struct archive_store *(*open_archive)(const struct common_settings *common, const void *settings,
                                          struct archive_opening *opening, struct buf *problem);
};

#endif
