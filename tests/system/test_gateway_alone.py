"""The gateway in front of a service that only writes down what it is asked: what passes, what doesn't, and what the gateway says itself."""
import json
import re
import signal
import socket

import pytest

from door import assert_problem, can_connect
from eventually import eventually
from raw import ask, receive_to_the_end, statuses
from shop import SERVICES, Process


def test_connections_to_a_service_are_kept(door):
    for _ in range(5):
        door.http.get("/orders/kept")
    assert len({asked[4] for asked in door.service.asked if asked[1] == "/orders/kept"}) == 1


def test_a_post_that_may_have_arrived_is_not_sent_again(door):
    assert_problem(door.http.post("/orders/hang-up-post", json={}), 503)
    assert [asked[1] for asked in door.service.asked].count("/orders/hang-up-post") == 1


def test_a_client_without_a_host_is_served(door):
    assert statuses(ask(door.port, b"GET /orders HTTP/1.0\r\n\r\n")) == [200]
    assert door.last()[2]["X-Forwarded-Host"] == f"127.0.0.1:{door.port}"


def test_the_gateway_is_well_without_services(door):
    for path in ("/actuator/health", "/livez", "/readyz"):
        answer = door.http.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "UP"})


@pytest.mark.parametrize("name", SERVICES)
def test_a_page_can_ask_how_a_service_is(door, name):
    assert door.http.get(f"/health/{name}").status_code == 200
    assert door.last()[1] == "/readyz"


def test_problems_are_documents_of_one_shape(door):
    body = assert_problem(door.http.get("/nope?x=1"), 404)
    assert body["instance"] == "/nope"
    assert body["type"] == "about:blank" and body["title"] == "Not Found"
    refused = door.http.post("/", content=b"x")
    assert_problem(refused, 405)
    assert refused.headers["allow"] == "GET, HEAD"
    assert_problem(door.http.post("/orders", content=b"x" * 100_000), 413)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
@pytest.mark.parametrize("path", ["/orders", "/", "/nowhere", "/livez"])
def test_a_method_that_is_nowhere_is_not_said_to_be_missing_here_only(door, method, path):
    answer = ask(door.port, f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert statuses(answer) == [501] and b'"status":501' in answer and b"Allow" not in answer
    page = ask(door.port, f"{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close\r\n\r\n".encode())
    assert statuses(page) == [501] and b"text/html" in page


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/actuator/health", "/", "/kitchen", "/stock", "/ops", "/assets/none.js"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X"])
def test_what_can_only_be_read_says_so(door, method, path):
    for accept, kind in (("*/*", "application/problem+json"), ("text/html", "text/html; charset=utf-8")):
        answer = door.http.request(method, path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["allow"], answer.headers["content-type"]) == (405, "GET, HEAD", kind)


@pytest.mark.parametrize("path", ["/assets/", "/assets//", "/assets", "/assets/x/", "/pages/"])
def test_a_directory_is_nothing(door, path):
    assert_problem(door.http.get(path), 404)


def test_who_sends_too_slowly_is_hung_up_on(open_door):
    """nginx has no way to say it."""
    door = open_door("--gateway.header_ms=200", "--gateway.body_ms=200")
    for begun in (b"POST /ord", b"POST /orders HTTP/1.1\r\nHost: x\r\nA", b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1"):
        with socket.create_connection(("127.0.0.1", door.port), timeout=5) as connection:
            connection.sendall(begun)
            assert receive_to_the_end(connection) == b""
    assert not door.service.asked


@pytest.mark.parametrize("path", [b'/no"pe', b"/no\xffpe"])
def test_a_path_that_json_could_not_hold_is_left_out(door, path):
    answer = ask(door.port, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert statuses(answer) == [404]
    assert b"instance" not in answer


def test_events_are_passed_on_as_they_come(open_door):
    door = open_door()
    with door.http.stream("GET", "/mypages/stream") as answer:
        # although the service goes on with it only when the test does
        assert next(answer.iter_lines()).rstrip("\n") == "id: 1"


def test_a_request_under_way_is_finished_when_the_gateway_stops(open_door):
    door = open_door()
    waits, answers = door.begin_to_wait()
    door.process.process.send_signal(signal.SIGTERM)
    eventually(lambda: "stopping" in door.process.output(), within=10)
    door.service.go_on.set()
    waits.join()
    assert door.process.process.wait(10) == 0
    assert answers == [200]


def test_a_gateway_that_is_told_to_stop_is_not_ready_first(open_door):
    door = open_door("--drain_ms=2000")
    door.process.process.send_signal(signal.SIGTERM)
    eventually(lambda: door.http.get("/readyz").status_code == 503, within=2)
    assert door.http.get("/orders").status_code == 200
    assert door.process.process.wait(10) == 0


def test_a_missing_nginx_is_explained(tmp_path):
    log = tmp_path / "log"
    gateway = Process(["gateway", f"--data={tmp_path / 'data'}", "--gateway.nginx=/no/such/nginx"], log)
    assert gateway.process.wait(10) == 1
    assert "/no/such/nginx" in log.read_text() and "install" in log.read_text()
