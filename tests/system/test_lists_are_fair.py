"""Lists take turns: who asks for many dear ones waits for themselves, and others get theirs."""
import select
import socket

import pytest

from checksums import changed
from shop import Shop

ROWS = 200_000
DEAR = "/orders?sort=productName,desc&sort=qty&page=150&size=1000"


@pytest.fixture(scope="module")
def big_shop(tmp_path_factory):
    """An order service with so many orders that sorting them takes a while."""
    shop = Shop(tmp_path_factory.mktemp("big"), {"query_ms": 30_000, "http.request_ms": 60_000})
    try:
        shop.start("order").stop("order")
        with changed(shop.data["order"] / "order.db") as store:
            store.execute(f"""WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {ROWS})
                INSERT INTO orders (id, state, product_name, qty, amount, currency, ticket_version, version, created_at, updated_at)
                SELECT id, 1, 'Tea ' || (id * 7919 % 1000), id % 10 + 1, 4000, 'KRW', 0, 1, id, id FROM n""")
            store.execute(f"UPDATE tally SET n = {ROWS} WHERE name = 'orders'")
        yield shop.start("order")
    finally:
        shop.close()


def ask(shop, path, address):
    connection = socket.create_connection(("127.0.0.1", shop.ports["order"]), timeout=60)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\nConnection: close\r\n\r\n".encode())
    return connection


def status_of(connection):
    text = b""
    while piece := connection.recv(1 << 20):
        text += piece
    connection.close()
    return int(text.split(b" ")[1])


@pytest.fixture
def flood(big_shop):
    """One address has asked for more sorted pages than may wait, and the first has been turned away."""
    connections = [ask(big_shop, DEAR, "198.51.100.7") for _ in range(100)]
    refused, _, _ = select.select(connections, [], [], 60)
    assert refused
    yield connections
    for each in connections:
        each.close()


def test_others_get_their_first_pages_while_one_address_asks_for_sorted_ones(big_shop, flood):
    told = [status_of(ask(big_shop, path, f"192.0.2.{n}")) for n in range(20) for path in ("/orders", "/orders?sort=id,desc&size=50")]
    assert told == [200] * 40


def test_another_address_gets_its_sorted_page_too(big_shop, flood):
    assert status_of(ask(big_shop, DEAR, "192.0.2.1")) == 200


def test_who_asks_for_too_many_is_told_to_come_back(big_shop, flood):
    told = [status_of(each) for each in flood]
    assert set(told) == {200, 503}
    assert told.count(200) < 20
