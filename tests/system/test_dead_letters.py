"""What a service can't use of another's events is put aside with its reason, holds nobody up, and can be tried again."""
import contextlib
import json
import threading

import pytest

from eventually import eventually
from serving import Quiet, Serving
from shop import run_program

QUICK_FEED = {"feed.heartbeat_ms": 250, "feed.silence_ms": 2000}


def canceled(position, order_id):
    """A kitchen says that it has cancelled the ticket of an order."""
    return json.dumps({
        "specversion": "1.0", "id": f"product-{position}", "source": "/product", "type": "ProductCanceled",
        "time": "2026-03-02T08:30:40.690Z", "subject": str(order_id), "version": 1, "datacontenttype": "application/json",
        "data": {"id": position, "orderId": order_id, "productName": "Tea", "qty": 1, "status": "Canceled"}})


class ForeignKitchen(Serving):
    """A feed of events that the test wrote, with nothing behind it; it stays open until it is closed."""

    def __init__(self, *frames):
        closing = self.closing = threading.Event()

        class Handler(Quiet):
            protocol_version = "HTTP/1.0"

            def do_GET(self):
                if self.path != "/events":
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Feed-Producer", "product")
                self.end_headers()
                seen = int(self.headers.get("Last-Event-ID") or 0)
                for position, frame in enumerate(frames, 1):
                    if position > seen:
                        self.wfile.write(f"id: {position}\ndata: {frame}\n\n".encode())
                try:
                    while not closing.wait(0.25):
                        self.wfile.write(b":\n\n")
                except OSError:
                    pass

        super().__init__(Handler)

    def __exit__(self, *_):
        self.closing.set()
        super().__exit__()


@pytest.fixture
def kitchen():
    with contextlib.ExitStack() as opened:
        yield lambda *frames: opened.enter_context(ForeignKitchen(*frames))


def letters(shop):
    return shop["order"].get("/dead-letters").json()["_embedded"]["deadLetters"]


def command(shop, *words):
    return run_program("dead-letters", "order", *words, f"--order.listen=127.0.0.1:{shop.ports['order']}")


def order_that_follows(open_shop, kitchen):
    return open_shop({"order.product_url": kitchen.url, **QUICK_FEED}).start("order")


def test_what_a_service_can_not_use_is_put_aside_with_its_reason(open_shop, kitchen):
    shop = order_that_follows(open_shop, kitchen(canceled(1, 1), '{"no":"event"}', "nonsense", canceled(4, 1)))
    eventually(lambda: len(letters(shop)) == 4)
    assert [(letter["source"], letter["position"]) for letter in letters(shop)] == [("product", n) for n in (1, 2, 3, 4)]
    assert all(letter["reason"] for letter in letters(shop))
    assert json.loads(letters(shop)[0]["event"])["type"] == "ProductCanceled"
    assert letters(shop)[2]["event"] == "nonsense"
    assert "coffeeshop_dead_letters 4" in shop["order"].get("/metrics").text


def test_an_event_that_came_before_its_order_is_used_when_it_is_tried_again(open_shop, kitchen):
    shop = order_that_follows(open_shop, kitchen(canceled(1, 1)))
    eventually(lambda: len(letters(shop)) == 1)
    assert shop.order()["id"] == 1
    answer = shop["order"].post("/dead-letters/replay", json={"source": "product", "position": 1})
    assert answer.status_code == 202, answer.text
    shop.wait_order(1, "Canceled")
    assert letters(shop) == []
    answer = shop["order"].post("/dead-letters/replay", json={"source": "product", "position": 1})
    assert (answer.status_code, answer.json()["member"]) == (404, "position")


def test_what_is_refused_again_is_put_aside_again(open_shop, kitchen):
    shop = order_that_follows(open_shop, kitchen(canceled(1, 77), "nonsense"))
    eventually(lambda: len(letters(shop)) == 2)
    before = letters(shop)
    assert shop["order"].post("/dead-letters/replay", json={"source": "product", "position": 1}).status_code == 202
    assert shop["order"].post("/dead-letters/replay", json={"source": "product", "position": 2}).status_code == 409
    assert shop.order()["status"] == "Requested"  # behind it in the writer's queue
    assert [letter["position"] for letter in letters(shop)] == [1, 2]
    assert letters(shop)[0]["at"] > before[0]["at"]


def test_dead_letters_outlive_a_kill(open_shop, kitchen):
    shop = order_that_follows(open_shop, kitchen("nonsense"))
    eventually(lambda: len(letters(shop)) == 1)
    before = letters(shop)
    shop.restart("order")
    assert letters(shop) == before


def test_the_command_lists_them_and_tries_them_again(open_shop, kitchen):
    shop = order_that_follows(open_shop, kitchen(canceled(1, 1), canceled(2, 2)))
    eventually(lambda: len(letters(shop)) == 2)
    listed = command(shop)
    assert listed.returncode == 0, listed.stderr
    assert "product 1  " in listed.stdout and "product 2  " in listed.stdout and "ProductCanceled" in listed.stdout
    shop.order()
    one = command(shop, "replay", "product", "1")
    assert (one.returncode, one.stdout) == (0, "product 1: is tried again\n")
    shop.wait_order(1, "Canceled")
    shop.order()
    everything = command(shop, "replay", "all")
    assert (everything.returncode, everything.stdout) == (0, "product 2: is tried again\n")
    shop.wait_order(2, "Canceled")
    assert command(shop).stdout == "order has no dead letters\n"


def test_the_command_says_what_went_wrong(open_shop, kitchen):
    shop = order_that_follows(open_shop, kitchen("nonsense"))
    eventually(lambda: len(letters(shop)) == 1)
    for words, told in ((("replay", "product", "9"), "no such dead letter"), (("replay", "stock", "1"), "not a producer"), (("replay", "all"), "product 1: ")):
        refused = command(shop, *words)
        assert refused.returncode == 1
        assert told in refused.stdout
    shop.kill("order")
    gone = command(shop)
    assert gone.returncode == 1
    assert str(shop.ports["order"]) in gone.stderr


@pytest.mark.parametrize("words", [(), ("nobody",), ("order", "replay"), ("order", "replay", "product"), ("order", "replay", "product", "one"),
                                   ("order", "delete"), ("order", "replay", "product", "1", "cell"), ("order", "replay", "product", "1", "2", "3"),
                                   ("order", "--nonsense=1")], ids=" ".join)
def test_the_command_explains_itself_to_who_gets_it_wrong(words):
    refused = run_program("dead-letters", *words)
    assert refused.returncode == 2
    assert "dead-letters SERVICE" in refused.stdout or "nonsense" in refused.stderr


def test_who_follows_nobody_has_no_dead_letters(open_shop):
    shop = open_shop().start("stock")
    assert shop["stock"].get("/dead-letters").status_code == 404
    assert shop["stock"].post("/dead-letters/replay", json={"source": "order", "position": 1}).status_code == 404
