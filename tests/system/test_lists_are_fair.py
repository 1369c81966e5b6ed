"""Lists take turns: who asks for many dear ones waits for themselves, and others get theirs."""
import select
import socket

import pytest

from checksums import changed
from shop import Shop, client

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
            store.execute(f"UPDATE tally SET n = {ROWS}, last_id = {ROWS} WHERE name = 'orders'")
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


@pytest.fixture(scope="module")
def full_shelves(tmp_path_factory):
    """A stock service that keeps 100,000 things."""
    shop = Shop(tmp_path_factory.mktemp("shelves"), {"query_ms": 60_000, "http.request_ms": 60_000}).start("stock")
    try:
        keep_many(shop.ports["stock"], 100_000)
        yield shop
    finally:
        shop.close()


def keep_many(port, n, connections=500):
    """All at once: each connection has its requests sent, and then its answers read, in any order."""
    def kept(i):
        body = b'{"productName":"Thing %d","qty":%d}' % (i, i * 7919 % 1000)
        return b"POST /stocks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    crowd = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(connections)]
    pending = {each: b"".join(kept(i) for i in range(k, n, connections)) for k, each in enumerate(crowd)}
    answered = 0
    while answered < n:
        readable, writable, _ = select.select(crowd, [each for each in crowd if pending[each]], [], 60)
        assert readable or writable
        for each in writable:
            each.setblocking(False)
            pending[each] = pending[each][each.send(pending[each]):]
        for each in readable:
            answered += each.recv(1 << 20).count(b"HTTP/1.1 201 ")
    for each in crowd:
        each.close()


@pytest.mark.parametrize("path", ["/livez", "/stocks/1", "/stocks/1/movements", "/stocks?size=5"])
def test_who_lists_all_that_is_in_stock_holds_up_nobody_else(full_shelves, path):
    def get(path, address):
        connection = socket.create_connection(("127.0.0.1", full_shelves.ports["stock"]), timeout=60)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\nConnection: close\r\n\r\n".encode())
        return connection

    dear = [get("/stocks?sort=productName,desc&sort=qty&page=90&size=1000", f"192.0.2.{n}") for n in range(20)]
    assert status_of(get(path, "198.51.100.7")) == 200
    answered, _, _ = select.select(dear, [], [], 0)
    assert len(answered) < 20
    assert [status_of(each) for each in dear] == [200] * 20


@pytest.mark.parametrize("order, key", [
    ("", lambda row: row["id"]), ("sort=id", lambda row: row["id"]), ("sort=id,desc", lambda row: -row["id"]),
    ("sort=qty", lambda row: (row["qty"], row["id"])), ("sort=productName,desc", None),
], ids=["none", "id", "id backwards", "quantity", "name backwards"])
def test_pages_of_what_is_in_stock_join_up(full_shelves, order, key):
    with client(full_shelves.url("stock"), timeout=60) as http:
        pages = [http.get(f"/stocks?size=1000&page={page}&{order}").json() for page in (0, 1, 2, 100, 101)]
        total = pages[0]["page"]["totalElements"]
        assert total >= 100_000 and {page["page"]["totalElements"] for page in pages} == {total}
        rows = [row for page in pages for row in page["_embedded"]["stocks"]]
        assert len(rows) == 3000 + max(0, total - 100_000) and len({row["id"] for row in rows}) == len(rows)
        if key:
            assert [key(row) for row in rows] == sorted(key(row) for row in rows)
        else:
            assert [row["productName"].lower() for row in rows] == sorted((row["productName"].lower() for row in rows), reverse=True)
