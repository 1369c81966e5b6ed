"""More clients than there is room for: who is too many is told so, those who are in go on, and it is said once in the log."""
import resource
import socket

import pytest

from eventually import eventually
from raw import receive
from shop import client, flags, run_program

PROBLEM = b"application/problem+json"


def under(hard, soft=None):
    """Options of a process that may have at most `hard` open files."""
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft or hard, hard))}


def connect(shop, service):
    return socket.create_connection(("127.0.0.1", shop.ports[service]), timeout=20)


def ask(connection, path="/livez"):
    """The status of one answer on a connection that stays open."""
    try:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused before it said anything
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(4096)
        assert piece, f"no answer, only {head}"
        head += piece
    status = int(head.split(b" ")[1])
    assert status == 200 or (PROBLEM in head and b"Retry-After" in head), head
    return status


def close(connections):
    for each in connections:
        each.close()


def lines(shop, service, text):
    return [line for line in shop.running[service].output().splitlines() if text in line]


def test_a_connection_too_many_is_refused_and_the_others_go_on(open_shop):
    shop = open_shop({"http.max_connections": 50}).start("order")
    shop["order"].close()
    shop.clients.clear()
    crowd = [connect(shop, "order") for _ in range(120)]
    told = [ask(each) for each in crowd]
    assert set(told) == {200, 503}
    assert 45 <= told.count(200) <= 50
    inside = [each for each, status in zip(crowd, told) if status == 200]
    assert [ask(each) for each in inside] == [200] * len(inside)
    assert len(lines(shop, "order", "connections are refused")) == 1
    close(crowd)
    assert shop.order()["status"] == "Requested"
    counted = shop["order"].get("/metrics").text
    assert f"coffeeshop_http_connections_refused_total {told.count(503)}\n" in counted


def test_who_is_refused_reads_why_even_when_it_has_sent_much(open_shop):
    shop = open_shop({"http.max_connections": 1}).start("order")
    shop["order"].close()
    shop.clients.clear()
    with connect(shop, "order") as first:
        assert ask(first) == 200
        for _ in range(40):
            with connect(shop, "order") as late:
                late.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n" + b" " * 20000)
                assert receive(late, 10).startswith(b"HTTP/1.1 503 ")


def test_a_soft_limit_is_raised_and_a_hard_one_is_kept_to_and_said(open_shop):
    shop = open_shop().start("customercenter", **under(1024, soft=128))
    assert len(lines(shop, "customercenter", "fewer connections than http.max_connections")) == 1
    shop["customercenter"].close()
    shop.clients.clear()
    crowd = [connect(shop, "customercenter") for _ in range(1300)]
    try:
        told = [ask(each, "/mypages/stream") for each in crowd]
        assert set(told) == {200, 503}
        assert told.count(200) > 600
        # Those who only listen leave room for those who ask.
        assert shop["customercenter"].get("/mypages").status_code == 200
        assert shop["customercenter"].get("/livez").status_code == 200
        assert len(lines(shop, "customercenter", "are refused")) == 1
    finally:
        close(crowd)


def test_without_a_descriptor_left_a_client_is_still_answered(open_shop):
    shop = open_shop().start("order")
    shop["order"].close()
    shop.clients.clear()
    pid = shop.running["order"].pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with connect(shop, "order") as witness:
        assert ask(witness) == 200
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (60, hard))
        crowd = [connect(shop, "order") for _ in range(100)]
        told = [ask(each) for each in crowd]
        assert told[-1] == 503 and told[0] == 200
        assert ask(witness) == 200
        assert ask(witness, "/orders") == 200
        assert len(lines(shop, "order", "connections are refused")) == 1
        close(crowd)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    eventually(lambda: shop["order"].get("/livez").status_code == 200)
    assert shop.order()["status"] == "Requested"


@pytest.mark.parametrize("service", ["order", "stock", "gateway"])
def test_a_limit_that_leaves_no_room_stops_the_start_with_a_sentence(open_shop, service):
    ended = run_program(service, *flags(open_shop().settings_of(service)), **under(70))
    assert ended.returncode == 1
    assert "open files leaves no room for clients" in ended.stderr


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_a_service_listens_at_every_address_of_its_list(open_shop):
    shop = open_shop()
    port = shop.ports["order"]
    shop.settings["order.listen"] = f"127.0.0.1:{port} [::1]:{port}"
    shop.start("order")
    for host in ("127.0.0.1", "[::1]"):
        with client(f"http://{host}:{port}") as http:
            answer = http.get("/livez")
            assert answer.status_code == 200
            placed = http.post("/orders", json={"productName": "Tea", "qty": 1})
            assert placed.headers["location"].startswith(f"http://{host}:{port}/orders/")
    assert shop.stop("order") == {"order": 0}


def test_an_address_that_is_taken_stops_the_start_whichever_it_is_of_the_list(open_shop):
    shop = open_shop()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shop.settings["order.listen"] = f"127.0.0.1:{shop.ports['order']} 127.0.0.1:{port}"
        ended = run_program("order", *flags(shop.settings_of("order")))
    assert ended.returncode == 1
    assert f"can't listen on 127.0.0.1:{port}" in ended.stderr
