"""What the tests of paying have in common: the till's book beside the orders, and a shop that is killed while customers order."""
import sqlite3
import threading
from collections import Counter

import httpx

from eventually import eventually
from provider import number_in


def read_ledger(shop):
    """The till's book: what each payment took and gave back, in order."""
    with sqlite3.connect(f"file:{shop.data['payment']}/payment.db?mode=ro", uri=True) as book:
        return book.execute("SELECT payment_id, order_id, amount FROM ledger ORDER BY n").fetchall()


def add_up(shop, orders):
    """Each order is paid exactly once and a cancelled one is given back exactly once, and nothing else was taken."""
    booked = Counter(read_ledger(shop))
    expected = Counter()
    for order in orders:
        key = (order["paymentId"], order["id"], order["amount"])
        expected[key] += 1
        if order["status"] == "Canceled":
            expected[(*key[:2], -order["amount"])] += 1
    assert booked == expected
    return True


def wait_until_it_adds_up(shop, within=60):
    return eventually(lambda: add_up(shop, shop.all("orders")), within=within, every=0.2, what="the ledger adds up to the orders")


def adds_up(shop, provider):
    """What the provider has taken and given back is what the orders say, and what payment has booked."""
    expected = Counter()
    for order in shop.all("orders"):
        expected[order["paymentId"], order["amount"]] += 1
        if order["status"] == "Canceled":
            expected[order["paymentId"], -order["amount"]] += 1
    booked = lambda: Counter((number_in(name), amount) for name, amount in provider.book)
    return eventually(lambda: booked() == expected and wait_until_it_adds_up(shop), within=60, every=0.2,
                      what=f"the provider's book adds up to the orders: {expected}")


def payments(shop, status=None):
    return [payment for payment in shop.all("payments") if status in (None, payment["status"])]


def problem(answer, status, kind="about:blank"):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["type"] == kind
    return answer.json()


def keep_ordering(shop, stop, answers):
    with httpx.Client(base_url=shop.url("order"), trust_env=False, timeout=30) as client:
        while not stop.is_set():
            try:
                answers.append(client.post("/orders", json={"productName": "Americano", "qty": 1}).status_code)
            except httpx.TransportError:
                answers.append(None)


def kill_under_load(shop, name, times, paid_between=20, customers=8):
    """Kills and restarts a service again and again while customers order; each time some have paid since. All answers' statuses."""
    stop, answers = threading.Event(), []
    threads = [threading.Thread(target=keep_ordering, args=(shop, stop, answers)) for _ in range(customers)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(times):
            paid = answers.count(201)
            eventually(lambda: answers.count(201) > paid + paid_between, what="orders are paid")
            shop.restart(name)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    return answers
