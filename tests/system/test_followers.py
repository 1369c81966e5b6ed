"""Those who follow the view or a feed: they come, hang up and come again in crowds, and nobody keeps the others' places."""
import re
import resource
import signal
import socket
import threading

import pytest

from eventually import eventually
from raw import ask
from shop import QUICK, client, read_stream

MANY = 400


def follow(shop, address=None, path="/mypages/stream", service="customercenter"):
    """A socket on which a stream has been asked for, and the status of the answer."""
    said = f"X-Forwarded-For: {address}\r\n" if address else ""
    connection = socket.create_connection(("127.0.0.1", shop.ports[service]), timeout=20)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{said}\r\n".encode())
    return connection


def status_of(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(4096)
        assert piece, f"hung up after {head}"
        head += piece
    return int(head.split(b" ")[1])


def is_ended(connection):
    """Reads up to the stream's last chunk; a stream that goes on fails the test by its time-out."""
    text = b""
    while not text.endswith(b"0\r\n\r\n"):
        piece = connection.recv(65536)
        if not piece:
            break
        text += piece
    return True


def test_followers_that_leave_and_return_at_once_are_all_let_in(open_shop):
    shop = open_shop({"customercenter.max_streams": MANY, "customercenter.heartbeat_ms": 600_000}).start("customercenter")
    for _ in range(4):
        crowd = [follow(shop, f"192.0.2.{n % 200}") for n in range(MANY)]
        told = [status_of(each) for each in crowd]
        assert told == [200] * MANY
        for each in crowd:
            each.close()


STORM = 1900


class Ordering(threading.Thread):
    """Somebody else, who orders and looks at the menu and the view all the while."""

    def __init__(self, shop):
        super().__init__()
        self.shop, self.told, self.over = shop, [], threading.Event()

    def run(self):
        with client(self.shop.url("order")) as order, client(self.shop.url("customercenter")) as view:
            while not self.over.is_set():
                self.told.append(order.post("/orders", json={"productName": "Tea", "qty": 1}).status_code)
                self.told.append(view.get("/mypages?size=5").status_code)

    def noticed_nothing(self):
        assert len(self.told) > 2 and set(self.told[::2]) == {201} and set(self.told[1::2]) == {200}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *ignored):
        self.over.set()
        self.join()


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * STORM:
        pytest.skip(f"needs {2 * STORM} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def followers_of(shop):
    return int(re.search(r"^coffeeshop_view_streams (\d+)$", shop["customercenter"].get("/metrics").text, re.M)[1])


@pytest.fixture
def stormy_shop(open_shop, many_files):
    """With places for as many followers as there are, and no more; no heartbeat tells it who has left."""
    shop = open_shop({"customercenter.max_streams": STORM, "customercenter.heartbeat_ms": 600_000})
    yield shop.start("order", "product", "stock", "customercenter", "gateway")


def test_a_crowd_at_a_service_that_is_busy_waits_at_the_door_and_has_not_to_knock_again(stormy_shop):
    """Who finds the door's queue full knocks again a second later, and a gateway has given it up by then (gateway.connect_ms)."""
    busy = stormy_shop.running["customercenter"].process
    busy.send_signal(signal.SIGSTOP)
    try:
        crowd = [follow(stormy_shop) for _ in range(STORM)]  # each is connected, or this waits in vain
    finally:
        busy.send_signal(signal.SIGCONT)
    assert [status_of(each) for each in crowd] == [200] * STORM
    for each in crowd:
        each.close()


def test_a_storm_of_followers_who_return_all_get_in_and_nobody_else_notices(stormy_shop):
    """Each hangs up and is there again, while the others still follow: its hanging up has to be noticed before it asks."""
    crowd = [socket.socket() for _ in range(STORM)]
    with Ordering(stormy_shop) as somebody:
        for _ in range(3):
            for n in range(STORM):
                crowd[n].close()
                crowd[n] = follow(stormy_shop, f"192.0.2.{n % 200}")
            assert [status_of(each) for each in crowd] == [200] * STORM
    somebody.noticed_nothing()
    for each in crowd:
        each.close()


def test_a_storm_of_followers_through_the_gateway_leaves_no_places_taken(stormy_shop):
    with Ordering(stormy_shop) as somebody:
        for _ in range(3):
            crowd = [follow(stormy_shop, service="gateway") for _ in range(STORM)]
            assert [status_of(each) for each in crowd] == [200] * STORM
            for each in crowd:
                each.close()
            eventually(lambda: followers_of(stormy_shop) == 0)
    somebody.noticed_nothing()


def test_who_hung_up_on_a_feed_is_not_counted_any_more(open_shop):
    shop = open_shop({"feed.max_followers": 20, "feed.heartbeat_ms": 600_000}).start("stock")
    for _ in range(4):
        crowd = [follow(shop, path="/events", service="stock") for _ in range(20)]
        assert [status_of(each) for each in crowd] == [200] * 20
        for each in crowd:
            each.close()


def test_one_address_follows_with_its_newest_streams_and_leaves_the_places_of_others(open_shop):
    shop = open_shop({"customercenter.max_streams": 10, "customercenter.streams_per_address": 3}).start("customercenter")
    greedy = []
    for _ in range(12):  # one after the other: which is the oldest is plain
        greedy.append(follow(shop, "198.51.100.7"))
        assert status_of(greedy[-1]) == 200
    others = [follow(shop, f"192.0.2.{n}") for n in range(7)]
    assert [status_of(each) for each in others] == [200] * 7
    assert all(is_ended(each) for each in greedy[:9])
    late = follow(shop, "192.0.2.100")
    assert status_of(late) == 503
    again = follow(shop, "198.51.100.7")
    assert status_of(again) == 200
    assert is_ended(greedy[9])
    for each in [*greedy, *others, late, again]:
        each.close()


def test_head_of_a_stream_says_what_get_would_and_ends(own_shop):
    for service, path in (("customercenter", "/mypages/stream"), ("order", "/events")):
        told = ask(own_shop.ports[service], f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = told.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ") and b"content-type: text/event-stream" in head.lower()
        assert body == b""
        told = ask(own_shop.ports[service], f"HEAD {path} HTTP/1.1\r\nHost: x\r\nLast-Event-ID: soon\r\n\r\n".encode())
        assert told.startswith(b"HTTP/1.1 400 ")


def test_where_a_stream_goes_on_can_be_said_in_its_address(open_shop):
    shop = open_shop({**QUICK, "customercenter.heartbeat_ms": 1000}).start("order", "product", "stock", "customercenter")
    for placed in [shop.order() for _ in range(3)]:
        shop.wait_order(placed["id"], "Completed")
        shop.page_of(placed["id"])
    url = shop.url("customercenter") + "/mypages/stream"
    whole = read_stream(url, after=0)
    middle = whole[len(whole) // 2].id
    assert [each.id for each in read_stream(f"{url}?lastEventId={middle}")] == [each.id for each in whole if int(each.id) > int(middle)]
    # A browser that reconnects repeats the address and says in the header how far it has got.
    newest = whole[-1].id
    assert read_stream(f"{url}?lastEventId=0", after=newest) == []


def test_a_place_in_a_stream_that_makes_no_sense_is_refused_by_its_name(own_shop):
    for said in ("lastEventId=", "lastEventId=soon", "lastEventId=-1", "lastEventId=1.5", "lastEventId=1&lastEventId=2"):
        answer = own_shop["customercenter"].get(f"/mypages/stream?{said}")
        assert answer.status_code == 400, said
        assert answer.json()["member"] == "lastEventId"
    answer = own_shop["customercenter"].get("/mypages/stream?lastEventId=1", headers={"Last-Event-ID": "soon"})
    assert (answer.status_code, answer.json()["member"]) == (400, "Last-Event-ID")
