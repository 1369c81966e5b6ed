"""What a service has done doesn't stay in its memory: paid, declined and cancelled, thousand after thousand."""
import http.client
import json

import pytest

from paying import payments, wait_until_it_adds_up
from shop import LONG_MS, PAID, PROGRAM

CUSTOMERS = 64
BUSY = ("order", "product", "payment")  # stock only says what there is
# By then the caches have their size: each has as many pages of its database as it may.
WARM = 250
MORE = 70  # times CUSTOMERS: 4,480 are paid, as many declined, as many cancelled
FLAT_BYTES = 2 << 20  # 468 bytes a customer; the allocator itself leaves and takes some

SANITIZED = not (PROGRAM.resolve().parent / "tests" / "lib" / "libfail_once.so").exists()


class Crowd:
    """So many customers, each with a connection of their own, who ask at the same time and then wait for their answers."""

    def __init__(self, shop, n=CUSTOMERS):
        self.connections = [http.client.HTTPConnection("127.0.0.1", shop.ports["order"], timeout=60) for _ in range(n)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()

    def ask(self, method, paths, body):
        """What they are answered: [(status, document)]."""
        text = json.dumps(body)
        for connection, path in zip(self.connections, paths):
            connection.request(method, path, text, {"Content-Type": "application/json"})
        answers = [connection.getresponse() for connection in self.connections]
        return [(answer.status, json.loads(answer.read())) for answer in answers]

    def come(self):
        """Each of them pays for a coffee and changes their mind, and is declined another one."""
        paid = self.ask("POST", ["/orders"] * len(self.connections), {"productName": "Tea", "qty": 1})
        assert {status for status, _ in paid} == {201}, paid
        declined = self.ask("POST", ["/orders"] * len(self.connections), {"productName": "Tea", "qty": 1, "paymentMethod": "test-declined"})
        assert {status for status, _ in declined} == {402}, declined
        canceled = self.ask("PATCH", [f"/orders/{order['id']}" for _, order in paid], {"status": "Canceled"})
        assert {status for status, _ in canceled} == {200}, canceled


def allocated(shop, name):
    """Bytes that a service has allocated; pages of files that it reads don't count, the kernel takes them back."""
    with open(f"/proc/{shop.running[name].pid}/status") as told:
        return next(int(line.split()[1]) * 1024 for line in told if line.startswith("RssAnon:"))


@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps what was freed; it looks for leaks itself")
def test_thousands_who_paid_were_declined_and_cancelled_leave_nothing_in_memory(open_shop):
    shop = open_shop({"product.start_after_ms": LONG_MS, "call.timeout_ms": 60_000}, services=PAID).start("stock", *BUSY)
    with Crowd(shop) as crowd:
        for _ in range(WARM):
            crowd.come()
        wait_until_it_adds_up(shop)
        before = {name: allocated(shop, name) for name in BUSY}
        for _ in range(MORE):
            crowd.come()
        wait_until_it_adds_up(shop)
        grown = {name: allocated(shop, name) - before[name] for name in BUSY}
        assert max(grown.values()) <= FLAT_BYTES, grown
    assert len(payments(shop, "Declined")) == (WARM + MORE) * CUSTOMERS
