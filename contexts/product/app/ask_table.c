#include "ask_table.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "product_app.h"

#define PAUSE_FIRST INT64_C(100000)
#define PAUSE_MOST INT64_C(5000000)

int ask_table_init(struct ask_table *table, size_t capacity)
{
    *table = (struct ask_table){.capacity = capacity, .n_buckets = 16, .next_retry = INT64_MAX, .random = 1};
    while (table->n_buckets < capacity)
        table->n_buckets *= 2;
    table->asks = heap_alloc((capacity + 1) * sizeof(struct ask));
    table->bucket = heap_alloc(table->n_buckets * sizeof(uint32_t));
    if (!table->asks || !table->bucket) {
        ask_table_free(table);
        return E_MEMORY;
    }
    for (size_t i = 1; i < capacity; i++)
        table->asks[i].next = (uint32_t)(i + 1);
    table->free = capacity ? 1 : 0;
    return OK;
}

static void drop_name(struct ask *ask)
{
    heap_free(ask->name);
    ask->name = NULL;
    ask->ticket.product_name = (struct str){NULL, 0};
}

void ask_table_free(struct ask_table *table)
{
    for (size_t b = 0; table->asks && table->bucket && b < table->n_buckets; b++) {
        for (uint32_t i = table->bucket[b]; i; i = table->asks[i].next)
            drop_name(&table->asks[i]);
    }
    heap_free(table->asks);
    heap_free(table->bucket);
    *table = (struct ask_table){0};
}

static uint32_t *bucket_of(const struct ask_table *table, int64_t ticket_id)
{
    uint64_t hash = (uint64_t)ticket_id * 0x9E3779B97F4A7C15ULL;

    return &table->bucket[(hash >> 32) & (table->n_buckets - 1)];
}

struct ask *ask_table_find(const struct ask_table *table, int64_t ticket_id)
{
    for (uint32_t i = *bucket_of(table, ticket_id); i; i = table->asks[i].next) {
        if (table->asks[i].ticket.id == ticket_id)
            return &table->asks[i];
    }
    return NULL;
}

struct ask *ask_table_add(struct ask_table *table, const struct ticket *ticket)
{
    uint32_t index = table->free;
    char *name = index ? heap_alloc(ticket->product_name.n + 1) : NULL;

    if (!name)
        return NULL;
    struct ask *ask = &table->asks[index];
    table->free = ask->next;
    memcpy(name, ticket->product_name.p ? ticket->product_name.p : "", ticket->product_name.n);
    uint32_t *bucket = bucket_of(table, ticket->id);
    *ask = (struct ask){.ticket = *ticket, .name = name, .next = *bucket, .pause = PAUSE_FIRST, .retry_at = INT64_MAX};
    ask->ticket.product_name = (struct str){name, ticket->product_name.n};
    ask->ticket.correlation = ask->ticket.traceparent = (struct str){NULL, 0};
    *bucket = index;
    table->n++;
    return ask;
}

void ask_renew(struct ask *ask, const struct ticket *ticket)
{
    struct str name = ask->ticket.product_name;

    ASSERT(ask->ticket.id == ticket->id);
    ask->ticket = *ticket;
    ask->ticket.product_name = name; /* a ticket's name never changes */
    ask->ticket.correlation = ask->ticket.traceparent = (struct str){NULL, 0};
}

void ask_table_remove(struct ask_table *table, struct ask *ask)
{
    uint32_t index = (uint32_t)(ask - table->asks);
    uint32_t *link = bucket_of(table, ask->ticket.id);

    while (*link != index)
        link = &table->asks[*link].next;
    *link = ask->next;
    drop_name(ask);
    *ask = (struct ask){.next = table->free};
    table->free = index;
    table->n--;
}

static int64_t between_half_and_all(struct ask_table *table, int64_t pause)
{
    table->random ^= table->random << 13; /* xorshift64 (Marsaglia 2003) */
    table->random ^= table->random >> 7;
    table->random ^= table->random << 17;
    return pause / 2 + (int64_t)(table->random % (uint64_t)(pause / 2 + 1));
}

void ask_table_retry(struct ask_table *table, struct ask *ask, int64_t now)
{
    ask->in_flight = false;
    ask->retry_at = now + between_half_and_all(table, ask->pause);
    ask->pause = ask->pause * 2 < PAUSE_MOST ? ask->pause * 2 : PAUSE_MOST;
    if (ask->retry_at < table->next_retry)
        table->next_retry = ask->retry_at;
}

struct ask *ask_table_take_due(struct ask_table *table, int64_t now)
{
    int64_t earliest = INT64_MAX;

    if (now < table->next_retry)
        return NULL;
    for (size_t i = 1; i <= table->capacity; i++) {
        struct ask *ask = &table->asks[i];
        if (!ask->ticket.id || ask->in_flight)
            continue;
        if (ask->retry_at <= now) {
            ask->retry_at = INT64_MAX;
            return ask;
        }
        if (ask->retry_at < earliest)
            earliest = ask->retry_at;
    }
    table->next_retry = earliest;
    return NULL;
}

bool ask_table_holds_key(const struct ask_table *table, struct str key)
{
    for (size_t i = 1; i <= table->capacity; i++) {
        for (const struct product_command *command = table->asks[i].waiting; command; command = command->also) {
            if (str_eq(command->client.key, key))
                return true;
        }
    }
    return false;
}

void ask_table_finish_all(struct ask_table *table, int error)
{
    for (size_t i = 1; table->asks && i <= table->capacity; i++) {
        struct product_command *command = table->asks[i].waiting;
        table->asks[i].waiting = NULL;
        while (command) {
            struct product_command *also = command->also;
            command->base.finish(&command->base, error);
            command = also;
        }
    }
}
