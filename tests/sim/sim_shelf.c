/* sim_shelf.c: the keeper looks at the shelf, walks to the desk and writes down what is wrong, while others take from
 * it. */
#include "sim_shelf.h"

#include "sim_customers.h"
#include "sim_rules.h"

static const struct str count_prefix = STR_INIT("count ");

enum { MOST_TRIES = 6, KEPT_AGAIN_WITH = 5 };

/* One count: by setting what there is, if nobody has touched the row since it was read (If-Match), or by the
 * difference, with a key. */
struct count {
    struct sim_timer timer;
    struct sim *sim;
    int64_t number;
    size_t item;
    bool by_difference;
    bool looked;        /* at the shelf; from then on it is the same request */
    int64_t difference; /* seen */
    struct stock_intent intent;
    struct stock_edition seen;
    int tries;
};

struct count_request {
    struct sim_stock_request request;
    struct count *count;
};

bool sim_shelf_read_count(struct str reason, int64_t *number, int64_t *difference)
{
    struct str rest;

    if (!str_starts_with(reason, count_prefix))
        return false;
    struct str first = str_split((struct str){reason.p + count_prefix.n, reason.n - count_prefix.n}, ':', &rest);
    return str_to_i64(first, number) && str_to_i64(rest, difference);
}

/* Whether the refusal can be the truth of the row that was named by its id. */
static bool is_true(const struct sim_stock_picture *stock, const struct stock_intent *intent,
                    enum stock_refusal refusal)
{
    const struct sim_shelf *shelf = intent->id ? &stock->shelves[intent->id - 1] : NULL;

    switch (refusal) {
    case STOCK_REFUSAL_NOT_KEPT:
        return intent->kind != STOCK_ADD && (!shelf || !shelf->kept);
    case STOCK_REFUSAL_KEPT_ALREADY:
        return intent->kind == STOCK_ADD;
    case STOCK_REFUSAL_CHANGED:
        return shelf && intent->expected.given && shelf->version != intent->expected.one_of->version;
    case STOCK_REFUSAL_TOO_LITTLE:
        return intent->kind == STOCK_ADJUST && intent->change < 0;
    default:
        return false;
    }
}

void sim_shelf_check_answer(struct sim *sim, const struct stock_intent *intent, const struct stock_step *step)
{
    const struct sim_stock_picture *stock = &sim->rules->stock;
    int64_t number, difference;

    sim_rules_look_at_stock(sim);
    bool is_count = sim_shelf_read_count(intent->reason, &number, &difference);
    bool fine = step->verdict == STOCK_DECIDED;
    if (step->verdict == STOCK_REPEAT)
        fine = is_count ? difference == 0 : intent->kind == STOCK_CORRECT;
    else if (step->verdict == STOCK_REFUSED)
        fine = is_true(stock, intent, step->refusal);
    else if (fine && is_count)
        fine = stock->counts >> number & 1;
    if (!fine)
        sim_break(sim, "what somebody is told is so", "the keeper hears %d, %s of row %lld (%s)", (int)step->verdict,
                  stock_refusal_text(step->refusal), (long long)intent->id, stock_command_name(intent->kind));
}

static void looks(struct count *count)
{
    const struct sim_stock_picture *stock = &count->sim->rules->stock;
    int64_t id = stock->kept[count->item], there = stock->on_hand[count->item];

    count->looked = id != 0;
    if (!id)
        return;
    count->difference = sim_between(&count->sim->random, there > 10 ? -10 : -there, 10);
    count->seen = (struct stock_edition){.version = stock->shelves[id - 1].version};
    count->intent = (struct stock_intent){
        .kind = count->by_difference ? STOCK_ADJUST : STOCK_CORRECT,
        .id = id,
        .reason = sim_text(count->sim, "count %lld:%lld", (long long)count->number, (long long)count->difference)};
    if (count->by_difference && sim_has_plant(count->sim, PLANT_DIFFERENCE_IS_COUNT))
        count->intent.kind = STOCK_CORRECT;
    if (count->by_difference)
        count->intent.change = count->difference;
    else
        count->intent.expected = (struct stock_expectation){true, &count->seen, 1};
    count->intent.qty = there + count->difference;
}

static void heard(struct sim_stock_request *request, int rc, const struct stock_step *step)
{
    struct count *count = CONTAINER_OF(request, struct count_request, request)->count;
    struct sim *sim = count->sim;
    bool overtaken = !rc && step->verdict == STOCK_REFUSED && !count->by_difference;
    if (!rc)
        sim_shelf_check_answer(sim, &request->intent, step);
    bool unknown = rc && count->by_difference; /* a count that was set may be taken: looking again would count twice */
    bool impatient = !rc && count->by_difference && sim_chance(&sim->random, 200);

    sim_note(sim, SIM_WORLD, "hears of the count", count->number, rc, rc ? -1 : (int64_t)step->verdict);
    if (overtaken && sim->rules->stock.kept[count->item] == count->intent.id)
        sim_meet(sim, MET_COUNT_OVERTAKEN);
    if (unknown)
        sim_meet(sim, MET_COUNT_REPEATED);
    if (!(overtaken || unknown || impatient) || ++count->tries == MOST_TRIES)
        return;
    count->looked &= !overtaken;
    sim_set_timer_within(sim, &count->timer, 0, 2 * US_PER_S);
}

static void counts(struct sim_timer *timer)
{
    struct count *count = CONTAINER_OF(timer, struct count, timer);
    struct sim *sim = count->sim;

    if (sim->calm)
        return;
    if (!count->looked) {
        looks(count);
        sim_set_timer_within(sim, timer, 0, US_PER_S);
        return;
    }
    struct count_request *request = sim_request_new(sim, sizeof(*request));
    request->count = count;
    request->request.intent = count->intent;
    request->request.done = heard;
    if (count->by_difference)
        request->request.key = sim_text(sim, "PATCH /stocks %lld", (long long)count->number);
    sim_note(sim, SIM_WORLD, "counts", count->number, count->intent.qty, count->difference);
    sim_stock_ask(&request->request);
}

/* ---- sold out, and back ---- */

struct removal {
    struct sim_timer timer;
    struct sim *sim;
    size_t item;
    bool gone; /* it is asked to be removed: the next thing is to keep it again */
};

struct removal_request {
    struct sim_stock_request request;
    struct removal *removal;
};

static void removed(struct sim_stock_request *request, int rc, const struct stock_step *step)
{
    struct removal *removal = CONTAINER_OF(request, struct removal_request, request)->removal;

    sim_note(removal->sim, SIM_WORLD, "hears of the row", (int64_t)removal->item, rc, rc ? -1 : (int64_t)step->verdict);
    if (!rc)
        sim_shelf_check_answer(removal->sim, &request->intent, step);
    if (removal->gone && !rc && step->verdict == STOCK_DECIDED && request->intent.kind == STOCK_ADD)
        sim_meet(removal->sim, MET_KEPT_AGAIN);
}

static void removes_or_keeps(struct sim_timer *timer)
{
    struct removal *removal = CONTAINER_OF(timer, struct removal, timer);
    struct sim *sim = removal->sim;
    int64_t id = sim->rules->stock.kept[removal->item];

    if (sim->calm || (!removal->gone && !id))
        return;
    struct removal_request *request = sim_request_new(sim, sizeof(*request));
    request->removal = removal;
    request->request.done = removed;
    request->request.intent = (struct stock_intent){.kind = STOCK_REMOVE, .id = id};
    if (removal->gone)
        request->request.intent =
            (struct stock_intent){.kind = STOCK_ADD, .product_name = sim_items[removal->item], .qty = KEPT_AGAIN_WITH};
    else
        sim_set_timer_within(sim, timer, 0, 10 * US_PER_S);
    sim_note(sim, SIM_WORLD, removal->gone ? "keeps a row again" : "removes a row", (int64_t)removal->item, id, 0);
    removal->gone = true;
    sim_stock_ask(&request->request);
}

void sim_shelf_is_looked_after(struct sim *sim)
{
    for (int64_t i = 0; i < sim->shape.n_counts; i++) {
        struct count *count = SIM_NEW(sim, struct count);
        *count = (struct count){.timer = {.fire = counts},
                                .sim = sim,
                                .number = i,
                                .item = (size_t)sim_between(&sim->random, 0, SIM_ITEMS - 1),
                                .by_difference = sim_chance(&sim->random, 500)};
        sim_set_timer_within(sim, &count->timer, US_PER_S, sim->shape.busy_for);
    }
    for (int64_t i = 0; i < sim->shape.n_removals; i++) {
        struct removal *removal = SIM_NEW(sim, struct removal);
        *removal = (struct removal){.timer = {.fire = removes_or_keeps},
                                    .sim = sim,
                                    .item = (size_t)sim_between(&sim->random, 0, SIM_ITEMS - 1)};
        sim_set_timer_within(sim, &removal->timer, US_PER_S, sim->shape.busy_for);
    }
}
