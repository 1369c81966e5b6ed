"""An order that waits for goods for too long is cancelled by the shop itself, and paid back."""
import random
import threading

import pytest

from eventually import eventually
from paying import wait_until_it_adds_up
from rules import check_rules
from shop import PAID

PATIENCE_MS = 300
GIVES_UP = {"order.out_of_stock_cancel_after_ms": PATIENCE_MS}
NEVER_COMES = 1000  # cups that no delivery of these tests is enough for


def reasons(page):
    return [(entry["type"], entry.get("reason")) for entry in page["timeline"]]


def wait_refunded(shop, order_id):
    return eventually(lambda: (order := shop.get_order(order_id))["paymentStatus"] == "Refunded" and order, what=f"order {order_id} is refunded")


@pytest.fixture
def open_paid_shop(open_shop):
    """A shop in which one pays and nobody waits for long; it is not started."""
    return lambda settings=None: open_shop({**GIVES_UP, "payment.ledger.limit": 100_000_000, **(settings or {})}, services=PAID)


def test_who_waits_for_goods_for_too_long_is_cancelled_and_paid_back_and_is_told_why(open_paid_shop):
    shop = open_paid_shop().start()
    before = shop.on_hand()
    order = shop.order(qty=NEVER_COMES)
    refunded = wait_refunded(shop, order["id"])
    assert (refunded["status"], refunded["cancelReason"]) == ("Canceled", "Out of stock")
    assert shop["product"].get(f"/products/{refunded['productId']}").json()["cancelReason"] == "Out of stock"
    page = eventually(lambda: (page := shop.page_of(order["id"])).get("paymentStatus") == "Refunded" and page, what="the view knows")
    assert [step for step in reasons(page) if not step[0].startswith("Payment")] == [
        ("Ordered", None), ("OutOfStock", None), ("ProductCanceled", "Out of stock"), ("OrderCanceled", "Out of stock")]
    assert [step for step in reasons(page) if step[0].startswith("Payment")] == [("PaymentApproved", None), ("PaymentCanceled", None)]
    assert shop.on_hand() == before
    wait_until_it_adds_up(shop)
    told = [event["data"]["cancelReason"] for name in ("product", "order") for _, event in shop.events(name) if event["type"].endswith("Canceled")]
    assert told == ["Out of stock", "Out of stock"]


def test_a_customers_own_cancel_gives_no_reason(open_paid_shop):
    shop = open_paid_shop({"order.out_of_stock_cancel_after_ms": 3_600_000}).start()
    order = shop.wait_order(shop.order(qty=NEVER_COMES)["id"], "Out of stock")
    assert shop.cancel(order["id"]).status_code == 200
    refunded = wait_refunded(shop, order["id"])
    assert "cancelReason" not in refunded
    page = eventually(lambda: (page := shop.page_of(order["id"])).get("paymentStatus") == "Refunded" and page, what="the view knows")
    assert {reason for _, reason in reasons(page)} == {None}


def test_a_cancel_that_comes_after_the_shops_own_hears_whose_it_was(open_paid_shop):
    """Whether order has heard of it from the kitchen's feed by then, or hears it from the kitchen's answer."""
    shop = open_paid_shop().start()
    for _ in range(5):
        order = shop.order(qty=NEVER_COMES)
        eventually(lambda: shop.ticket_of(order["id"])["status"] == "Canceled", every=0.005, what="it is given up")
        answer = shop.cancel(order["id"])
        assert (answer.status_code, answer.json()["cancelReason"]) == (200, "Out of stock")


def test_without_the_setting_who_waits_waits(open_shop):
    shop = open_shop().start()
    order = shop.wait_order(shop.order(qty=NEVER_COMES)["id"], "Out of stock")
    other = shop.order()  # what would be due has been looked at when this one is done
    shop.wait_order(other["id"], "Completed")
    assert shop.get_order(order["id"])["status"] == "Out of stock"
    shop.settings.update(GIVES_UP)
    shop.restart("product")
    assert shop.wait_order(order["id"], "Canceled")["cancelReason"] == "Out of stock", "it has waited already"


def test_a_counters_ticket_has_no_order_that_could_be_cancelled(open_shop):
    shop = open_shop(GIVES_UP).start("order", "product", "stock")
    ticket = shop["product"].post("/products", json={"productName": "Tea", "qty": NEVER_COMES}).json()
    assert ticket["status"] == "Out of stock"
    order = shop.order(item="Tea", qty=NEVER_COMES)
    shop.wait_order(order["id"], "Canceled")
    assert shop["product"].get(f"/products/{ticket['id']}").json()["status"] == "Out of stock"


def test_who_was_to_be_given_up_while_the_kitchen_was_dead_is_given_up_when_it_is_back(open_paid_shop):
    shop = open_paid_shop({"order.out_of_stock_cancel_after_ms": 2000}).start()
    orders = [shop.order(qty=NEVER_COMES)["id"] for _ in range(5)]
    for order in orders:
        shop.wait_order(order, "Out of stock")
    shop.kill(*PAID)
    shop.start()
    for order in orders:
        assert wait_refunded(shop, order)["cancelReason"] == "Out of stock"
    wait_until_it_adds_up(shop)


@pytest.mark.parametrize("victim", ["product", "order", "payment", "stock"])
def test_killed_at_any_moment_whoever_waits_too_long_is_paid_back_exactly_once(open_paid_shop, victim):
    """Goods come for some of them meanwhile, and some customers cancel: everybody has their coffee or their money."""
    shop = open_paid_shop({"product.start_after_ms": 10, "product.brew_ms": 5}).start()
    shop.set_stock(0)
    chance = random.Random(victim)
    orders, received = [], 0
    for _ in range(8):
        placed = [shop.ask_order(qty=chance.choice([1, 2, NEVER_COMES])) for _ in range(6)]
        orders += [answer.json()["id"] for answer in placed if answer.status_code == 201]
        customer = threading.Thread(target=shop.cancel, args=(chance.choice(orders),))
        customer.start()
        come = chance.randint(1, 3)
        shop.receive(come)
        received += come
        customer.join()
        shop.restart(victim)
    assert len(orders) > 20
    eventually(lambda: all(order["status"] in ("Canceled", "Completed") for order in shop.all("orders")), within=60, every=0.2,
               what="everybody has coffee or is cancelled")
    wait_until_it_adds_up(shop)
    seen = check_rules(shop, orders, stock_set={"Americano": 0}, received={"Americano": received})
    given_up = [order for order in seen.orders.values() if order.get("cancelReason")]
    assert given_up
    for order in given_up:
        wait_refunded(shop, order["id"])
