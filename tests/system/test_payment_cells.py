"""Paying in a shop that is cut into four cells: a payment is in the cell of its order, and whoever asks sees one payment service."""
import os
import threading
from collections import Counter

import pytest

from eventually import eventually
from load import Customers
from paying import keep_ordering, payments, problem
from provider import SOON, number_in
from shop import LONG_MS
from sql_rules import check_tables

SEED = int(os.environ.get("SEED", "20261129"))
CELLS = 4
KEEP_MS = 1500  # an authorisation without an order
ITEMS = ("Americano", "Latte", "Tea")
PLENTY = 1_000_000


@pytest.fixture
def open_cells(open_shop, open_redis, topic, database):
    """open_cells(settings) makes a shop of which each service has four cells; it is not started."""
    def make(settings=None):
        shop = open_shop({**topic.settings, "shop.cells": CELLS, "store.sql": database.url, "stock.redis": open_redis().url, **(settings or {})},
                         services=("order", "product", "stock", "payment"))
        shop.topic, shop.environment, shop.database = topic, database.environment, database
        return shop
    return make


@pytest.fixture
def shop(open_cells):
    return open_cells().start()


def cells_of_payments(shop):
    return {int(number): int(cell) for number, cell in shop.database.sql("SELECT id, cell FROM payment.payment")}


def told(shop, producer):
    """By partition, what a service has told of whom: [{(type, subject)}]."""
    found = []
    for partition in range(CELLS):
        headers = [{name: value.decode() for name, value in message.headers} for message in shop.topic.messages(partition=partition)]
        found.append({(each["ce_type"], each["ce_subject"]) for each in headers if each.get("ce_source", "").startswith(f"/{producer}/")})
    return found


def wait_paid_back(shop, order):
    return eventually(lambda: shop.get_order(order)["paymentStatus"] == "Refunded", what=f"order {order} got its money back")


def test_a_payment_is_in_the_cell_of_its_order_and_so_is_what_is_said_of_both(shop):
    shop.set_stock(PLENTY)
    orders = [shop.order()["id"] for _ in range(6 * CELLS)] + [shop.order(**{"Idempotency-Key": f"key-{number}"})["id"] for number in range(2 * CELLS)]
    for order in orders:
        shop.wait_order(order, "Completed")
    cells = cells_of_payments(shop)
    assert set(cells.values()) == set(range(CELLS)) and len(cells) == len(orders)
    eventually(lambda: sum(map(len, told(shop, "payment"))) == len(orders), what="all payments are told")
    ordered, paid = told(shop, "order"), told(shop, "payment")
    for order in orders:
        here = cells[shop.get_order(order)["paymentId"]]
        assert [cell for cell in range(CELLS) if ("Ordered", str(order)) in ordered[cell]] == [here]
        assert [cell for cell in range(CELLS) if ("PaymentApproved", str(order)) in paid[cell]] == [here]
    check_tables(shop.database, orders)


def test_one_sees_the_payments_of_all_cells_as_one(shop):
    shop.set_stock(PLENTY)
    made = [shop.order() for _ in range(4 * CELLS)]
    eventually(lambda: len(payments(shop, "Captured")) == len(made), what="all are taken")
    assert shop.ask_order(method="test-declined").status_code == 402
    listed = [payment["id"] for payment in shop.all("payments")]
    assert listed == sorted(listed) and len(set(listed)) == len(made) + 1
    pages = [shop["payment"].get("/payments", params={"size": 5, "page": page}).json() for page in range(4)]
    assert [payment["id"] for page in pages for payment in page["_embedded"]["payments"]] == listed
    assert {page["page"]["totalElements"] for page in pages} == {len(made) + 1}
    for order in made:
        found = shop["payment"].get("/payments/search/findByOrderId", params={"orderId": order["id"]}).json()["_embedded"]["payments"]
        assert [payment["id"] for payment in found] == [order["paymentId"]]
        assert shop["payment"].get(f"/payments/{order['paymentId']}").json()["orderId"] == order["id"]
    sums = {row["status"]: (row["count"], row["taken"]) for row in shop["payment"].get("/payments/summary").json()["sums"]}
    assert sums == {"Captured": (len(made), sum(order["amount"] for order in made)), "Declined": (1, 0)}
    counted = shop["payment"].get("/metrics").text
    assert f'coffeeshop_payments_total{{status="Captured"}} {len(made)}\n' in counted


def test_a_key_finds_its_order_and_its_payment_in_its_cell_also_after_a_kill(shop):
    keys = [f"again-{number}" for number in range(3 * CELLS)]
    first = {key: shop.order(**{"Idempotency-Key": key}) for key in keys}
    shop.restart("order", "payment")
    assert {key: shop.order(**{"Idempotency-Key": key})["id"] for key in keys} == {key: order["id"] for key, order in first.items()}
    assert len(shop.all("payments")) == len(keys) == len(shop.all("orders"))
    assert len(set(cells_of_payments(shop).values())) > 1


def test_what_is_cancelled_and_what_an_operator_gives_back_goes_back_once_in_every_cell(open_cells):
    shop = open_cells({"product.start_after_ms": LONG_MS}).start()
    canceled = [shop.order()["id"] for _ in range(2 * CELLS)]
    for order in canceled:
        eventually(lambda order=order: shop.cancel(order).status_code == 200, what=f"order {order} is cancelled")
        wait_paid_back(shop, order)
    shop.settings["product.start_after_ms"] = 0
    shop.restart("product")
    made = [shop.order()["id"] for _ in range(2 * CELLS)]
    for order in made:
        shop.wait_order(order, "Completed")
        payment = shop.get_order(order)["paymentId"]
        eventually(lambda: shop["payment"].get(f"/payments/{payment}").json()["status"] == "Captured", what="it is taken")
        refund = lambda: shop["payment"].put(f"/payments/{payment}", json={"status": "Refunded", "reason": "cold"})
        assert [refund().status_code for _ in range(2)] == [200, 409], "once"
        wait_paid_back(shop, order)
    assert len(payments(shop, "Refunded")) == len(canceled) + len(made)
    check_tables(shop.database, canceled + made, given_back=made)


def questions(keys):
    """For each key one of each cell, the cells in turn."""
    return [{"key": key, "amount": 4500, "currency": "KRW", "method": "card", "cell": cell} for key in keys for cell in range(CELLS)]


def test_one_request_may_ask_for_all_cells_and_is_answered_in_its_order(shop):
    asked = [{**question, "method": ("card", "test-declined")[number % 3 == 0]} for number, question in enumerate(questions("abc"))]
    for _ in range(2):
        answers = shop["payment"].post("/payments/authorize", json=asked).json()
        assert [answer["status"] for answer in answers] == [("Authorized", "Declined")[number % 3 == 0] for number in range(len(asked))]
        cells = cells_of_payments(shop)
        assert [cells[answer["id"]] for answer in answers] == [question["cell"] for question in asked]
        assert len(cells) == len(asked), "asked again it is the same purchase"
        shop.restart("payment")
    for wrong in (CELLS, None):
        refused = problem(shop["payment"].post("/payments/authorize", json=[asked[0], {**asked[1], "cell": wrong}]), 422)
        assert refused["member"] == "[1].cell" and f"from 0 to {CELLS - 1}" in refused["detail"]
    assert len(cells_of_payments(shop)) == len(asked)


def test_what_nobody_came_for_is_given_back_in_every_cell_when_all_of_orders_cell_is_heard(open_cells):
    """Orders go on meanwhile: order's cells are at positions of their own, and their sum is nobody's."""
    shop = open_cells({"payment.authorization_ms": KEEP_MS}).start()
    shop.set_stock(PLENTY)
    made = [shop.order()["id"] for _ in range(5)]
    answers = shop["payment"].post("/payments/authorize", json=questions("xy")).json()
    given_up = {answer["id"] for answer in answers}
    assert len(given_up) == 2 * CELLS
    eventually(lambda: {payment["id"] for payment in payments(shop, "Voided")} == given_up, what="all of them are given back")
    newest = shop["order"].get("/events/newest").json()
    assert sum(cell["position"] for cell in newest["cells"]) == newest["position"] and [cell["cell"] for cell in newest["cells"]] == list(range(CELLS))
    for order in made:
        assert shop.wait_order(order, "Completed")["paymentStatus"] == "Paid"
    check_tables(shop.database, made)


def test_payment_and_order_killed_in_the_middle_charge_nobody_twice(open_cells):
    shop = open_cells({"product.start_after_ms": 30, "product.brew_ms": 10}).start()
    for item in ITEMS:
        shop.set_stock(PLENTY, item)
    stop, statuses = threading.Event(), []
    keyless = threading.Thread(target=keep_ordering, args=(shop, stop, statuses))
    keyless.start()
    try:
        with Customers(shop, SEED) as customers:
            for name in ("payment", "order", "payment"):
                customers.go_on(1)
                shop.restart(name)
            customers.go_on(0.5)
    finally:
        stop.set()
        keyless.join()
    assert len(customers.acknowledged) > 50 and statuses.count(201) > 5
    check_tables(shop.database, customers.acknowledged)
    for order in customers.canceled:
        assert shop.get_order(order)["status"] == "Canceled"
        wait_paid_back(shop, order)
    keys = Counter(customers.acknowledged.values())
    assert max(keys.values()) == 1, "a key is one order"
    for name in ("order", "payment"):
        assert shop[name].get("/dead-letters").json()["_embedded"]["deadLetters"] == []


def test_what_an_external_provider_says_reaches_the_cell_of_its_payment(open_cells, provider, secret_file):
    shop = open_cells({**SOON, "payment.provider": "http", "payment.provider_url": provider.url, "payment.provider_secret_file": secret_file}).start()
    shop.set_stock(PLENTY)
    made = [shop.order() for _ in range(2 * CELLS)]
    for order in made:
        shop.wait_order(order["id"], "Completed")
    eventually(lambda: len(payments(shop, "Captured")) == len(made), what="all are taken")
    expected = Counter((order["paymentId"], order["amount"]) for order in made)
    assert Counter((number_in(name), amount) for name, amount in provider.book) == expected
    check_tables(shop.database, [order["id"] for order in made])
