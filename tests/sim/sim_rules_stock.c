/* sim_rules_stock.c: stock as it is committed: nothing gets lost, nothing comes from nowhere, and nothing is negative.
 */
#include "errors.h"
#include "event.h"
#include "outbox_kv.h"
#include "sim_rules.h"
#include "sse.h"
#include "stock_events.h"
#include "stock_records.h"

static size_t item_of(struct str name)
{
    size_t i = 0;

    while (i < SIM_ITEMS && !str_eq(sim_items[i], name))
        i++;
    return i;
}

/* "o17.2" or "t17.2". */
static bool read_id(struct str id, struct sim_reservation *out)
{
    struct str attempt;

    if (id.n < 2)
        return false;
    struct str number = str_split((struct str){id.p + 1, id.n - 1}, '.', &attempt);
    out->of_order = *id.p == 'o';
    return str_to_i64(number, &out->number) && str_to_i64(attempt, &out->attempt);
}

static int on_reservation(void *context, struct str key, struct str value)
{
    struct sim *sim = context;
    struct sim_stock_picture *stock = &sim->rules->stock;
    struct reservation reservation = {0};
    struct sim_reservation *out = &stock->reservations[stock->n];
    size_t skip = STOCK_RESERVATION_PREFIX.n;

    ASSERT(stock->n < SIM_MOST_RESERVATIONS);
    if (!stock_reservation_of_value(value, &reservation) || !read_id((struct str){key.p + skip, key.n - skip}, out)) {
        sim_break(sim, "what is stored can be read", "reservation %.*s", STR_ARG(key));
        return 1;
    }
    out->reduced = reservation.state == RESERVATION_REDUCED;
    out->qty = reservation.qty;
    stock->n++;
    if (!out->reduced)
        return 0;
    size_t item = item_of(reservation.product_name);
    if (item == SIM_ITEMS) {
        sim_break(sim, "2: what is reserved is of an item", "%.*s is of \"%.*s\"", STR_ARG(key),
                  STR_ARG(reservation.product_name));
        return 1;
    }
    stock->reserved[item] += reservation.qty;
    return 0;
}

static int on_row(void *context, struct str key, struct str value)
{
    struct sim *sim = context;
    struct stock row = {0};

    UNUSED(key);
    if (!stock_row_of_value(value, &row) || item_of(row.product_name) == SIM_ITEMS) {
        sim_break(sim, "what is stored can be read", "a row of stock");
        return 1;
    }
    sim->rules->stock.on_hand[item_of(row.product_name)] = row.on_hand;
    return 0;
}

static int on_event(void *context, const struct sse_event *sse)
{
    struct sim *sim = context;
    struct sim_stock_picture *stock = &sim->rules->stock;
    struct arena arena;
    struct event event;
    struct stock_event_data data;
    struct json_error error;
    uint64_t position = 0;

    if (!str_to_u64(sse->id, &position) || position <= stock->position)
        return 0;
    stock->position = position;
    arena_init(&arena, 4096);
    if (!event_decode(sse->data, &event, &stock_event_desc, &data, &arena, &error) ||
        item_of(data.product_name) == SIM_ITEMS)
        sim_break(sim, "events can be read", "stock's %llu", (unsigned long long)position);
    else if (str_is(event.type, "StockReceived") || str_is(event.type, "StockCorrected"))
        stock->came[item_of(data.product_name)] += data.qty;
    arena_free(&arena);
    return 0;
}

static void count_what_came(struct sim *sim)
{
    struct buf frames = {0};
    struct sse_parser parser;
    uint64_t oldest;

    int rc = outbox_kv_read(fake_kv_port(sim_stock_store(sim)), sim->rules->stock.position, SIZE_MAX, &frames, &oldest);
    ASSERT(!rc);
    sse_init(&parser, 1 << 16);
    sse_feed(&parser, frames.p, frames.n, on_event, sim);
    sse_free(&parser);
    buf_free(&frames);
}

void sim_rules_look_at_stock(struct sim *sim)
{
    struct sim_stock_picture *stock = &sim->rules->stock;
    struct kv *kv = fake_kv_port(sim_stock_store(sim));

    stock->n = 0;
    memset(stock->reserved, 0, sizeof(stock->reserved));
    int rc = kv->scan(kv, STOCK_RESERVATION_PREFIX, STR(""), SIZE_MAX, on_reservation, sim);
    if (!rc)
        rc = kv->scan(kv, STOCK_ITEM_PREFIX, STR(""), SIZE_MAX, on_row, sim);
    if (rc)
        return;
    count_what_came(sim);
    for (size_t i = 0; i < SIM_ITEMS; i++) {
        if (stock->on_hand[i] < 0)
            sim_break(sim, "2: stock never goes below zero", "%.*s: %lld", STR_ARG(sim_items[i]),
                      (long long)stock->on_hand[i]);
        if (stock->came[i] != stock->on_hand[i] + stock->reserved[i])
            sim_break(sim, "2: stock is deducted exactly once", "%.*s: %lld came, %lld are there, %lld are reserved",
                      STR_ARG(sim_items[i]), (long long)stock->came[i], (long long)stock->on_hand[i],
                      (long long)stock->reserved[i]);
    }
}
