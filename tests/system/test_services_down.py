"""Orders are taken while others are away, and everything is made up for when they are back."""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from eventually import eventually
from line import Answer
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


def test_stock_that_was_asked_for_many_times_is_taken_once(open_shop, lines):
    """Stock does what it is asked, and its answer is lost, again and again."""
    shop = open_shop()
    line = lines(shop, "stock")
    shop.settings["product.stock_url"] = line.url
    line.says(Answer(504, done=True))
    shop.start()
    order = shop.order("Latte", 4)
    assert f"o{order['id']}.1".encode() in line.wait_asked("/stocks/reduce", times=4).body
    assert shop.on_hand("Latte") == 96
    assert shop.get_order(order["id"])["status"] == "Requested"
    line.says(None)
    shop.wait_order(order["id"], "Completed", within=60)
    assert shop.on_hand("Latte") == 96
    check_rules(shop, [order["id"]])


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
    assert metric(own_shop, 'coffeeshop_breaker_state{service="stock"}') == 0
    own_shop.kill("stock")
    for _ in range(40):  # past the breaker's volume threshold
        assert own_shop["product"].post("/products", json={"productName": "Tea", "qty": 1}).status_code == 503
    assert metric(own_shop, 'coffeeshop_breaker_state{service="stock"}') == 1
    assert metric(own_shop, 'coffeeshop_calls_refused_total{service="stock"}') > 0, "some weren't even made"
    own_shop.start("stock")
    eventually(lambda: own_shop["product"].post("/products", json={"productName": "Tea", "qty": 1}).status_code == 201, within=30)
    assert metric(own_shop, 'coffeeshop_breaker_state{service="stock"}') == 0
    refused = metric(own_shop, 'coffeeshop_calls_refused_total{service="stock"}')
    assert own_shop["product"].post("/products", json={"productName": "Tea", "qty": 1}).status_code == 201
    assert metric(own_shop, 'coffeeshop_calls_refused_total{service="stock"}') == refused
    eventually(lambda: own_shop.on_hand("Tea") == 98, what="what was given up has gone back")


def metric(shop, name, service="product"):
    lines = shop[service].get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).split()[1])


def test_what_was_brewing_at_a_crash_is_finished(open_shop):
    shop = open_shop(SLOW_BREW).start()
    order = shop.wait_order(shop.order()["id"], "Producing")
    shop.restart("product")
    other = shop.wait_order(shop.order()["id"], "Producing")  # the kitchen has gone on: this came behind
    assert shop.get_order(order["id"])["status"] == "Producing", "it keeps the time that it was given"
    assert shop.on_hand() == 98, "it isn't begun again"
    shop.kill("product")
    shop.settings["product.brew_ms"] = 0
    shop.start("product")
    for each in (order, other):
        shop.wait_order(each["id"], "Completed")  # nothing is due later than the setting allows
    check_rules(shop, [order["id"], other["id"]])
    assert shop.on_hand() == 98


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


def asked_together(shop, tickets, **settings):
    """Stock alone is started with other settings than everybody, and the kitchen, which waited for it, has all tickets to ask for at
    once."""
    eventually(lambda: len(shop.all("products")) == tickets, every=0.1, what=f"{tickets} tickets wait")
    shop.kill("product")
    shop.settings.update(settings)
    shop.start("stock")
    for name in settings:
        del shop.settings[name]
    shop.start("product")


def test_four_hundred_tickets_are_asked_for_in_as_small_parts_as_stock_takes(open_shop):
    shop = open_shop({"stock.opening": 1000})
    shop.start("order", "product", "customercenter")
    with ThreadPoolExecutor(8) as customers:
        ids = list(customers.map(lambda _: shop.order("Cappuccino")["id"], range(400)))
    asked_together(shop, 400, **{"http.max_body": "8KiB"})
    for each in ids:
        shop.wait_order(each, "Completed", within=60)
    assert "larger questions aren't taken" in shop.running["product"].output(), "the whole was refused first"
    assert refused_questions(shop) == 0, "in parts that are small enough, each gets its answer"
    assert shop.on_hand("Cappuccino") == 600
    check_rules(shop, ids, stock_set={row["productName"]: 1000 for row in shop.all("stocks")})


def test_a_question_that_stock_never_takes_holds_up_its_own_ticket_only(open_shop, tmp_path):
    """With room for `Tea` and not for the other, whoever is asked for together with it is made all the same."""
    menu = tmp_path / "menu.json"
    long = "커피" * 32
    menu.write_text(json.dumps({"currency": "KRW", "items": [{"name": "Tea", "price": 4000}, {"name": long, "price": 9000}]}))
    shop = open_shop({"menu": menu})
    shop.start("order", "product", "customercenter")
    teas = [shop.order("Tea")["id"] for _ in range(6)]
    refused = shop.order(long)["id"]
    teas += [shop.order("Tea")["id"] for _ in range(6)]
    asked_together(shop, 13, **{"http.max_body": "128"})
    for each in teas:
        shop.wait_order(each, "Completed", within=60)
    eventually(lambda: refused_questions(shop) > 0, what="it is counted")
    assert "stock refuses a question" in shop.running["product"].output()
    assert shop.get_order(refused)["status"] == "Requested"
    shop.stop("stock")
    shop.start("stock")
    shop.wait_order(refused, "Completed", within=60)
    check_rules(shop, [*teas, refused])


def refused_questions(shop):
    return metric(shop, "coffeeshop_stock_questions_refused_total")
