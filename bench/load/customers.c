#include "customers.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"

/* An open loop sends what has become due at most so often: waking for each order would cost more than ordering. */
enum { PACE_STEP_US = 300 };

static void rest(struct customers *customers, struct customer *customer)
{
    size_t n = (size_t)customers->plan.connections;

    customers->idle[(customers->first_idle + customers->n_idle++) % n] = customer;
}

static struct customer *next_idle(struct customers *customers)
{
    struct customer *customer = customers->idle[customers->first_idle];

    customers->first_idle = (customers->first_idle + 1) % (size_t)customers->plan.connections;
    customers->n_idle--;
    return customer;
}

bool customers_open(struct customers *customers, int epoll)
{
    size_t n = (size_t)customers->plan.connections;

    customers->customer = heap_alloc(n * sizeof(*customers->customer));
    customers->idle = heap_alloc(n * sizeof(struct customer *));
    if (!customers->customer || !customers->idle)
        return false;
    for (size_t i = 0; i < n; i++)
        customers->customer[i] = (struct customer){.connection.fd = -1};
    for (size_t i = 0; i < n; i++) {
        struct customer *customer = &customers->customer[i];
        if (!connection_open(&customer->connection, CONNECTION_CUSTOMER, customers->plan.address, epoll))
            return false;
        rest(customers, customer);
    }
    customers->began = clock_monotonic();
    return true;
}

void customers_close(struct customers *customers)
{
    for (int64_t i = 0; customers->customer && i < customers->plan.connections; i++)
        connection_close(&customers->customer[i].connection);
    heap_free(customers->customer);
    heap_free(customers->idle);
}

static bool want_more(const struct customers *customers, int64_t now)
{
    const struct customers_plan *plan = &customers->plan;

    return plan->orders > 0 ? customers->started < plan->orders : now < plan->until;
}

static bool window_is_full(const struct customers *customers)
{
    const struct customers_plan *plan = &customers->plan;

    if (plan->window == 0)
        return false;
    /* with every order watched, those still being answered count too */
    int64_t waiting = plan->sample == 1 ? plan->connections - (int64_t)customers->n_idle : 0;
    return (int64_t)customers->watch->n * plan->sample + waiting >= plan->window;
}

static int64_t due(const struct customers *customers, int64_t now)
{
    int64_t rate = customers->plan.rate;

    return rate ? customers->began + customers->started * US_PER_S / rate : now;
}

int64_t customers_order(struct customers *customers, int64_t now)
{
    while (customers->n_idle > 0 && want_more(customers, now) && !window_is_full(customers)) {
        int64_t wanted = due(customers, now);
        if (wanted > now)
            return wanted > now + PACE_STEP_US ? wanted : now + PACE_STEP_US;
        struct customer *customer = next_idle(customers);
        customer->wanted = wanted;
        customers->started++;
        if (!connection_send(&customer->connection, customers->request))
            return -1;
    }
    return TIME_NEVER;
}

/* The answer begins with the order's id: {"id":17,… */
static int64_t id_of(struct str body)
{
    static const char mark[] = "\"id\":";
    const char *found = memmem(body.p, body.n, mark, sizeof(mark) - 1);
    int64_t id = 0;

    if (!found)
        return 0;
    for (const char *at = found + sizeof(mark) - 1; at < body.p + body.n && *at >= '0' && *at <= '9'; at++)
        id = id * 10 + (*at - '0');
    return id;
}

static void take(struct customers *customers, struct customer *customer, const struct answer *answer)
{
    int64_t sample = customers->plan.sample;

    customers->accepted++;
    if (!customers->watch->address)
        return;
    customer->last_order = id_of(answer->body);
    customer->last_wanted = customer->wanted;
    if (sample > 0 && customers->accepted % sample == 0)
        watch_add(customers->watch, customer->last_order, customer->wanted, true);
}

bool customers_receive(struct customers *customers, struct connection *connection, int64_t now)
{
    struct customer *customer = CONTAINER_OF(connection, struct customer, connection);
    struct answer answer;
    enum connection_progress progress = connection_receive(connection, &answer);

    if (progress != CONNECTION_ANSWERED)
        return progress == CONNECTION_WAITS;
    latencies_add(&customers->answered, now - customer->wanted);
    if (answer.status == 201)
        take(customers, customer, &answer);
    else
        customers->refused++;
    rest(customers, customer);
    return true;
}

bool customers_are_done(const struct customers *customers, int64_t now)
{
    return !want_more(customers, now) && (int64_t)customers->n_idle == customers->plan.connections;
}

void customers_watch_last(struct customers *customers)
{
    for (int64_t i = 0; i < customers->plan.connections; i++) {
        const struct customer *customer = &customers->customer[i];
        if (customer->last_order > 0)
            watch_add(customers->watch, customer->last_order, customer->last_wanted, false);
    }
}
