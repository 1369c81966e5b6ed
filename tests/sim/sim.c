/* sim.c: one history: the shop opens, is busy and broken, is left in peace, and is looked at. */
#include "sim.h"

#include "alloc.h"
#include "log.h"
#include "sim_clock.h"
#include "sim_customers.h"
#include "sim_faults.h"
#include "sim_payment.h"
#include "sim_restore.h"
#include "sim_rules.h"
#include "sim_rules_time.h"

#include <stdarg.h>
#include <stdio.h>

static const int64_t epoch = INT64_C(1790000000) * 1000000; /* when histories begin, us */

const char *sim_plant_name(enum sim_plant plant)
{
    static const char *const names[] = {
        "NONE",
#define PLANT(name, sentence) #name,
#include "sim_plants.def"
#undef PLANT
    };

    return names[plant];
}

const char *sim_plant_sentence(enum sim_plant plant)
{
    static const char *const sentences[] = {
        "nothing is planted",
#define PLANT(name, sentence) sentence,
#include "sim_plants.def"
#undef PLANT
    };

    return sentences[plant];
}

const char *sim_met_sentence(enum sim_met met)
{
    static const char *const sentences[] = {
#define MEET(name, sentence) sentence,
#include "sim_meets.def"
#undef MEET
    };

    return sentences[met];
}

struct str sim_text(struct sim *sim, const char *format, ...)
{
    char text[128];
    va_list arguments;

    va_start(arguments, format);
    int n = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ASSERT(n >= 0 && (size_t)n < sizeof(text));
    return sim_copy(sim, (struct str){text, (size_t)n});
}

static void open_shop(struct sim *sim)
{
    sim_order_open(sim);
    sim_product_open(sim);
    sim_stock_open(sim);
    sim_view_open(sim);
    if (sim->shape.pays != SIM_AT_THE_COUNTER)
        sim_payment_open(sim);
    sim_follow(sim->services[SIM_ORDER], 0, sim->services[SIM_PRODUCT]);
    sim_follow(sim->services[SIM_PRODUCT], 0, sim->services[SIM_ORDER]);
    sim_follow(sim->services[SIM_PRODUCT], 1, sim->services[SIM_STOCK]);
    sim_follow(sim->services[SIM_VIEW], 0, sim->services[SIM_ORDER]);
    sim_follow(sim->services[SIM_VIEW], 1, sim->services[SIM_PRODUCT]);
    sim_follow(sim->services[SIM_VIEW], 2, sim->services[SIM_STOCK]);
    if (sim->shape.pays != SIM_AT_THE_COUNTER) {
        sim_follow(sim->services[SIM_ORDER], 1, sim->services[SIM_PAYMENT]);
        sim_follow(sim->services[SIM_VIEW], 3, sim->services[SIM_PAYMENT]);
        sim_follow(sim->services[SIM_PAYMENT], 0, sim->services[SIM_ORDER]);
    }
    sim_clocks_begin(sim);
    for (size_t who = 0; who < sim->n_services; who++)
        sim_service_start(sim->services[who]);
}

static const int64_t settle = 40 * (int64_t)US_PER_S;

static void put_together(struct sim *sim)
{
    sim_restore_check_said(sim);
    if (sim->broken)
        return;
    sim_restore_everything(sim);
    sim_go_on(sim, sim->now + settle, sim_rules_check);
}

static void live(struct sim *sim)
{

    sim_customers_come(sim);
    sim_faults_begin(sim);
    sim_go_on(sim, sim->began + sim->shape.busy_for, sim_rules_check);
    sim_faults_end(sim);
    sim_go_on(sim, sim->now + settle, sim_rules_check);
    if (sim->split && !sim->broken)
        put_together(sim);
    if (!sim->broken)
        sim_rules_check_calm(sim);
    sim_customers_see_it_through(sim);
    sim_go_on(sim, sim->now + settle + 2 * (sim_kitchen(sim)->start_after + sim_kitchen(sim)->brew), sim_rules_check);
    if (!sim->broken)
        sim_rules_check_end(sim);
    if (!sim->broken)
        sim_view_check_end(sim);
}

static void close_shop(struct sim *sim)
{
    sim_restore_free(sim);
    sim_order_close(sim);
    sim_product_close(sim);
    sim_stock_close(sim);
    sim_view_close(sim);
    if (sim_payments(sim))
        sim_payment_close(sim);
    sim_rules_free(sim);
    sim_rules_free_times(sim);
}

static void write_report(const struct sim *sim, struct buf *report)
{
    uint64_t first = sim->n_notes > SIM_TRACE_KEPT ? sim->n_notes - SIM_TRACE_KEPT : 0;

    for (uint64_t i = first; i < sim->n_notes; i++)
        sim_write_note(sim, &sim->notes[i % SIM_TRACE_KEPT], report);
    buf_printf(report, "seed %llu, step %llu, rule \"%s\" is broken: %.*s\n", (unsigned long long)sim->options.seed,
               (unsigned long long)sim->step, sim->rule, STR_ARG(buf_str(&sim->why)));
    if (sim->options.plant)
        buf_printf(report, "planted: %s: %s\n", sim_plant_name(sim->options.plant),
                   sim_plant_sentence(sim->options.plant));
}

void sim_play(const struct sim_options *options, struct sim_result *result)
{
    struct sim *sim = heap_alloc(sizeof(*sim));

    ASSERT(sim);
    log_init("sim", LOG_ERROR, LOG_HUMAN); /* that something is done later isn't news here */
    sim->options = *options;
    sim->random.state = options->seed;
    sim->now = sim->began = epoch;
    arena_init(&sim->arena, 64 * (size_t)1024);
    sim_choose_shape(sim);
    sim_rules_begin(sim);
    open_shop(sim);
    live(sim);
    *result = (struct sim_result){
        .broken = sim->broken, .steps = sim->step, .hash = sim->hash, .simulated = sim->now - sim->began};
    memcpy(result->met, sim->met, sizeof(sim->met));
    if (sim->broken)
        write_report(sim, &result->report);
    close_shop(sim);
    heap_free(sim->timers);
    buf_free(&sim->why);
    arena_free(&sim->arena);
    heap_free(sim);
}
