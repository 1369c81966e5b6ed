#include "sql_engine.h"

#include "postgres_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77 };
static bool is_postgres;

void sql_engine_start(int argc, char **argv)
{
    is_postgres = argc > 1 && strcmp(argv[1], "postgres") == 0;
    const char *missing = is_postgres ? postgres_server_missing() : NULL;
    const char *ci = getenv("CI");

    if (missing) {
        fprintf(stderr, "SKIPPED (PostgreSQL): %s\n", missing);
        exit(ci && strcmp(ci, "true") == 0 ? EXIT_FAILURE : SKIPPED);
    }
    if (is_postgres)
        postgres_server_start();
}

void sql_engine_stop(void)
{
    if (is_postgres)
        postgres_server_stop();
}

const char *sql_engine_name(void)
{
    return is_postgres ? "postgres" : "sqlite";
}

bool sql_engine_is_postgres(void)
{
    return is_postgres;
}

struct sql_options sql_engine_options(const struct sql_options *options, char *schema)
{
    struct sql_options ours = *options;

    snprintf(schema, SQL_ENGINE_SCHEMA_SIZE, "t%016llx", (unsigned long long)str_hash(str_of(options->path)));
    ours.server = postgres_server_url();
    ours.schema = schema;
    return ours;
}

struct sql *sql_engine_open(const struct sql_options *options, struct buf *problem, int *error)
{
    char schema[SQL_ENGINE_SCHEMA_SIZE];

    if (!is_postgres)
        return sqlite_open(options, problem, error);
    const struct sql_options ours = sql_engine_options(options, schema);
    return postgres_open(&ours, problem, error);
}
