#include "sim_world.h"

#include "alloc.h"
#include "base.h"
#include "sim_memory.h"

#include <stdarg.h>
#include <stdio.h>

const struct str sim_items[SIM_ITEMS] = {STR_INIT("Americano"), STR_INIT("Latte"), STR_INIT("Caf\xc3\xa9 \"noir\"")};

void *sim_alloc(struct sim *sim, size_t size)
{
    uint64_t left = sim_memory_pause(sim);
    void *memory = arena_alloc(&sim->arena, size);

    sim_memory_resume(left);
    ASSERT(memory);
    return memory;
}

struct str sim_copy(struct sim *sim, struct str text)
{
    char *copy = sim_alloc(sim, text.n + 1);

    if (text.n)
        memcpy(copy, text.p, text.n);
    return (struct str){copy, text.n};
}

const char *sim_who_name(enum sim_who who)
{
    static const char *const names[] = {"order", "product", "stock", "customercenter", "payment", "world"};

    return names[who];
}

/* ---- time ---- */

static bool is_before(const struct sim_timer *a, const struct sim_timer *b)
{
    return a->at < b->at || (a->at == b->at && a->number < b->number);
}

static void sift_up(struct sim *sim, size_t i)
{
    struct sim_timer *timer = sim->timers[i];

    while (i > 0 && is_before(timer, sim->timers[(i - 1) / 2])) {
        sim->timers[i] = sim->timers[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    sim->timers[i] = timer;
}

static void sift_down(struct sim *sim, struct sim_timer *timer)
{
    size_t i = 0;

    for (size_t child = 1; child < sim->n_timers; child = 2 * i + 1) {
        if (child + 1 < sim->n_timers && is_before(sim->timers[child + 1], sim->timers[child]))
            child++;
        if (!is_before(sim->timers[child], timer))
            break;
        sim->timers[i] = sim->timers[child];
        i = child;
    }
    sim->timers[i] = timer;
}

static void grow_timers(struct sim *sim)
{
    uint64_t left = sim_memory_pause(sim);

    sim->timers_room = sim->timers_room ? sim->timers_room * 2 : 256;
    sim->timers = heap_resize(sim->timers, sim->timers_room * sizeof(struct sim_timer *));
    sim_memory_resume(left);
    ASSERT(sim->timers);
}

void sim_set_timer(struct sim *sim, struct sim_timer *timer, int64_t at)
{
    ASSERT(timer->fire);
    if (timer->set)
        return;
    timer->set = true;
    if (sim->n_timers == sim->timers_room) {
        grow_timers(sim);
    }
    timer->at = at > sim->now ? at : sim->now;
    timer->number = ++sim->n_timers_ever;
    sim->timers[sim->n_timers++] = timer;
    sift_up(sim, sim->n_timers - 1);
}

void sim_set_timer_within(struct sim *sim, struct sim_timer *timer, int64_t least, int64_t most)
{
    sim_set_timer(sim, timer, sim->now + sim_between(&sim->random, least, most));
}

static struct sim_timer *take_first(struct sim *sim)
{
    struct sim_timer *first = sim->timers[0];
    struct sim_timer *last = sim->timers[--sim->n_timers];

    if (sim->n_timers)
        sift_down(sim, last);
    first->set = false;
    return first;
}

void sim_go_on(struct sim *sim, int64_t until, void (*after)(struct sim *))
{
    while (!sim->broken && sim->n_timers && sim->timers[0]->at <= until) {
        struct sim_timer *timer = take_first(sim);
        sim->now = timer->at;
        if (++sim->step > SIM_MOST_STEPS)
            sim_break(sim, "time goes on", "there is no end to what happens at once");
        timer->fire(timer);
        after(sim);
    }
    if (!sim->broken)
        sim->now = until;
}

/* ---- what happened ---- */

static uint64_t mix(uint64_t hash, uint64_t number)
{
    hash = (hash ^ number) * 0x9E3779B97F4A7C15ULL;
    return hash ^ (hash >> 29);
}

void sim_write_note(const struct sim *sim, const struct sim_note *note, struct buf *out)
{
    buf_printf(out, "  %10.6f %-14s %-24s %lld %lld %lld\n", (double)(note->at - sim->began) / US_PER_S,
               sim_who_name(note->who), note->what, (long long)note->a, (long long)note->b, (long long)note->c);
}

static void say(struct sim *sim, const struct sim_note *note)
{
    uint64_t left = sim_memory_pause(sim);
    struct buf line = {0};

    sim_write_note(sim, note, &line);
    printf("%.*s", STR_ARG(buf_str(&line)));
    buf_free(&line);
    sim_memory_resume(left);
}

void sim_note(struct sim *sim, enum sim_who who, const char *what, int64_t a, int64_t b, int64_t c)
{
    struct sim_note *note = &sim->notes[sim->n_notes++ % SIM_TRACE_KEPT];

    *note = (struct sim_note){sim->now, who, what, a, b, c};
    if (sim->options.aloud)
        say(sim, note);
    uint64_t hash = mix(mix(sim->hash, (uint64_t)sim->now), (uint64_t)who);
    hash = mix(mix(hash, (uint64_t)a), (uint64_t)b);
    sim->hash = mix(mix(hash, (uint64_t)c), (uint64_t)(unsigned char)*what);
}

void sim_break(struct sim *sim, const char *rule, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    int n = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ASSERT(n >= 0);
    if (sim->broken || (sim->split && strncmp(rule, "data:", 5) != 0))
        return;
    sim->broken = true;
    sim->rule = rule;
    uint64_t left = sim_memory_pause(sim);
    buf_add(&sim->why, str_of(text));
    sim_memory_resume(left);
}
