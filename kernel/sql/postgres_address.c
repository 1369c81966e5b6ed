/* postgres_address.c: what is wrong with an address, as far as it can be told without asking a server. */
#include "base.h"
#include "postgres_internal.h"

#include <string.h>

/* libpq repeats what it can't read, and that may be a password; but for a name that it doesn't know. */
static bool names_only(const char *said)
{
    return strncmp(said, "invalid connection option ", strlen("invalid connection option ")) == 0 ||
           strncmp(said, "invalid URI query parameter", strlen("invalid URI query parameter")) == 0;
}

bool postgres_check_address(const char *server, struct buf *problem)
{
    char *said = NULL;
    PQconninfoOption *parts = PQconninfoParse(server, &said);
    bool readable = parts != NULL;

    if (!readable) {
        BUF_LIT(problem, "the address of PostgreSQL can't be read");
        if (said && names_only(said)) {
            BUF_LIT(problem, " (");
            postgres_say(problem, said);
            buf_char(problem, ')');
        }
        BUF_LIT(problem,
                ": give a URL, postgresql://USER@HOST:PORT/DATABASE, with %XX for characters that mean something "
                "there, or pairs, host=HOST port=PORT dbname=DATABASE user=USER");
    }
    PQconninfoFree(parts);
    PQfreemem(said);
    return readable;
}

/* What libpq says before it has asked anybody, and a password that isn't the one. */
bool postgres_is_hopeless(const PGconn *conn)
{
    static const char *const begins[] = {"invalid ", "definition of service ", "service file ", "could not match ",
                                         "sslmode value "};
    const char *said = PQerrorMessage(conn);

    for (size_t i = 0; i < COUNT_OF(begins); i++) {
        if (strncmp(said, begins[i], strlen(begins[i])) == 0)
            return true;
    }
    return PQconnectionNeedsPassword(conn) || strstr(said, "password authentication failed");
}
