"""Orders are taken while others are away, and everything is made up for when they are back."""
import pytest

from eventually import eventually
from rules import check_rules
from shop import SLOW_BREW


@pytest.mark.parametrize("away", [("product",), ("stock",), ("customercenter",), ("product", "stock", "customercenter")],
                         ids="+".join)
def test_orders_are_taken_while_others_are_down_and_completed_afterwards(own_shop, away):
    own_shop.kill(*away)
    ids = [own_shop.order("Tea")["id"] for _ in range(10)]
    if "product" in away or "stock" in away:
        assert {own_shop.get_order(each)["status"] for each in ids} == {"Requested"}
    own_shop.start(*away)
    for each in ids:
        own_shop.wait_order(each, "Completed", within=60)
    check_rules(own_shop, ids)


def test_stock_that_was_asked_for_many_times_is_taken_once(own_shop):
    own_shop.kill("stock")
    order = own_shop.order("Latte", 4)
    own_shop.ticket_of(order["id"])
    own_shop.start("stock")
    own_shop.wait_order(order["id"], "Completed", within=60)
    assert own_shop.on_hand("Latte") == 96


def test_a_counter_ticket_is_not_made_without_an_answer_from_stock(own_shop):
    own_shop.kill("stock")
    answer = own_shop["product"].post("/products", json={"productName": "Americano", "qty": 1})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert own_shop.all("products") == []
    own_shop.start("stock")
    made = eventually(lambda: (lambda got: got if got.status_code == 201 else None)(
        own_shop["product"].post("/products", json={"productName": "Americano", "qty": 1})), within=20)
    own_shop.wait_ready("product")
    eventually(lambda: own_shop.on_hand() == 99)
    assert [ticket["id"] for ticket in own_shop.all("products")] == [made.json()["id"]]


def test_a_breaker_that_opened_closes_again(own_shop):
    own_shop.kill("stock")
    for _ in range(40):  # past the breaker's volume threshold
        assert own_shop["product"].post("/products", json={"productName": "Tea", "qty": 1}).status_code == 503
    own_shop.start("stock")
    eventually(lambda: own_shop["product"].post("/products", json={"productName": "Tea", "qty": 1}).status_code == 201, within=30)


def test_what_was_brewing_at_a_crash_is_finished(open_shop):
    shop = open_shop(SLOW_BREW).start()
    order = shop.wait_order(shop.order()["id"], "Producing")
    shop.kill("product")
    shop.settings["product.brew_ms"] = 0
    shop.start("product")
    after_restart = shop.order()
    shop.wait_order(after_restart["id"], "Completed")
    assert shop.on_hand() in (98, 99)
    # The first one keeps the time that it was given; it is neither lost nor begun again.
    assert shop.get_order(order["id"])["status"] in ("Producing", "Completed")
    assert len([t for t in shop.all("products") if t["orderId"] == order["id"]]) == 1


def test_services_may_start_in_any_order(open_shop):
    shop = open_shop()
    shop.start("customercenter").start("product").start("order")
    order = shop.order()
    shop.start("stock")
    shop.wait_order(order["id"], "Completed", within=60)
    check_rules(shop, [order["id"]])


def test_ids_go_on_after_a_crash(own_shop):
    ids = [own_shop.order()["id"] for _ in range(3)]
    own_shop.restart("order")
    assert own_shop.order()["id"] > max(ids)
