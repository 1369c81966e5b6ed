/** postgres_server.h: a PostgreSQL of the test's own, on loopback, in a directory of its own, with its fsync on.
 *
 *  It runs as the user of the test, or as "nobody" when that is root (PostgreSQL refuses to be root); it ends with the
 *  thread that has started it, however that ends. One at a time. For cmocka tests; any failure fails the test.
 */
#ifndef COFFEESHOP_POSTGRES_SERVER_H
#define COFFEESHOP_POSTGRES_SERVER_H

/** Why there can be no server on this machine, in a sentence; NULL: there can. */
const char *postgres_server_missing(void);
void postgres_server_start(void);
/** Where it is: a URL with user and password. */
const char *postgres_server_url(void);
/** Its superuser's password, which is nobody's to see. */
const char *postgres_server_password(void);
/** Stopped as by an operator who can't wait (SIGINT), or by the loss of power (SIGQUIT), and gone when it returns. */
void postgres_server_halt(int signal);
/** Again, on the same files and the same port; answers when it returns. */
void postgres_server_resume(void);
/** Stops it and removes its files. */
void postgres_server_stop(void);

#endif
