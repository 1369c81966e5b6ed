"""The gateway in front of a service that only writes down what it is asked: what passes, what doesn't, and what the gateway says itself."""
import http.server
import json
import re
import signal
import socket
import threading

import pytest

from eventually import eventually
from raw import ask, statuses
from shop import SERVICES, Process, client, free_port

# The longest line that nginx takes. It hangs up on a longer one without reading the rest, which may cost its answer; so none is sent.
LINE = 8192
PROBLEM = {"type", "title", "status", "detail"}


class Notebook(http.server.BaseHTTPRequestHandler):
    """Answers everything with 200, after having written it down."""

    protocol_version = "HTTP/1.1"

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True  # the test hung up, or told us to

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, self.headers, body, self.client_address))
        if self.path.startswith("/orders/hang-up"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if self.path.startswith("/orders/wait"):
            self.server.waiting.set()
            assert self.server.go_on.wait(20)
        if self.path == "/mypages/stream":
            self.stream()
            return
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_OPTIONS = answer

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"a\r\nid: 1\ndata\r\n")
        self.wfile.flush()
        self.server.go_on.wait(20)
        self.close_connection = True

    def log_message(self, *_):
        pass


class Service(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Notebook)
        self.asked, self.waiting, self.go_on = [], threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self):
        self.go_on.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


class Door:
    """A gateway whose services are all the same notebook."""

    def __init__(self, directory, *flags):
        self.service, self.port, self.directory = Service(), free_port(), directory
        urls = [f"--gateway.{name}_url=http://127.0.0.1:{self.service.server_port}" for name in SERVICES]
        self.process = Process(["gateway", f"--data={directory / 'data'}", f"--gateway.listen=127.0.0.1:{self.port}", *urls, *flags],
                               directory / "gateway.log")
        self.http = client(f"http://127.0.0.1:{self.port}")

    def open(self):
        eventually(self.is_ready, within=15, what="the gateway is ready")
        return self

    def is_ready(self):
        assert self.process.is_running(), self.process.output()
        return can_connect(self.port)

    def begin_to_wait(self):
        """A client whose request is under way until the test lets it go on; its status comes to the list."""
        statuses = []

        def ask_and_wait():
            with client(f"http://127.0.0.1:{self.port}", timeout=30.0) as http:
                statuses.append(http.get("/orders/wait").status_code)

        waits = threading.Thread(target=ask_and_wait)
        waits.start()
        assert self.service.waiting.wait(10)
        return waits, statuses

    def last(self):
        return self.service.asked[-1]

    def close(self):
        self.service.go_on.set()
        self.http.close()
        try:
            self.process.stop()
        finally:
            self.service.close()


@pytest.fixture
def open_door(tmp_path):
    doors = []

    def make(*flags):
        doors.append(Door(tmp_path, *flags))
        return doors[-1].open()

    yield make
    for door in doors:
        door.close()


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    door = Door(tmp_path_factory.mktemp("door"))
    try:
        yield door.open()
    finally:
        door.close()


def assert_problem(answer, status):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status and PROBLEM <= set(body)
    return body


@pytest.mark.parametrize("path", ["/orders", "/orders/1", "/orders?page=1&size=2", "/products/1", "/products/search/cancelByOrderId?orderId=1", "/stocks/reduce",
                                  "/mypages/search/findByOrderId?orderId=1", "/menu", "/orders/%EC%BB%A4%ED%94%BC%2F1"])
def test_a_path_arrives_as_it_was_sent(door, path):
    assert door.http.get(path).status_code == 200
    assert door.last()[:2] == ("GET", path)


@pytest.mark.parametrize("path", ["/events", "/metrics", "/dead-letters", "/ordersX", "/order", "/actuator/env", "/actuator", "/orders/../events", "/orders/%2e%2e/events",
                                  "/orders/..%2fmetrics", "//events", "/./events", "/orders/x/../../metrics", "/health/gateway", "/nginx.conf", "/.problem/404", "/.preflight"])
def test_nothing_leads_to_what_is_internal(door, path):
    before = len(door.service.asked)
    answer = ask(door.port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert statuses(answer)[0] == 404
    assert b"application/problem+json" in answer
    assert len(door.service.asked) == before


def test_what_a_client_says_of_proxies_is_replaced(door):
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "444", "X-Forwarded-For": "1.2.3.4",
              "X-Forwarded-Prefix": "/evil", "Forwarded": "host=evil.example", "X-Real-IP": "1.2.3.4"}
    door.http.get("/orders", headers={"Host": "shop.example:81", **forged})
    headers = door.last()[2]
    assert (headers["Host"], headers["X-Forwarded-Host"]) == ("order", "shop.example:81")
    assert (headers["X-Forwarded-Proto"], headers["X-Forwarded-For"]) == ("http", "127.0.0.1")
    assert not any(headers[name] for name in ("X-Forwarded-Port", "X-Forwarded-Prefix", "Forwarded", "X-Real-IP"))


def test_what_belongs_to_the_request_passes(door):
    mine = {"Idempotency-Key": "k1", "X-Correlation-ID": "c1", "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01", "If-None-Match": '"3"', "Last-Event-ID": "7"}
    door.http.post("/orders", json={"qty": 1}, headers=mine)
    method, _, headers, body, _ = door.last()
    assert method == "POST" and json.loads(body) == {"qty": 1}
    assert {name: headers[name] for name in mine} == mine


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


@pytest.mark.parametrize("request_bytes, status", [
    (b"GARBAGE\r\n\r\n", 400), (b"GET /orders HTTP/1.1\r\n\r\n", 400), (b"GET /orders HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET /" + b"x" * (LINE - 5), 414), (b"GET /orders HTTP/1.1\r\nHost: x\r\nA: " + b"x" * (LINE - 3), 431),
    (b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501), (b"GET /orders HTTP/3.0\r\nHost: x\r\n\r\n", 505),
])
def test_what_nginx_refuses_is_a_problem_document_too(door, request_bytes, status):
    answer = ask(door.port, request_bytes)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:100]  # nginx has no words for 431
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert f'"status":{status}'.encode() in body and b"nginx" not in body


@pytest.mark.parametrize("path", [b'/no"pe', b"/no\\pe", b"/no\xffpe"])
def test_a_path_that_json_could_not_hold_is_left_out(door, path):
    answer = ask(door.port, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert statuses(answer) == [404]
    assert b"instance" not in answer


def test_any_origin_is_told_that_it_may(door):
    answer = door.http.get("/orders", headers={"Origin": "http://a.example"})
    assert answer.headers["access-control-allow-origin"] == "http://a.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-origin" not in door.http.get("/orders").headers


def test_a_preflight_is_answered_at_the_door(door):
    before = len(door.service.asked)
    answer = door.http.options("/orders/1", headers={"Origin": "http://a.example", "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "content-type"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-methods"] == "PATCH"
    assert answer.headers["access-control-allow-headers"] == "content-type"
    assert answer.headers["access-control-allow-origin"] == "http://a.example"
    assert len(door.service.asked) == before
    assert door.http.options("/orders").status_code == 200
    assert door.last()[0] == "OPTIONS"


def test_only_listed_origins_may_ask(open_door):
    door = open_door("--gateway.cors_origin=https://shop.example")
    wanted = door.http.get("/orders", headers={"Origin": "https://shop.example"})
    assert wanted.headers["access-control-allow-origin"] == "https://shop.example"
    for answer in (door.http.get("/orders", headers={"Origin": "https://evil.example"}),
                   door.http.options("/orders", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_one_client_can_not_take_everything(open_door):
    door = open_door("--gateway.unlimited=", "--gateway.rate=1", "--gateway.burst=3")
    answers = [door.http.get("/orders") for _ in range(20)]
    assert [answer.status_code for answer in answers[:4]] == [200] * 4
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    assert_problem(refused[0], 429)
    assert refused[0].headers["retry-after"] == "1"


def test_loopback_is_not_limited(open_door):
    door = open_door("--gateway.rate=1", "--gateway.burst=1")
    assert {door.http.get("/orders").status_code for _ in range(50)} == {200}


def test_one_client_has_so_many_requests_under_way_and_no_more(open_door):
    door = open_door("--gateway.unlimited=", "--gateway.connections=1")
    waits, _ = door.begin_to_wait()
    assert_problem(door.http.get("/orders"), 429)
    door.service.go_on.set()
    waits.join()
    assert door.http.get("/orders").status_code == 200


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


def test_nginx_does_not_outlive_its_gateway(open_door):
    door = open_door()
    door.process.stop(signal.SIGKILL)
    eventually(lambda: not can_connect(door.port), within=10, what="nginx has ended")


def can_connect(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except ConnectionRefusedError:
        return False


def test_a_missing_nginx_is_explained(tmp_path):
    log = tmp_path / "log"
    gateway = Process(["gateway", f"--data={tmp_path / 'data'}", "--gateway.nginx=/no/such/nginx"], log)
    assert gateway.process.wait(10) == 1
    assert "/no/such/nginx" in log.read_text() and "install" in log.read_text()
