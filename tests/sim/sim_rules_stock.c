/* sim_rules_stock.c: stock as it is committed: nothing gets lost, nothing comes from nowhere, and nothing is negative.
 */
#include "errors.h"
#include "event.h"
#include "outbox_kv.h"
#include "sim_rules.h"
#include "sim_shelf.h"
#include "sse.h"
#include "stock_events.h"
#include "stock_records.h"

size_t sim_item_of(struct str name)
{
    size_t i = 0;

    while (i < SIM_ITEMS && !str_eq(sim_items[i], name))
        i++;
    return i;
}

/* NULL: there can't be such a row. */
static struct sim_shelf *shelf_of(struct sim *sim, int64_t id, struct str name)
{
    struct sim_stock_picture *stock = &sim->rules->stock;
    size_t item = sim_item_of(name);

    ASSERT(id <= SIM_MOST_SHELVES);
    if (id < 1 || item == SIM_ITEMS) {
        sim_break(sim, "what is stored can be read", "row %lld is of \"%.*s\"", (long long)id, STR_ARG(name));
        return NULL;
    }
    if ((size_t)id > stock->n_shelves)
        stock->n_shelves = (size_t)id;
    stock->shelves[id - 1].item = item;
    return &stock->shelves[id - 1];
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
    bool fine = stock_reservation_of_value(value, &reservation);
    reservation.id = (struct str){key.p + skip, key.n - skip};
    bool is_clients = str_starts_with(reservation.id, STR("client:"));
    if (!fine || (!is_clients && !read_id(reservation.id, out))) {
        sim_break(sim, "what is stored can be read", "reservation %.*s", STR_ARG(key));
        return 1;
    }
    out->reduced = reservation.state == RESERVATION_REDUCED;
    out->qty = reservation.qty;
    if (is_clients)
        sim_rules_take_client(sim, &reservation);
    else
        stock->n++;
    if (reservation.state != RESERVATION_REDUCED)
        return 0;
    struct sim_shelf *shelf = shelf_of(sim, reservation.stock_id, reservation.product_name);
    if (shelf)
        shelf->reserved += reservation.qty;
    return shelf == NULL;
}

static int on_row(void *context, struct str key, struct str value)
{
    struct sim *sim = context;
    struct stock row = {0};
    struct sim_shelf *shelf = NULL;

    if (stock_row_of_value(value, &row) && stock_number_of_key(key, STOCK_ITEM_PREFIX, &row.id))
        shelf = shelf_of(sim, row.id, row.product_name);
    if (!shelf) {
        sim_break(sim, "what is stored can be read", "a row of stock");
        return 1;
    }
    shelf->kept = row.state == STOCK_KEPT;
    shelf->gone |= row.state == STOCK_REMOVED;
    if (shelf->kept && shelf->gone)
        sim_break(sim, "a row that was removed stays so", "row %lld is kept again", (long long)row.id);
    shelf->on_hand = row.on_hand;
    shelf->version = row.version;
    if (!shelf->kept)
        return 0;
    if (sim->rules->stock.kept[shelf->item])
        sim_break(sim, "2: an item is one row", "%.*s is kept twice", STR_ARG(row.product_name));
    sim->rules->stock.kept[shelf->item] = row.id;
    sim->rules->stock.on_hand[shelf->item] = row.on_hand;
    return 0;
}

/* What the keeper saw missing, or too much, is what a count changes, whoever was quicker: no cup that isn't there. */
static void check_count(struct sim *sim, const struct stock_event_data *data)
{
    struct sim_stock_picture *stock = &sim->rules->stock;
    int64_t number, difference;

    if (!sim_shelf_read_count(data->reason, &number, &difference))
        return;
    if (data->qty != difference)
        sim_break(sim, "2: a count changes what was miscounted", "count %lld is of %lld, and moves %lld",
                  (long long)number, (long long)difference, (long long)data->qty);
    if (stock->counts >> number & 1)
        sim_break(sim, "a key has one answer", "count %lld is taken twice", (long long)number);
    stock->counts |= UINT64_C(1) << number;
}

static void take_movement(struct sim *sim, struct str type, const struct stock_event_data *data)
{
    struct sim_shelf *shelf = shelf_of(sim, data->id, data->product_name);

    if (!shelf)
        return;
    bool removed = str_is(type, "StockRemoved"), reduced = str_is(type, "StockReduced");
    int64_t qty = removed || reduced ? -data->qty : data->qty;
    shelf->moved += qty;
    if (data->on_hand != shelf->moved)
        sim_break(sim, "2: the sum of the movements is what is there",
                  "row %lld: %.*s leaves %lld, and the sum is %lld", (long long)data->id, STR_ARG(type),
                  (long long)data->on_hand, (long long)shelf->moved);
    if (str_is(type, "StockReceived") || str_is(type, "StockCorrected"))
        shelf->came += qty;
    else if (reduced && data->reservation_id.n == 0)
        shelf->taken -= qty;
    else if (!removed)
        shelf->out -= qty;
    if (str_is(type, "StockCorrected"))
        check_count(sim, data);
    if (removed && shelf->out)
        sim_meet(sim, MET_REMOVED_WHILE_RESERVED);
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
    if (!event_decode(sse->data, &event, &stock_event_desc, &data, &arena, &error))
        sim_break(sim, "events can be read", "stock's %llu", (unsigned long long)position);
    else
        take_movement(sim, event.type, &data);
    arena_free(&arena);
    return 0;
}

static void look_at_movements(struct sim *sim)
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

static void check_shelf(struct sim *sim, int64_t id, const struct sim_shelf *shelf)
{
    struct str name = sim_items[shelf->item];

    if (shelf->on_hand < 0)
        sim_break(sim, "2: stock never goes below zero", "%.*s: %lld", STR_ARG(name), (long long)shelf->on_hand);
    if (shelf->kept && shelf->came != shelf->on_hand + shelf->reserved + shelf->taken)
        sim_break(sim, "2: stock is deducted exactly once",
                  "%.*s: %lld came, %lld are there, %lld are reserved, %lld taken", STR_ARG(name),
                  (long long)shelf->came, (long long)shelf->on_hand, (long long)shelf->reserved,
                  (long long)shelf->taken);
    if (shelf->on_hand != shelf->moved || shelf->reserved > shelf->out)
        sim_break(sim, "2: the sum of the movements is what is there",
                  "row %lld: %lld are there, %lld are reserved; the movements are %lld and %lld", (long long)id,
                  (long long)shelf->on_hand, (long long)shelf->reserved, (long long)shelf->moved,
                  (long long)shelf->out);
    if (!shelf->kept && shelf->reserved < shelf->out)
        sim_meet(sim, MET_GIVEN_BACK_TO_REMOVED);
}

void sim_rules_look_at_stock(struct sim *sim)
{
    struct sim_stock_picture *stock = &sim->rules->stock;
    struct kv *kv = fake_kv_port(sim_stock_store(sim));

    stock->n = 0;
    memset(stock->kept, 0, sizeof(stock->kept));
    memset(stock->on_hand, 0, sizeof(stock->on_hand));
    for (size_t i = 0; i < stock->n_shelves; i++)
        stock->shelves[i].reserved = 0;
    int rc = kv->scan(kv, STOCK_RESERVATION_PREFIX, STR(""), SIZE_MAX, on_reservation, sim);
    if (!rc)
        rc = kv->scan(kv, STOCK_ITEM_PREFIX, STR(""), SIZE_MAX, on_row, sim);
    if (rc)
        return;
    look_at_movements(sim);
    for (size_t i = 0; i < stock->n_shelves; i++)
        check_shelf(sim, (int64_t)i + 1, &stock->shelves[i]);
}
