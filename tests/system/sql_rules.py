"""The rules that must never break, as the tables of PostgreSQL have them: by SQL, and not by what the services say of themselves."""
from collections import Counter

from eventually import eventually

COMPLETED, OUT_OF_STOCK, CANCELED = 4, 2, 5  # of an order (order.h)
TICKET_AT_REST = {3: OUT_OF_STOCK, 5: COMPLETED, 6: CANCELED}  # (ticket.h)


def _orders(database):
    rows = database.sql('SELECT id, state, product_name, qty, amount, coalesce(product_id, 0), coalesce(payment_id, 0) FROM "order".orders')
    return {int(row[0]): (int(row[1]), row[2], *map(int, row[3:])) for row in rows}


def _tickets(database):
    rows = database.sql("SELECT id, order_id, state, product_name, qty FROM product.ticket WHERE order_id IS NOT NULL")
    return {int(row[1]): (int(row[0]), int(row[2]), row[3], int(row[4])) for row in rows}


def _is_at_rest(database):
    waiting = database.number('SELECT count(*) FROM "order".orders WHERE state NOT IN (2, 4, 5)')
    waiting += database.number("SELECT count(*) FROM product.ticket WHERE state NOT IN (3, 5, 6, 7)")
    waiting += database.number("SELECT count(*) FROM payment.payment WHERE state IN (3, 5)")
    return waiting == 0


HEARS = {"order": ("product", "payment"), "product": ("order", "stock"), "payment": ("order",),
         "customercenter": ("order", "product", "stock", "payment")}


def wait_until_nothing_moves(shop, database):
    """Each service has committed all that it was told: none is in the middle of anything. Of a shop that is paid, by feeds."""
    def newest(producer):
        return shop.events("stock")[-1][0] if producer == "stock" else database.number(f'SELECT max(first + count - 1) FROM "{producer}".outbox')

    def has_heard(consumer, producer):
        return database.number(f"SELECT position FROM \"{consumer}\".cursor WHERE source = '{producer}'") >= newest(producer)

    eventually(lambda: all(has_heard(consumer, producer) for consumer, producers in HEARS.items() for producer in producers), every=0.1,
               what="all have heard all")


def check_tables(database, acknowledged, given_back=(), within=60):
    """Asserts the rules at rest. `given_back`: orders whose money an operator gave back though they were made."""
    eventually(lambda: _is_at_rest(database), within=within, every=0.2, what="the tables are at rest")
    orders, tickets = _orders(database), _tickets(database)
    assert set(acknowledged) <= set(orders), "an acknowledged order isn't in the table"
    assert database.number("SELECT count(*) - count(DISTINCT order_id) FROM product.ticket WHERE order_id IS NOT NULL") == 0
    assert set(tickets) == set(orders), "each order has a ticket, and there is none of another one"
    for number, (state, name, qty, _, ticket, _) in orders.items():
        assert (ticket, state, name, qty) == (tickets[number][0], TICKET_AT_REST[tickets[number][1]], *tickets[number][2:]), number
    eventually(lambda: _money_adds_up(database, orders, given_back), within=within, every=0.2, what="the ledger adds up to the orders")
    for schema in ('"order"', "product", "payment"):
        _events_have_no_gap(database, schema)


def _money_adds_up(database, orders, given_back):
    """Rule 7: paid exactly once, and what was cancelled is given back exactly once."""
    booked = Counter(tuple(map(int, row)) for row in database.sql("SELECT payment_id, order_id, amount FROM payment.ledger"))
    expected = Counter()
    for number, (state, _, _, amount, _, payment) in orders.items():
        expected[payment, number, amount] += 1
        if state == CANCELED or number in given_back:
            expected[payment, number, -amount] += 1
    assert booked == expected
    return True


def _events_have_no_gap(database, schema):
    """Each batch begins behind the one before it in its cell (cell.h, CELL_ROWS)."""
    batches = [(int(first), int(count)) for first, count in database.sql(f"SELECT first, count FROM {schema}.outbox ORDER BY first")]
    for (first, count), (following, _) in zip(batches, batches[1:]):
        assert first >> 53 != following >> 53 or first + count == following, f"{schema}: {first}+{count} is followed by {following}"
