/** redis_server.h: a real Redis that one test has to itself: on loopback, on a free port, with a directory of its own,
 *  durable unless told otherwise. For cmocka tests; what goes wrong here fails the test.
 *
 *  It doesn't outlive the test's process. Where there is none on the machine, redis_server_skips() says so.
 */
#ifndef COFFEESHOP_REDIS_SERVER_H
#define COFFEESHOP_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

enum { REDIS_DIR_SIZE = 128, REDIS_URL_SIZE = 64, REDIS_MOST_ARGUMENTS = 16, SKIPPED_STATUS = 77 };

struct redis_server {
    pid_t pid; /* 0: it doesn't run */
    int port;
    char url[REDIS_URL_SIZE]; /* redis://127.0.0.1:PORT */
    char dir[REDIS_DIR_SIZE];
    const char *more[REDIS_MOST_ARGUMENTS + 1];
};

/** True when there is no Redis here: says "SKIPPED" and why; end with SKIPPED_STATUS then. With CI=true in the
 * environment it is a failure instead: it ends the process with 1. */
bool redis_server_skips(const char *what);
/** `more`: further arguments, as "--appendfsync", "everysec", up to a NULL; they win over those that make it durable.
 * They have to live as long as the server. Returns when it can be asked. */
void redis_server_start(struct redis_server *server, const char *const *more);
/** A port of 127.0.0.1 that nobody listened at a moment ago. */
int redis_server_free_port(void);
/** Sends the signal and waits for the end. */
void redis_server_kill(struct redis_server *server, int signal);
/** On the same port and directory; returns when it has loaded its data. */
void redis_server_again(struct redis_server *server);
/** Sends it a command as redis-cli would; words up to a NULL; an error fails the test. */
void redis_server_tell(const struct redis_server *server, const char **words);
/** Ends it and removes the directory. */
void redis_server_free(struct redis_server *server);

#define REDIS_TELL(server, ...) redis_server_tell((server), (const char *[]){__VA_ARGS__, NULL})

#endif
