#include "service_bench.h"

#include "base.h"
#include "errors.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int never_run(const struct program *self, const struct common_settings *common, const void *settings,
                     struct buf *problem)
{
    UNUSED(self);
    UNUSED(common);
    UNUSED(settings);
    UNUSED(problem);
    return 1;
}

static void load_settings(struct service_bench *bench)
{
    char *nothing[] = {NULL};
    const struct config_source source = {0, nothing, nothing};
    const struct setting_group groups[] = {{common_settings_rows, common_settings_count, &bench->common, NULL}};
    bool wants_help = false;

    assert_true(config_load(groups, 1, NULL, 0, &source, &bench->arena, &wants_help, &bench->problem));
    bench->common.data = bench->scratch.dir;
}

void service_bench_open(struct service_bench *bench, const char *name)
{
    static const struct setting own_rows[] = {{.name = NULL}};

    *bench = (struct service_bench){
        .program = {
            .name = name, .doc = "Is tested.", .rows = own_rows, .url = "http://127.0.0.1:0", .run = never_run}};
    scratch_make(&bench->scratch);
    arena_init(&bench->arena, 0);
    load_settings(bench);
    bench->service = service_new(&bench->program, &bench->common, &bench->problem);
    assert_non_null(bench->service);
}

static void read_nothing(void *context, struct feed_reading *reading)
{
    UNUSED(context);
    reading->done(reading);
}

bool service_bench_start(struct service_bench *bench, struct core *core, struct service_parts parts)
{
    static const struct cursors nobody = {.n = 0};
    const struct service_cell cell = {.core = core, .cursors = &nobody};

    parts.http = &bench->http;
    parts.cells = &cell;
    parts.read_stored = read_nothing;
    return service_start(bench->service, &parts, &bench->problem);
}

void service_bench_run(struct service_bench *bench, void *(*act)(void *argument), void *argument)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, act, argument), 0);
    service_run(bench->service);
    pthread_join(thread, NULL);
}

void service_bench_close(struct service_bench *bench)
{
    service_free(bench->service);
    arena_free(&bench->arena);
    buf_free(&bench->problem);
    scratch_remove(&bench->scratch);
}
