"""Paths at the gateway: it passes on what it has matched, as it matched it, and nothing else; no trick finds what is inner."""
import asyncio
import re
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from door import Door
from hostile_paths import INNER, KNOWN, NOWHERE, SHAPES, hostile_requests, readings
from raw import ask, statuses

SEED, MANY = 20_260_707, 52_000


def asked(port, method, target):
    """The status and all of the answer to one request, whatever its target."""
    request = f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    answer = ask(port, request.encode("latin-1"))
    told = statuses(answer)
    assert len(told) == 1, answer
    return told[0], answer


@pytest.mark.parametrize("path", ["/orders", "/orders/1", "/orders?page=1&size=2", "/orders?", "/orders?/../events", "/orders/%31", "/orders/%EC%BB%A4%ED%94%BC", "/orders/a%20b", "/orders/1:2@3,4=5",
                                  "/products/1", "/products/kitchen", "/products/search/open?size=1", "/products/search/findByOrderId?orderId=1", "/stocks/reduce", "/stocks/release", "/stocks/receive",
                                  "/stocks/1/lowMark", "/stocks/1/movements", "/stocks/search/findByProductName?name=%2F..%2Fx", "/mypages", "/mypages/search/findByOrderId?orderId=1", "/mypages/1", "/menu",
                                  "/orders/...", "/orders/.1", "/%6Frders", "/m%65nu"])
def test_a_path_arrives_as_it_was_sent(door, path):
    assert door.http.get(path).status_code == 200
    asked_for = door.last()
    assert asked_for[:2] == ("GET", path)
    assert asked_for[2]["X-Gateway"] == "1"


def test_a_whole_address_as_the_target_is_its_path(door):
    assert asked(door.port, "GET", "http://x/orders/1?a=b")[0] == 200
    assert door.last()[1] == "/orders/1?a=b"
    assert asked(door.port, "GET", "http://x")[0] == 200


@pytest.mark.parametrize("method, target", KNOWN)
def test_what_can_be_read_in_two_ways_is_refused(door, method, target):
    before = len(door.service.asked)
    status, answer = asked(door.port, method, target)
    assert status == 400
    assert b"application/problem+json" in answer and b'"status":400' in answer
    assert len(door.service.asked) == before


@pytest.mark.parametrize("method, target", NOWHERE)
def test_what_is_nobodys_is_not_there(door, method, target):
    before = len(door.service.asked)
    status, answer = asked(door.port, method, target)
    assert status == 404
    assert b"application/problem+json" in answer and b'"status":404' in answer
    assert len(door.service.asked) == before


@pytest.mark.parametrize("path", ["/.problem/400", "/.problem/503", "/.problem/outcome-unknown", "/.plain", "/.unanswered"])
@pytest.mark.parametrize("request_line, head", [("GET {} HTTP/1.1", "Host: evil.example"), ("PATCH {} HTTP/1.1", "Host: [::g]"), ("GET {} HTTP/1.1", "Host: x\r\nIf-Match: " + "x" * 8100 + "\r\nIf-None-Match: " + "x" * 800),
                                                ("OPTIONS {} HTTP/1.1", "Host: x\r\nOrigin: http://a.example\r\nAccess-Control-Request-Method: GET")], ids=["another name", "no host", "a long head", "a preflight"])
def test_what_the_gateway_keeps_for_itself_is_nowhere_for_a_request_that_is_refused_either(door, path, request_line, head):
    answer = ask(door.port, f"{request_line.format(path)}\r\n{head}\r\nConnection: close\r\n\r\n".encode())
    assert statuses(answer) == [404] and b'"status":404' in answer


LONG = {"segments": ("/" + "a/" * 3900, 404), "encoded letters": ("/orders/" + "%41" * 2600, 200), "dot segment at the end": ("/orders/" + "a" * 7900 + "/..", 400),
        "encoded dots": ("/" + "%2e" * 2600, 400), "dot segments": ("/orders/" + "../" * 2600, 400), "a query": ("/orders?a=" + "b" * 7900, 200), "text": ("/orders/" + "%EC%BB%A4" * 870, 200)}


@pytest.mark.parametrize("path, status", LONG.values(), ids=LONG.keys())
def test_a_long_path_is_judged_to_its_end(door, path, status):
    assert asked(door.port, "GET", path)[0] == status
    assert status != 200 or door.last()[1] == path


def test_a_refused_path_says_why_and_a_page_is_shown_to_a_browser(door):
    refused = door.http.get("/orders/%2E%2E")
    assert "dot segment" in refused.json()["detail"] and refused.json()["instance"] == "/orders/%2E%2E"
    page = door.http.get("/orders/%2E%2E", headers={"Accept": "text/html"})
    assert page.status_code == 400 and page.headers["content-type"].startswith("text/html")


class Recorder:
    """A service that says 200 to everything and remembers the targets; quicker than the notebook."""

    def __init__(self):
        self.targets, self.writers = [], set()
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.server_port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.go_on = threading.Event()

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.targets.append(head.split(b" ", 2)[1].decode("latin-1"))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            self.writers.discard(writer)

    async def end(self):
        self.server.close()
        for writer in self.writers:
            writer.close()
        await self.server.wait_closed()

    def close(self):
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Asker:
    """Asks over one connection for as long as the gateway keeps it."""

    HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) .*?\r\nContent-Length: (\d+)\r\n", re.S | re.I)

    def __init__(self, port):
        self.port, self.connection = port, None

    def status_of(self, method, target):
        if self.connection is None:
            self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            # hung up at once: 52,000 ports that wait for late packets are more than there are
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAccept-Encoding: gzip\r\n\r\n".encode("latin-1"))
        answer = b""
        while not (head := answer.partition(b"\r\n\r\n"))[1]:
            answer += self.piece(answer)
        told = self.HEAD.match(answer)
        assert told, answer
        while len(answer) < len(head[0]) + 4 + int(told[2]):
            answer += self.piece(answer)
        if b"\r\nConnection: close" in head[0]:
            self.close()
        return int(told[1])

    def piece(self, so_far):
        piece = self.connection.recv(65536)
        assert piece, f"no whole answer: {so_far}"
        return piece

    def close(self):
        self.connection = self.connection and self.connection.close()


def test_random_paths_find_nothing_that_is_inner(tmp_path):
    recorder = Recorder()
    door = Door(tmp_path, service=recorder)

    def ask_all(requests):
        asker = Asker(door.port)
        told = [(asker.status_of(method, target), method, target) for method, target in requests]
        asker.close()
        return told

    try:
        door.open()
        requests = list(hostile_requests(SEED, MANY))
        with ThreadPoolExecutor(4) as pool:
            told = sum(pool.map(ask_all, [requests[i::4] for i in range(4)]), [])
    finally:
        door.close()
    assert len(told) == MANY
    assert not [one for one in told if one[0] not in (200, 400, 404, 405)]
    assert 500 < len(recorder.targets) < MANY // 2  # the paths are neither all good nor all bad
    for target in set(recorder.targets):
        assert SHAPES.fullmatch(target.partition("?")[0]), target
        assert not [reading for reading in readings(target) if INNER.fullmatch(reading)], target
    # and what a service could have taken for something inner was told so
    for status, method, target in told:
        if status == 200:
            path = re.sub(r"^http://x", "", target) or "/"
            assert path in recorder.targets or path.partition("?")[0] in ("/", "/stock", "/kitchen", "/ops"), (method, target)
