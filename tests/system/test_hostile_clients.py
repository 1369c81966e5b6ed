"""Clients that smuggle, dawdle or go away: refused or let go, and nobody else notices. At a service, and at the gateway."""
import json
import socket
import threading

import pytest

from raw import ask, receive_to_the_end, seconds_until_closed, statuses
from shop import Shop

ORDER = b'{"productName":"Tea","qty":1}'

SMUGGLED = {
    "length and transfer-encoding": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4\r\n"
                                    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /orders HTTP/1.1\r\nHost: x\r\n\r\n",
    "transfer-encoding and length": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
                                    b"Content-Length: 4\r\n\r\n0\r\n\r\nGET /orders HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 0\r\nContent-Length: 39\r\n\r\n"
                   b"GET /orders HTTP/1.1\r\nHost: x\r\n\r\n",
    "a list of lengths": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 0, 39\r\n\r\n",
    "a length with a sign": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: +29\r\n\r\n" + ORDER,
    "a negative length": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n" + ORDER,
    "a length in hex": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 0x1d\r\n\r\n" + ORDER,
    "an endless length": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                         b"Content-Length: 99999999999999999999999\r\n\r\n" + ORDER,
    "two transfer-encodings": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
                              b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "an unknown transfer-encoding": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: gzip, chunked\r\n"
                                    b"\r\n0\r\n\r\n",
    "a disguised transfer-encoding": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: xchunked\r\n"
                                     b"\r\n0\r\n\r\n",
    "white space before the colon": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length : 29\r\n\r\n" + ORDER,
    "no host": b"GET /orders HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /orders HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a chunk that is none": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
}


@pytest.fixture(scope="module")
def strict_shop(tmp_path_factory):
    """A shop and its gateway that give a request three seconds to arrive."""
    shop = Shop(tmp_path_factory.mktemp("strict"), {"http.request_ms": 3000, "http.idle_ms": 3000})
    try:
        yield shop.start("order", "product", "stock", "customercenter", "gateway")
    finally:
        shop.close()


def both(test):
    return pytest.mark.parametrize("door", ["order", "gateway"])(test)


@both
@pytest.mark.parametrize("request_bytes", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_a_request_with_two_readings_is_refused_and_the_connection_closed(strict_shop, door, request_bytes):
    """Who asks a service directly may hear libmicrohttpd's own plain answer (see http_server.h); it is one, and the last."""
    before = strict_shop["order"].get("/orders").json()["page"]["totalElements"]
    with socket.create_connection(("127.0.0.1", strict_shop.ports[door]), timeout=5) as connection:
        connection.sendall(request_bytes)
        told = statuses(receive_to_the_end(connection))
    assert len(told) == 1 and told[0] in (400, 413, 501), told
    assert strict_shop["order"].get("/orders").json()["page"]["totalElements"] == before


@pytest.mark.parametrize("door, statuses_told", [("order", [400]), ("gateway", [200, 200])])
def test_a_bare_line_feed_smuggles_nothing(strict_shop, door, statuses_told):
    """A service takes no line that ends so. To nginx it is the end of a line, and it writes the lines for the service itself: the second
    request is one of its own, judged as such."""
    second = b"GET /stocks HTTP/1.1\nHost: x\n\n"
    told = ask(strict_shop.ports[door], b"GET /orders HTTP/1.1\nHost: x\n\n" + second)
    assert statuses(told) == statuses_told
    assert (b'"stocks"' in told) == (door == "gateway")
    inner = ask(strict_shop.ports[door], b"GET /orders HTTP/1.1\nHost: x\n\n" + second.replace(b"/stocks", b"/metrics"))
    assert statuses(inner) == ([400] if door == "order" else [200, 404])


NO_REQUESTS = {
    "control characters": b"\0\1\2\3\r\n\r\n",
    "control characters and no end of a line": b"\0\1\2\3",
    "TLS": bytes.fromhex("16030100a5010000a10303") + bytes(range(64)),
    "remote desktop": bytes.fromhex("0300001312e00000000000010008000b000000"),
    "JSON": ORDER,
    "a path alone": b"/orders\r\n\r\n",
    "a method alone": b"GET\r\n\r\n",
    "a method with a NUL": b"GE\0T /orders HTTP/1.1\r\nHost: x\r\n\r\n",
    "letters without end": b"A" * 4000,
    "a bare line feed": b"\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "a bare carriage return": b"\rGET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "nothing but empty lines": b"\r\n" * 4000,
    "UTF-8": "주문".encode(),
}


@pytest.fixture(scope="module")
def patient_shop(tmp_path_factory):
    """Times that no test waits for: what is answered is answered at once."""
    shop = Shop(tmp_path_factory.mktemp("patient"), {"http.request_ms": 600_000, "http.idle_ms": 600_000})
    try:
        yield shop.start("order")
    finally:
        shop.close()


@pytest.mark.parametrize("said", NO_REQUESTS.values(), ids=NO_REQUESTS.keys())
def test_what_can_be_no_request_is_refused_at_once(patient_shop, said):
    with socket.create_connection(("127.0.0.1", patient_shop.ports["order"]), timeout=10) as connection:
        connection.sendall(said)
        told = receive_to_the_end(connection, within=10)
    assert statuses(told) == [400]
    head, _, body = told.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head and json.loads(body)["status"] == 400


def test_a_request_may_come_letter_by_letter_and_after_one_empty_line(patient_shop):
    with socket.create_connection(("127.0.0.1", patient_shop.ports["order"]), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for letter in b"\r\nGET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
            connection.sendall(bytes([letter]))
        assert statuses(receive_to_the_end(connection, within=10)) == [200]


def test_who_says_nothing_keeps_nobody_waiting(patient_shop):
    silent = [socket.create_connection(("127.0.0.1", patient_shop.ports["order"]), timeout=10) for _ in range(300)]
    try:
        assert patient_shop.order("Latte")["status"] == "Requested"
        for each in silent:
            each.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert [statuses(receive_to_the_end(each, within=10)) for each in silent] == [[200]] * 300
    finally:
        for each in silent:
            each.close()


@both
def test_an_honest_chunked_body_is_taken(strict_shop, door):
    request = (b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
               b"10\r\n" + ORDER[:16] + b"\r\n%x\r\n" % len(ORDER[16:]) + ORDER[16:] + b"\r\n0\r\n\r\n")
    assert statuses(ask(strict_shop.ports[door], request)) == [201]


def test_pipelined_requests_are_answered_in_turn(strict_shop):
    one = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    post = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ORDER) + ORDER
    assert statuses(ask(strict_shop.ports["order"], one + post + one)) == [200, 201, 200]


@both
def test_a_header_that_never_ends_is_refused(strict_shop, door):
    told = statuses(ask(strict_shop.ports[door], b"GET /orders HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 200_000 + b"\r\n\r\n"))
    assert told == [431]
    assert strict_shop[door].get("/orders").status_code == 200


@both
def test_a_path_that_never_ends_is_refused(strict_shop, door):
    told = statuses(ask(strict_shop.ports[door], b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert told == [414]
    assert strict_shop[door].get("/orders").status_code == 200


@pytest.mark.parametrize("path, status", [(b"/orders/../../etc/passwd", 400), (b"/..%2f..%2fetc/passwd", 400), (b"/orders/%2e%2e/%2e%2e/etc/passwd", 400), (b"//etc/passwd", 404)])
@both
def test_a_path_leads_nowhere_else(strict_shop, door, path, status):
    told = ask(strict_shop.ports[door], b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"root:" not in told
    assert statuses(told) == [status]


def test_a_client_that_sends_its_header_byte_by_byte_is_hung_up_on(strict_shop):
    with socket.create_connection(("127.0.0.1", strict_shop.ports["order"]), timeout=5) as connection:
        assert seconds_until_closed(connection, b"GET /orders HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 500) is not None


def test_a_client_that_sends_its_body_byte_by_byte_is_hung_up_on(strict_shop):
    head = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", strict_shop.ports["order"]), timeout=5) as connection:
        connection.sendall(head)
        assert seconds_until_closed(connection, b" " * 1000) is not None


def test_a_client_that_says_nothing_is_hung_up_on(strict_shop):
    with socket.create_connection(("127.0.0.1", strict_shop.ports["order"]), timeout=5) as connection:
        assert seconds_until_closed(connection) is not None


def test_many_slow_clients_keep_nobody_from_ordering(strict_shop):
    slow = [socket.create_connection(("127.0.0.1", strict_shop.ports["order"]), timeout=5) for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\n")
        assert strict_shop.order("Latte")["status"] == "Requested"
    finally:
        for connection in slow:
            connection.close()


def test_clients_that_leave_before_the_answer_are_no_harm(strict_shop):
    request = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ORDER) + ORDER

    def leave():
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", strict_shop.ports["order"]), timeout=5) as connection:
                connection.sendall(request)

    threads = [threading.Thread(target=leave) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert strict_shop.order("Latte")["status"] == "Requested"
    assert strict_shop.running["order"].is_running()


ENDING = {
    "a row": b"GET /orders/1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a list": b"GET /orders?size=100 HTTP/1.1\r\nHost: x\r\n\r\n",
    "what isn't there": b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
    "an order": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ORDER) + ORDER,
    "an order in chunks": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                          b"%x\r\n" % len(ORDER) + ORDER + b"\r\n0\r\n\r\n",
    "a body too large": b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n" + b" " * 100_000,
}
EXPECTED = {"a row": 200, "a list": 200, "what isn't there": 404, "an order": 201, "an order in chunks": 201, "a body too large": 413}


@both
@pytest.mark.parametrize("what", ENDING)
def test_a_client_that_ends_its_side_behind_its_request_gets_its_answer_and_the_end(strict_shop, door, what):
    """As `nc -N` does. Ten times, since the end may come before, with or after whatever is being done."""
    strict_shop.order("Latte")
    for pause in (True, False) * 5:
        with socket.create_connection(("127.0.0.1", strict_shop.ports[door]), timeout=5) as connection:
            connection.sendall(ENDING[what])
            if pause:  # somebody else's turn in between
                assert strict_shop[door].get("/livez").status_code == 200
            connection.shutdown(socket.SHUT_WR)
            assert statuses(receive_to_the_end(connection, within=2)) == [EXPECTED[what]]


def test_requests_sent_together_are_all_answered_though_their_client_has_ended_its_side(strict_shop):
    with socket.create_connection(("127.0.0.1", strict_shop.ports["order"]), timeout=5) as connection:
        connection.sendall(ENDING["an order"] + ENDING["a row"] + ENDING["an order"] + ENDING["what isn't there"] + ENDING["a list"])
        connection.shutdown(socket.SHUT_WR)
        assert statuses(receive_to_the_end(connection, within=2)) == [201, 200, 201, 404, 200]


def test_a_long_answer_arrives_whole_though_its_client_has_ended_its_side(strict_shop):
    for _ in range(120):
        strict_shop.order("Tea")
    with socket.create_connection(("127.0.0.1", strict_shop.ports["order"]), timeout=5) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(ENDING["a list"])
        connection.shutdown(socket.SHUT_WR)
        told = receive_to_the_end(connection, within=5)
    assert statuses(told) == [200] and len(json.loads(told.partition(b"\r\n\r\n")[2])["_embedded"]["orders"]) == 100


HEAD = b"Host: x\r\nConnection: close\r\n"
POST = b"POST /orders HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(ORDER) + HEAD
FILLING = {  # a request of n bytes more or less, for n around what a service has room for, and what it gets if it has
    "an order with a large header": (201, range(9100, 10_000), lambda n: POST + b"X-Large: " + b"a" * n + b"\r\n\r\n" + ORDER),
    "an order with a large cookie": (201, range(4500, 5000), lambda n: POST + b"Cookie: a=" + b"a" * n + b"\r\n\r\n" + ORDER),
    "an order with many cookies": (201, range(60, 200), lambda n: POST + b"Cookie: a=1" + b"; b=2" * n + b"\r\n\r\n" + ORDER),
    "an order with headers": (201, range(30, 160), lambda n: POST + b"A: b\r\n" * n + b"\r\n" + ORDER),
    "a row with a large header": (200, range(9400, 10_200), lambda n: b"GET /orders/1 HTTP/1.1\r\n" + HEAD + b"X-Large: " + b"a" * n + b"\r\n\r\n"),
    "a path": (404, range(9300, 10_400), lambda n: b"GET /orders/" + b"1" * n + b" HTTP/1.1\r\n" + HEAD + b"\r\n"),
    "a query": (200, range(9300, 10_400), lambda n: b"GET /orders?unknown=" + b"1" * n + b" HTTP/1.1\r\n" + HEAD + b"\r\n"),
    "parameters": (200, range(100, 400), lambda n: b"GET /orders?" + b"a=1&" * n + b" HTTP/1.1\r\n" + HEAD + b"\r\n"),
}


@pytest.mark.parametrize("what", FILLING)
def test_a_head_is_taken_and_answered_or_refused_and_not_carried_out_whatever_its_size(strict_shop, what):
    """Byte by byte around the limit: nowhere is a connection closed without a word, or an order taken of which nobody is told."""
    expected, sizes, make = FILLING[what]
    strict_shop.order("Latte")
    before = strict_shop["order"].get("/orders").json()["page"]["totalElements"]
    told = []
    for n in sizes:
        with socket.create_connection(("127.0.0.1", strict_shop.ports["order"]), timeout=5) as connection:
            connection.sendall(make(n))
            told += statuses(receive_to_the_end(connection, within=2))
    assert len(told) == len(sizes) and set(told) <= {expected, 414, 431}
    assert told[0] == expected and told[-1] != expected
    taken = strict_shop["order"].get("/orders").json()["page"]["totalElements"] - before
    assert taken == (told.count(201) if expected == 201 else 0)


def test_requests_sent_all_at_once_are_all_answered(strict_shop):
    many = 400
    with socket.create_connection(("127.0.0.1", strict_shop.ports["order"]), timeout=5) as connection:
        connection.sendall(b"GET /orders/1 HTTP/1.1\r\nHost: x\r\n\r\n" * many)
        connection.shutdown(socket.SHUT_WR)
        assert statuses(receive_to_the_end(connection, within=5)) == [200] * many


@both
@pytest.mark.parametrize("what, status", [
    (b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n", 413),
    (b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"GET /orders HTTP/1.1\r\nHost: x\r\nX-Long: ", 431),
    (b"GET /", 414),
], ids=["length", "two lengths", "chunk", "header", "path"])
def test_who_is_refused_in_the_middle_of_its_request_reads_why(strict_shop, door, what, status):
    """What it still sends must not be answered with a reset, which takes the answer away."""
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", strict_shop.ports[door]), timeout=5) as connection:
            connection.sendall(what)
            for _ in range(150):
                connection.sendall(b"a" * 20_000)
            assert statuses(receive_to_the_end(connection, within=5)) == [status]


@pytest.mark.parametrize("door, path", [("order", "/events"), ("customercenter", "/mypages/stream"), ("gateway", "/mypages/stream")])
def test_a_follower_that_ends_its_side_has_gone(strict_shop, door, path):
    for pause in (True, False) * 5:
        with socket.create_connection(("127.0.0.1", strict_shop.ports[door]), timeout=5) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            if pause:
                assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
            connection.shutdown(socket.SHUT_WR)
            receive_to_the_end(connection, within=2)
