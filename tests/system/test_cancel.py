"""Cancelling: allowed until production starts, decided once, in the kitchen."""
import contextlib
import json
import os
import random
import signal
import threading

import pytest

from eventually import eventually
from rules import check_rules
from shop import PATIENT, ROOT


def test_an_order_can_be_canceled_before_production(patient_shop):
    order = patient_shop.order()
    answer = patient_shop.cancel(order["id"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "Canceled"
    assert patient_shop.get_order(order["id"])["status"] == "Canceled"


def test_canceling_again_gives_the_same_answer(patient_shop):
    order = patient_shop.order()
    first, second = patient_shop.cancel(order["id"]), patient_shop.cancel(order["id"])
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json()["status"] == "Canceled"


def test_the_ticket_of_a_canceled_order_is_canceled(patient_shop):
    order = patient_shop.order()
    ticket = patient_shop.ticket_of(order["id"])
    patient_shop.cancel(order["id"])
    assert patient_shop["product"].get(f"/products/{ticket['id']}").json()["status"] == "Canceled"


def test_a_canceled_order_takes_no_stock(patient_shop):
    before = patient_shop.on_hand()
    order = patient_shop.order(qty=5)
    ticket = patient_shop.ticket_of(order["id"])
    assert patient_shop.cancel(order["id"]).status_code == 200
    # The kitchen gives back what it may have reserved: by then its question, had there been one, would have been answered.
    counter = patient_shop["product"].post("/products", json={"productName": "Americano", "qty": 1})
    assert (counter.status_code, counter.json()["status"]) == (201, "Producing"), counter.text
    assert patient_shop["product"].get(f"/products/{ticket['id']}").json()["status"] == "Canceled"
    assert patient_shop.on_hand() == before - 1, "the counter's cup and no other"
    taken = [event["subject"] for _, event in patient_shop.events("stock") if event["type"] == "StockReduced"]
    assert taken and str(order["id"]) not in taken


def test_an_order_in_production_can_not_be_canceled(slow_shop):
    order = slow_shop.wait_order(slow_shop.order()["id"], "Producing")
    answer = slow_shop.cancel(order["id"])
    assert answer.status_code == 409
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert slow_shop.get_order(order["id"])["status"] == "Producing"


def test_a_completed_order_can_not_be_canceled(shop):
    order = shop.wait_order(shop.order()["id"], "Completed")
    assert shop.cancel(order["id"]).status_code == 409
    assert shop.get_order(order["id"])["status"] == "Completed"


def test_an_order_that_is_not_there_can_not_be_canceled(shop):
    assert shop.cancel(999_999_999).status_code == 404


def test_an_order_can_be_given_no_other_status_by_a_customer(patient_shop):
    order = patient_shop.order()
    for status in ("Completed", "Producing", "Nonsense"):
        answer = patient_shop["order"].patch(f"/orders/{order['id']}", json={"status": status})
        assert (answer.status_code, answer.json()["member"]) == (422, "status"), (status, answer.text)
    assert patient_shop.get_order(order["id"])["status"] == "Requested"


def test_a_ticket_can_be_canceled_by_put_as_the_seed_does(patient_shop):
    order = patient_shop.order()
    ticket = patient_shop.ticket_of(order["id"])
    answer = patient_shop["product"].put(f"/products/{ticket['id']}", json={**without_links(ticket), "status": "Canceled"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "Canceled"
    patient_shop.wait_order(order["id"], "Canceled")


def test_a_ticket_in_production_can_not_be_canceled_by_put(slow_shop):
    ticket = slow_shop["product"].post("/products", json={"productName": "Tea", "qty": 1}).json()
    answer = slow_shop["product"].put(f"/products/{ticket['id']}", json={**without_links(ticket), "status": "Canceled"})
    assert answer.status_code == 409
    assert slow_shop["product"].get(f"/products/{ticket['id']}").json()["status"] == "Producing"


def test_a_cancel_that_comes_before_its_order_is_remembered(open_shop):
    shop = open_shop(PATIENT).start("product", "stock")
    answer = shop["product"].put("/products/search/cancelByOrderId", params={"orderId": 1})
    assert answer.status_code == 200, answer.text
    shop.start("order", "customercenter")
    order = shop.order()
    assert order["id"] == 1
    shop.wait_order(1, "Canceled")


def test_with_the_kitchen_down_a_cancel_is_put_off_and_the_order_unchanged(open_shop):
    shop = open_shop(PATIENT).start()
    order = shop.order()
    shop.kill("product")
    answer = shop.cancel(order["id"])
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert shop.get_order(order["id"])["status"] == "Requested"
    shop.start("product")
    # The breaker may still be open for its sleep window.
    eventually(lambda: shop.cancel(order["id"]).status_code == 200, within=20)
    assert shop.get_order(order["id"])["status"] == "Canceled"


def test_a_cancel_given_up_while_the_kitchen_was_down_is_not_done_later(open_shop):
    shop = open_shop(PATIENT).start()
    order, other = shop.order(), shop.order()
    shop.kill("product")
    assert shop.cancel(order["id"]).status_code == 503
    shop.start("product")
    eventually(lambda: shop.cancel(other["id"]).status_code == 200, within=20)
    assert shop.get_order(order["id"])["status"] == "Requested"
    assert shop.ticket_of(order["id"])["status"] == "Ready"


EXAMPLES = ROOT / "api" / "examples"


@pytest.fixture
def frozen():
    """frozen(shop, name): a service that takes connections and answers nobody; awake(shop, name) lets it go on."""
    stopped = []

    def freeze(shop, name):
        stopped.append(shop.running[name].pid)
        os.kill(stopped[-1], signal.SIGSTOP)

    yield freeze
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def awake(shop, name):
    os.kill(shop.running[name].pid, signal.SIGCONT)


def test_a_cancel_that_gets_no_answer_in_time_is_unknown_and_what_came_of_it_is_seen_later(open_shop, frozen):
    """The kitchen hears the question after its asker has given up waiting: it cancels, and its event says so."""
    shop = open_shop(PATIENT).start()
    order = shop.order(qty=2)
    ticket = shop.ticket_of(order["id"])
    frozen(shop, "product")
    answer = shop.cancel(order["id"])
    example = json.loads((EXAMPLES / "problem_cancel_unknown.json").read_text())
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json() == {**example, "instance": f"/orders/{order['id']}"}
    assert shop.get_order(order["id"])["status"] == "Requested"
    awake(shop, "product")
    shop.wait_order(order["id"], "Canceled")
    assert shop["product"].get(f"/products/{ticket['id']}").json()["status"] == "Canceled"
    assert shop.cancel(order["id"]).status_code == 200
    check_rules(shop, [order["id"]])


def test_a_cancel_whose_outcome_is_unknown_may_be_asked_for_again(open_shop, frozen):
    shop = open_shop({**PATIENT, "breaker.volume": 1_000_000}).start()
    order = shop.order()
    shop.ticket_of(order["id"])
    frozen(shop, "product")
    for _ in range(3):
        assert shop.cancel(order["id"]).json()["type"] == "outcome-unknown"
    awake(shop, "product")
    eventually(lambda: shop.cancel(order["id"]).status_code == 200, what="it is known now")
    assert shop.get_order(order["id"])["status"] == "Canceled"
    told = [event["type"] for _, event in shop.events("product") if event["subject"] == str(order["id"])]
    assert told == ["ProductCanceled"], "once, however often it was asked for"
    check_rules(shop, [order["id"]])


def test_cancel_races_with_production_and_one_of_them_wins(open_shop):
    """Every order is cancelled about when it starts; whatever wins, the answer and the shop agree."""
    shop = open_shop({"product.start_after_ms": 100, "product.brew_ms": 5}).start()
    shop.set_stock(10_000)
    answers, lock = {}, threading.Lock()

    def customer(seed):
        chance = random.Random(seed)
        for _ in range(25):
            order = shop.order(qty=chance.randint(1, 3))
            for _ in range(chance.randint(0, 40)):
                shop.get_order(order["id"])  # time passes by as many questions
            answer = shop.cancel(order["id"])
            with lock:
                answers[order["id"]] = answer.status_code

    customers = [threading.Thread(target=customer, args=(seed,)) for seed in range(6)]
    for each in customers:
        each.start()
    for each in customers:
        each.join()
    check_rules(shop, acknowledged=answers, stock_set={"Americano": 10_000})
    for order in shop.all("orders"):
        answer = answers[order["id"]]
        assert answer in (200, 409, 503), answer
        if answer == 200:
            assert order["status"] == "Canceled"
        if answer == 409:
            assert order["status"] == "Completed"
    assert 200 in answers.values()


def without_links(entity):
    return {name: value for name, value in entity.items() if name != "_links"}
