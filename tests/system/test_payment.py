"""Paying first: nothing of an order exists before it is paid, and what is cancelled goes back.

What has become of the money is added up from outside: payment's ledger, as it is on the disk, against the orders."""
import datetime
import json
import os
import signal
import threading
import time

import httpx
import pytest

from checksums import changed
from eventually import eventually
from paying import kill_under_load, payments, problem, read_ledger, wait_until_it_adds_up
from serving import Quiet, Serving
from shop import LONG_MS, PAID, PATIENT, PROGRAM, SLOW_BREW, Process, flags, run_program

PRICE = 4500  # of an Americano
FAIL_ONCE = PROGRAM.resolve().parent / "tests" / "lib" / "libfail_once.so"
MOST = 10**12  # of one payment


@pytest.fixture
def open_paid_shop(open_shop):
    """A shop in which one pays; it is not started."""
    return lambda settings=None, **options: open_shop(settings, services=PAID, **options)


def test_an_order_is_paid_made_and_its_payment_taken(open_paid_shop):
    shop = open_paid_shop().start()
    order = shop.order(qty=2)
    assert order["paymentStatus"] == "Paid"
    assert order["amount"] == 2 * PRICE
    assert shop.wait_order(order["id"], "Completed")["paymentStatus"] == "Paid"
    wait_until_it_adds_up(shop)
    taken = shop["payment"].get("/payments/search/findByOrderId", params={"orderId": order["id"]}).json()["_embedded"]["payments"]
    assert [(payment["id"], payment["status"], payment["amount"]) for payment in taken] == [(order["paymentId"], "Captured", 2 * PRICE)]
    told = [(event["type"], event["data"]["orderId"], event["data"]["amount"]) for _, event in shop.events("payment")]
    assert told == [("PaymentApproved", order["id"], 2 * PRICE)]


@pytest.mark.parametrize("method, reason", [("test-declined", "the bank said no"),
                                            ("test-insufficient", "there is not enough money on the account")])
def test_a_declined_payment_leaves_no_order(open_paid_shop, method, reason):
    shop = open_paid_shop().start()
    declined = problem(shop.ask_order(method=method), 402)
    assert (declined["member"], declined["reason"]) == ("paymentMethod", reason)
    assert shop.all("orders") == [] and shop.events("order") == []
    paid = shop.order()
    assert paid["id"] == 1, "no number was used up either"
    wait_until_it_adds_up(shop)


def test_what_is_over_the_tills_limit_is_declined(open_paid_shop):
    shop = open_paid_shop({"payment.ledger.limit": 2 * PRICE}).start()
    assert problem(shop.ask_order(qty=3), 402)["reason"] == "the amount is over the limit"
    shop.order(qty=2)


def test_a_declined_order_is_declined_again_under_its_key(open_paid_shop):
    shop = open_paid_shop().start()
    first = shop.ask_order(method="test-declined", **{"Idempotency-Key": "k"})
    again = shop.ask_order(method="test-declined", **{"Idempotency-Key": "k"})
    assert (first.status_code, first.json()) == (402, again.json())
    assert len(payments(shop, "Declined")) == 1


def test_an_unknown_way_to_pay_is_refused_by_name(open_paid_shop):
    shop = open_paid_shop().start()
    refused = problem(shop.ask_order(method="shells"), 422)
    assert refused["member"] == "paymentMethod"
    assert refused["detail"] == "paymentMethod must be one of: card cash points test-declined test-insufficient test-unknown"
    assert payments(shop) == []


@pytest.mark.parametrize("at_the_counter", [False, True])
def test_a_customer_who_was_shown_another_price_is_not_charged(open_paid_shop, at_the_counter):
    shop = open_paid_shop({"order.payment_url": ""} if at_the_counter else {}).start()
    right = {"price": PRICE, "amount": 2 * PRICE, "currency": "KRW"}
    for member, wrong in (("price", PRICE + 1), ("price", 0), ("amount", 2 * PRICE - 1), ("amount", str(PRICE)), ("currency", "USD"), ("currency", "krw")):
        for shown in ({member: wrong}, {**right, member: wrong}):
            refused = problem(shop["order"].post("/orders", json={"productName": "Americano", "qty": 2, **shown}), 409)
            assert refused["member"] == member and member in refused["detail"]
            assert {name: refused[name] for name in right} == right
    for member, wrong in (("price", -1), ("price", "cheap"), ("amount", 1.5), ("currency", 410), ("currency", "")):
        assert problem(shop["order"].post("/orders", json={"productName": "Americano", "qty": 2, member: wrong}), 422)["member"] == member
    assert payments(shop) == [] and shop.all("orders") == []
    assert shop["order"].post("/orders", json={"productName": "Americano", "qty": 2, **right}).status_code == 201


def test_who_was_shown_another_price_may_agree_to_the_right_one_under_the_same_key(open_paid_shop):
    shop = open_paid_shop().start()
    for shown, status in (({"currency": "USD"}, 409), ({"price": 1}, 409), ({"price": PRICE}, 201), ({"price": PRICE}, 201), ({"price": 1}, 422)):
        answer = shop["order"].post("/orders", json={"productName": "Americano", "qty": 1, **shown}, headers={"Idempotency-Key": "k"})
        assert answer.status_code == status, answer.text
    assert len(shop.all("orders")) == len(payments(shop)) == 1


def test_the_same_key_is_one_order_and_one_payment(open_paid_shop):
    shop = open_paid_shop({"payment.authorization_ms": 8000}).start()
    answers = []

    def ask():
        answers.append(shop.ask_order(**{"Idempotency-Key": "one"}))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(shop.all("orders")) == 1
    # who comes when the payment is just taken may be promised another one, which no order ever comes for
    eventually(lambda: [payment["status"] for payment in payments(shop) if payment["status"] != "Voided"] == ["Captured"], within=60,
               what="one is taken, and nothing else is kept")
    wait_until_it_adds_up(shop)
    assert [amount for _, _, amount in read_ledger(shop)] == [PRICE]


def test_a_canceled_order_gets_its_money_back_and_says_so(open_paid_shop):
    shop = open_paid_shop(PATIENT).start()
    order = shop.order()
    canceled = shop.cancel(order["id"]).json()
    assert (canceled["status"], canceled["paymentStatus"], canceled.get("refundedAt")) == ("Canceled", "Paid", None), "it is on its way back"
    eventually(lambda: shop.get_order(order["id"])["paymentStatus"] == "Refunded", what="the order says that the money went back")
    assert shop.get_order(order["id"])["refundedAt"] >= canceled["canceledAt"]
    page = eventually(lambda: (lambda page: page if page["paymentStatus"] == "Refunded" else None)(shop.page_of(order["id"])),
                      what="and so does the customer's page")
    steps = [(entry["type"], entry["status"]) for entry in page["timeline"]]
    assert [step for step in steps if step[0].startswith("Payment")] == [("PaymentApproved", "Paid"), ("PaymentCanceled", "Refunded")]
    assert steps[0][0] == "Ordered" and all(entry["at"] for entry in page["timeline"])
    wait_until_it_adds_up(shop)
    assert [payment["status"] for payment in payments(shop)] == ["Refunded"]
    assert sum(amount for _, _, amount in read_ledger(shop)) == 0


@pytest.mark.parametrize("given_back_by", ["a cancel", "an operator"])
def test_what_costs_nothing_is_refunded_for_its_customer_the_operator_and_the_sums_alike(open_paid_shop, tmp_path, given_back_by):
    menu = tmp_path / "menu.json"
    menu.write_text(json.dumps({"currency": "KRW", "items": [{"name": "Water", "names": {"ko": "물", "en": "Water"}, "price": 0}]}))
    shop = open_paid_shop({**(PATIENT if given_back_by == "a cancel" else {}), "menu": menu}).start()
    order = shop.order("Water")
    eventually(lambda: payments(shop, "Captured"), what="it is taken, as all others are")
    if given_back_by == "a cancel":
        assert shop.cancel(order["id"]).status_code == 200
    else:
        shop.wait_order(order["id"], "Completed")
        assert refund(shop, order).status_code == 200
    eventually(lambda: shop.get_order(order["id"])["paymentStatus"] == "Refunded", what="its order says so")
    assert [payment["status"] for payment in payments(shop)] == ["Refunded"]
    assert [row["status"] for row in shop["payment"].get("/payments/summary").json()["sums"]] == ["Refunded"]
    assert [event["data"]["status"] for _, event in shop.events("payment")] == ["Captured", "Refunded"]
    counted = shop["payment"].get("/metrics").text
    assert [f'coffeeshop_payments_total{{status="{status}"}} {n}\n' in counted for status, n in (("Voided", 0), ("Refunded", 1))] == [True, True]


def test_an_operator_gives_money_back_once(open_paid_shop):
    shop = open_paid_shop().start()
    order = shop.wait_order(shop.order()["id"], "Completed")
    eventually(lambda: payments(shop, "Captured"), what="the payment is taken")
    path = f"/payments/{order['paymentId']}"
    for part in ({"amount": 1}, {"amount": PRICE + 1}, {"currency": "USD"}):
        refused = problem(shop["payment"].put(path, json={"status": "Refunded", "reason": "only some of it", **part}), 409)
        assert [refused["member"]] == list(part) and f"{PRICE} KRW" in refused["detail"]
    first = shop["payment"].put(path, json={"status": "Refunded", "reason": "it was cold", "amount": PRICE, "currency": "KRW"})
    assert (first.status_code, first.json()["status"], first.json()["reason"]) == (200, "Refunded", "it was cold"), first.text
    assert problem(shop["payment"].put(path, json={"status": "Refunded"}), 409)["member"] == "status"
    eventually(lambda: shop.get_order(order["id"])["paymentStatus"] == "Refunded", what="the order knows")
    assert shop.get_order(order["id"])["status"] == "Completed"
    assert [amount for _, _, amount in read_ledger(shop)] == [PRICE, -PRICE]


def refund(shop, order):
    return shop["payment"].put(f"/payments/{order['paymentId']}", json={"status": "Refunded"})


@pytest.mark.parametrize("settings, status", [(PATIENT, "Requested"), (SLOW_BREW, "Producing"), ({}, "Out of stock")])
def test_no_coffee_is_made_for_nothing_because_an_operator_gave_its_money_back(open_paid_shop, settings, status):
    shop = open_paid_shop(settings).start()
    if status == "Out of stock":
        shop.set_stock(0)
    order = shop.wait_order(shop.order()["id"], status)
    taken = eventually(lambda: payments(shop, "Captured"), what="the payment is taken")
    refused = problem(refund(shop, order), 409)
    assert refused["member"] == "status" and "cancelled instead" in refused["detail"]
    assert payments(shop) == taken and shop.get_order(order["id"])["paymentStatus"] == "Paid"
    wait_until_it_adds_up(shop)
    if status != "Producing":
        assert shop.cancel(order["id"]).status_code == 200
        eventually(lambda: payments(shop, "Refunded"), what="what is cancelled goes back by itself")
        assert "given back" in problem(refund(shop, order), 409)["detail"]
        wait_until_it_adds_up(shop)


def test_what_order_can_not_be_asked_about_is_not_given_back(open_paid_shop):
    shop = open_paid_shop().start()
    order = shop.wait_order(shop.order()["id"], "Completed")
    taken = eventually(lambda: payments(shop, "Captured"), what="the payment is taken")
    shop.stop("order")
    answer = refund(shop, order)
    assert "nothing was given back" in problem(answer, 503)["detail"] and int(answer.headers["retry-after"]) >= 1
    assert payments(shop) == taken
    shop.start("order")
    assert refund(shop, order).json()["status"] == "Refunded"


def test_who_sent_no_key_is_not_told_to_repeat_one(open_paid_shop):
    shop = open_paid_shop().start("order", "payment")
    told = problem(shop.ask_order(method="test-unknown"), 503, "outcome-unknown")
    assert told["ordered"] is False and "Idempotency-Key" not in told["detail"]
    assert shop.all("orders") == []


def test_an_unknown_payment_is_said_to_be_unknown_and_the_key_goes_on_with_it(open_paid_shop):
    shop = open_paid_shop({"payment.authorization_ms": 1000}).start()
    answer = shop.ask_order(method="test-unknown", **{"Idempotency-Key": "u"})
    told = problem(answer, 503, "outcome-unknown")
    assert answer.headers["retry-after"]
    assert told["ordered"] is False and "the same Idempotency-Key tries again" in told["detail"]
    problem(shop.ask_order(method="test-unknown", **{"Idempotency-Key": "u"}), 503, "outcome-unknown")
    assert len(payments(shop)) == 1, "asked for once"
    reused = shop.ask_order(method="card", **{"Idempotency-Key": "u"})
    assert problem(reused, 422)["member"] == "Idempotency-Key"
    eventually(lambda: payments(shop, "Voided"), what="it is given up when its time is over")
    assert shop.all("orders") == [] and read_ledger(shop) == []


def test_while_payment_is_down_orders_are_not_taken_and_afterwards_they_are(open_paid_shop):
    shop = open_paid_shop({"breaker.sleep_window_ms": 300}).start()
    made = shop.ask_order(**{"Idempotency-Key": "made"})
    shop.stop("payment")
    busy = [shop.ask_order() for _ in range(30)]
    assert all(problem(answer, 503, "payment-busy") and answer.headers["retry-after"] for answer in busy)
    again = shop.ask_order(**{"Idempotency-Key": "made"})
    assert (again.status_code, again.json()["id"]) == (201, made.json()["id"]), "what was ordered before is found"
    assert [order["id"] for order in shop.all("orders")] == [made.json()["id"]]
    shop.start("payment")
    order = eventually(lambda: (lambda answer: answer.json() if answer.status_code == 201 else None)(shop.ask_order()),
                       what="orders are taken again")
    shop.wait_order(order["id"], "Completed")
    wait_until_it_adds_up(shop)


class Between(Serving):
    """Stands between order and payment: passes a question on, and does something before it passes the answer back."""

    def __init__(self, shop, before_answer):
        between = self

        class Handler(Quiet):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = httpx.post(shop.url("payment") + self.path, content=body, headers={"Content-Type": "application/json"}, trust_env=False)
                between.answers.append(answer.json())
                before_answer()
                try:
                    self.send_response(answer.status_code)
                    for name in ("content-type", "content-length"):
                        self.send_header(name, answer.headers[name])
                    self.end_headers()
                    self.wfile.write(answer.content)
                except OSError:
                    pass  # who asked is gone

            def do_GET(self):
                self.send_error(503)

        self.answers = []
        super().__init__(Handler)


def test_what_was_approved_for_an_order_that_never_came_is_given_back(open_paid_shop):
    """Order is killed when payment has approved and before it hears so."""
    shop = open_paid_shop({"payment.authorization_ms": 1000})
    with Between(shop, before_answer=lambda: shop.running["order"].stop(signal.SIGKILL)) as between:
        shop.settings["order.payment_url"] = between.url
        shop.start()
        with pytest.raises(httpx.TransportError):
            shop.ask_order(**{"Idempotency-Key": "gone"})
        eventually(lambda: between.answers, what="payment was asked")
        assert [answer["status"] for answer in between.answers[0]] == ["Authorized"]
    del shop.settings["order.payment_url"]
    shop.restart("order")
    eventually(lambda: payments(shop, "Voided"), what="it is given back")
    assert shop.all("orders") == [] and read_ledger(shop) == []
    assert shop.ask_order(**{"Idempotency-Key": "gone"}).status_code == 201, "the same purchase can be made anew"
    wait_until_it_adds_up(shop)


# ---- a key that is repeated when the menu has another price ----

DEARER = PRICE + 500


@pytest.fixture
def open_dearer_shop(open_paid_shop, tmp_path):
    """open_dearer_shop(first) -> (shop, ask): order was asked once under a key, which came to `first`; then its menu has another price."""
    menu = tmp_path / "menu.json"
    set_price = lambda price: menu.write_text(json.dumps({"currency": "KRW", "items": [{"name": "Americano", "price": price}]}))

    def make(first, shown, authorization_ms=600_000):
        set_price(PRICE)
        shop = open_paid_shop({**PATIENT, "menu": menu, "payment.authorization_ms": authorization_ms})
        body = {"productName": "Americano", "qty": 2, "paymentMethod": {"pending": "test-unknown", "declined": "test-declined"}.get(first, "card"),
                **({"amount": 2 * PRICE, "price": PRICE, "currency": "KRW"} if shown else {})}
        ask = lambda **members: shop["order"].post("/orders", json={**body, **members}, headers={"Idempotency-Key": "k"})
        with Between(shop, before_answer=lambda: shop.running["order"].stop(signal.SIGKILL)) as between:
            if first in ("promised", "declined"):  # and order doesn't live to hear so
                shop.settings["order.payment_url"] = between.url
                shop.start()
                with pytest.raises(httpx.TransportError):
                    ask()
                eventually(lambda: between.answers, what="payment has decided")
                del shop.settings["order.payment_url"]
            elif first == "pending":
                shop.start()
                problem(ask(), 503, "outcome-unknown")
            else:
                shop.start("order")  # there is nobody to pay
                problem(ask(), 503, "payment-busy")
                shop.start(*(name for name in PAID if name != "order"))
        set_price(DEARER)
        shop.restart("order")
        return shop, ask

    return make


@pytest.mark.parametrize("shown", [False, True], ids=["unseen", "shown"])
@pytest.mark.parametrize("first, status", [("promised", 201), ("declined", 402), ("pending", 503)])
def test_a_key_finds_its_first_outcome_whatever_it_costs_by_now(open_dearer_shop, first, status, shown):
    shop, ask = open_dearer_shop(first, shown)
    for answer in (ask(), ask()):
        assert answer.status_code == status, answer.text
    assert len(payments(shop)) == 1 and payments(shop)[0]["amount"] == 2 * PRICE, "it is the first one"
    other = ask(qty=3, amount=None, price=None)
    assert problem(other, 422)["detail"] == "Idempotency-Key was used before with another body"
    if status == 201:
        assert (ask().json()["amount"], ask().json()["id"]) == (2 * PRICE, 1)
        wait_until_it_adds_up(shop)


@pytest.mark.parametrize("first", ["promised", "never asked"])
def test_a_key_whose_first_purchase_was_not_made_is_told_the_new_price(open_dearer_shop, first):
    shop, ask = open_dearer_shop(first, shown=True, authorization_ms=1000)
    if first == "promised":
        eventually(lambda: payments(shop, "Voided"), what="it is given back, because its order doesn't come")
    told = problem(ask(), 409)
    assert told["detail"].startswith("price") and (told["price"], told["amount"]) == (DEARER, 2 * DEARER)
    assert shop.all("orders") == []
    agreed = ask(price=DEARER, amount=2 * DEARER)
    assert (agreed.status_code, agreed.json().get("amount")) == (201, 2 * DEARER), agreed.text
    wait_until_it_adds_up(shop)


def test_a_key_whose_first_purchase_was_given_back_costs_what_it_costs_now_where_no_price_was_shown(open_dearer_shop):
    shop, ask = open_dearer_shop("promised", shown=False, authorization_ms=1000)
    eventually(lambda: payments(shop, "Voided"), what="it is given back, because its order doesn't come")
    assert ask().json()["amount"] == 2 * DEARER
    wait_until_it_adds_up(shop)


@pytest.mark.skipif(not FAIL_ONCE.exists(), reason="this build of the program can't be preloaded into (a sanitizer's?)")
def test_an_order_whose_commit_took_longer_than_its_authorisation_lasts_is_seen(open_paid_shop):
    """The disk takes so long that payment has given it back: nothing can be done about it any more, but it is said."""
    shop = open_paid_shop({"payment.authorization_ms": 1000})
    slow = shop.directory / "slow"
    with Between(shop, before_answer=slow.touch) as between:
        shop.settings["order.payment_url"] = between.url
        shop.start(*(name for name in PAID if name != "order"))
        shop.start("order", env={**os.environ, "LD_PRELOAD": str(FAIL_ONCE), "FAIL_WHAT": "log-hang", "FAIL_WHEN": str(slow)})
        customer = threading.Thread(target=shop.ask_order)
        customer.start()
        eventually(lambda: payments(shop, "Voided"), what="it is given back, because its order doesn't come")
        slow.unlink()
        customer.join()
    del shop.settings["order.payment_url"]
    shop.restart("order")
    payment = eventually(lambda: next((payment for payment in payments(shop, "Voided") if payment["orderId"]), None), what="its order has come")
    assert payment["reason"] == "its order came when the authorisation had ended"
    eventually(lambda: "coffeeshop_orders_unpaid_total 1" in shop["payment"].get("/metrics").text, what="it is counted")
    eventually(lambda: shop.get_order(payment["orderId"])["paymentStatus"] == "Refunded", what="the order says that it isn't paid")
    assert "isn't paid" in (shop.directory / "payment.log").read_text()
    assert "coffeeshop_dead_letters 0" in shop["payment"].get("/metrics").text, "and nothing else is held up by it"
    assert read_ledger(shop) == []


def test_an_answer_that_comes_too_late_is_unknown_and_its_key_finds_the_same_payment(open_paid_shop):
    shop = open_paid_shop({"call.timeout_ms": 100})
    late = threading.Event()
    with Between(shop, before_answer=lambda: late.wait(30)) as between:
        shop.settings["order.payment_url"] = between.url
        shop.start()
        problem(shop.ask_order(**{"Idempotency-Key": "late"}), 503, "outcome-unknown")
        late.set()
        # as often as it is late, as a client does that was told so
        eventually(lambda: shop.ask_order(**{"Idempotency-Key": "late"}).status_code == 201, what="it is answered in time")
        order = shop.ask_order(**{"Idempotency-Key": "late"})
        assert order.status_code == 201, order.text
    assert [payment["id"] for payment in payments(shop)] == [order.json()["paymentId"]]
    wait_until_it_adds_up(shop)


def test_nothing_is_given_back_as_long_as_its_order_may_still_be_unheard_of(open_paid_shop):
    shop = open_paid_shop({"payment.authorization_ms": 1000}).start()
    approved = shop["payment"].post("/payments/authorize", json=[
        {"key": "POST /orders lost", "amount": PRICE, "currency": "KRW", "method": "card"}])
    assert approved.json()[0]["status"] == "Authorized"
    shop.stop("order")
    due = time.monotonic() + 2.5
    eventually(lambda: time.monotonic() > due, what="its time is over")
    assert [payment["status"] for payment in payments(shop)] == ["Authorized"]
    shop.start("order")
    eventually(lambda: payments(shop, "Voided"), what="it is given back once order has been heard")


def test_payment_killed_under_load_charges_nobody_twice_and_forgets_nobody(open_paid_shop):
    shop = open_paid_shop({**PATIENT, "payment.authorization_ms": 1500, "breaker.sleep_window_ms": 100}).start()
    answers = kill_under_load(shop, "payment", int(os.environ.get("PAYMENT_KILLS", "5")))
    orders = shop.all("orders")
    assert len(orders) >= answers.count(201) > 0
    for order in orders[::7]:
        assert shop.cancel(order["id"]).status_code == 200
    wait_until_it_adds_up(shop)
    eventually(lambda: not payments(shop, "Authorized") and not payments(shop, "Pending"), what="nothing is left over")
    refunded = {order["id"] for order in shop.all("orders") if order["paymentStatus"] == "Refunded"}
    assert refunded == {order["id"] for order in orders[::7]}


def test_order_killed_under_load_charges_only_for_orders_that_exist(open_paid_shop):
    shop = open_paid_shop({**PATIENT, "payment.authorization_ms": 1500, "breaker.sleep_window_ms": 100}).start()
    answers = kill_under_load(shop, "order", 3)
    assert len(shop.all("orders")) >= answers.count(201) > 0
    eventually(lambda: not payments(shop, "Authorized"), what="nothing is left over")
    wait_until_it_adds_up(shop)


def test_paid_at_the_counter_nothing_is_said_of_payment(shop):
    order = shop.order()
    assert "paymentStatus" not in order and "paymentId" not in order
    ordered = next(event for _, event in shop.events("order") if event["data"]["id"] == order["id"])
    assert "paymentId" not in ordered["data"]


def through_the_door(shop, *who):
    """The gateway's client; `who` is an operator besides nobody."""
    shop.settings["gateway.operators"] = " ".join(who)
    shop.start("gateway")
    return shop["gateway"]


def test_an_operator_sees_payments_and_gives_back_through_the_gateway(open_paid_shop):
    shop = open_paid_shop().start()
    door = through_the_door(shop, "127.0.0.0/8")
    order = door.post("/orders", json={"productName": "Americano", "qty": 2}).json()
    eventually(lambda: payments(shop, "Captured"), what="the payment is taken")
    listed = door.get("/payments").json()["_embedded"]["payments"]
    assert [payment["orderId"] for payment in listed] == [order["id"]]
    assert door.get("/payments/search/findByOrderId", params={"orderId": order["id"]}).status_code == 200
    shop.wait_order(order["id"], "Completed")
    assert door.put(f"/payments/{order['paymentId']}", json={"status": "Refunded"}).json()["status"] == "Refunded"
    sums = door.get("/payments/summary").json()["sums"]
    assert [(row["status"], row["count"], row["taken"], row["givenBack"], row["left"]) for row in sums] == [("Refunded", 1, 2 * PRICE, 2 * PRICE, 0)]
    assert problem(door.post("/payments/authorize", json=[]), 405), "what order asks is nobody else's"


def test_who_is_no_operator_neither_sees_payments_nor_gives_back(open_paid_shop):
    shop = open_paid_shop().start()
    door = through_the_door(shop)
    order = door.post("/orders", json={"productName": "Americano", "qty": 1}).json()
    eventually(lambda: payments(shop, "Captured"), what="the payment is taken")
    for path in ("/payments", f"/payments/{order['paymentId']}", "/payments/summary", "/payments/search/findByOrderId?orderId=1"):
        problem(door.get(path), 403)
    problem(door.put(f"/payments/{order['paymentId']}", json={"status": "Refunded"}), 403)
    assert payments(shop, "Captured")


def authorize(shop, *amounts):
    return shop["payment"].post("/payments/authorize", json=[{"key": f"POST /orders {n}", "amount": amount, "currency": "KRW", "method": "card"}
                                                             for n, amount in enumerate(amounts)])


def test_an_amount_that_nothing_costs_is_refused_by_name(open_paid_shop):
    shop = open_paid_shop().start("order", "payment")
    refused = problem(authorize(shop, MOST, MOST + 1), 422)
    assert (refused["member"], refused["detail"]) == ("[1].amount", f"[1].amount must be a whole number from 0 to {MOST}")
    assert payments(shop) == []
    assert [each["status"] for each in authorize(shop, MOST, MOST, 0).json()] == 3 * ["Authorized"]
    assert [(row["count"], row["amount"]) for row in shop["payment"].get("/payments/summary").json()["sums"]] == [(3, 2 * MOST)]


def test_sums_that_can_not_be_counted_are_said_to_be_so(open_paid_shop):
    """Only what was stored before there was a most can come to so much."""
    shop = open_paid_shop().start("order", "payment")
    authorize(shop, 1, 1, 2)
    shop.stop("payment")
    with changed(shop.data["payment"] / "payment.db") as db:
        db.execute("UPDATE payment SET amount = ? - id WHERE id < 3", (2**62,))
    shop.start("payment")
    said = shop["payment"].get("/payments/summary")
    assert [row["amount"] for row in said.json()["sums"]] == [2**63 - 1], said.text
    shop.stop("payment")
    with changed(shop.data["payment"] / "payment.db") as db:
        db.execute("UPDATE payment SET amount = amount + 1 WHERE id = 3")
    shop.start("payment")
    assert "comes to more than 9223372036854775807" in problem(shop["payment"].get("/payments/summary"), 500)["detail"]
    assert len(payments(shop)) == 3


def test_the_sums_of_the_days_are_those_of_the_rows(open_paid_shop):
    shop = open_paid_shop({**PATIENT, "timezone": "Pacific/Kiritimati"}).start()
    for qty in (1, 2, 3):
        shop.order(qty=qty)
    shop.ask_order(method="test-declined")
    shop.cancel(2)
    wait_until_it_adds_up(shop)
    rows = payments(shop)
    answer = shop["payment"].get("/payments/summary").json()
    assert answer["timezone"] == "Pacific/Kiritimati"
    sums = answer["sums"]
    for status in ("Captured", "Refunded", "Declined"):
        of = [row for row in sums if row["status"] == status]
        assert sum(row["count"] for row in of) == len([p for p in rows if p["status"] == status])
        assert sum(row["amount"] for row in of) == sum(p["amount"] for p in rows if p["status"] == status)
    counted = shop["payment"].get("/metrics").text
    for status, n in {"Authorized": 3, "Declined": 1, "Captured": 3, "Voided": 0, "Refunded": 1}.items():
        assert f'coffeeshop_payments_total{{status="{status}"}} {n}\n' in counted
    assert sum(row["left"] for row in sums) == sum(amount for _, _, amount in read_ledger(shop)) == 4 * PRICE
    assert answer["from"] == answer["to"] == sums[0]["day"]
    past = shop["payment"].get("/payments/summary?from=2020-02-28&to=2020-03-01").json()
    assert (past["from"], past["to"], past["sums"]) == ("2020-02-28", "2020-03-01", [])


@pytest.mark.parametrize("zone, before, moments", [
    # a day of 23 h: its first, what is around the hour that is passed over, its last
    ("Europe/Berlin", "2026-03-28", ["2026-03-28T23:00:00", "2026-03-29T00:59:59.999999", "2026-03-29T01:00:00", "2026-03-29T21:59:59.999999"]),
    # days of 25 h: their first, the hour that comes twice both times, their last
    ("Europe/Berlin", "2026-10-24", ["2026-10-24T22:00:00", "2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-10-25T22:59:59.999999"]),
    ("America/New_York", "2026-10-31", ["2026-11-01T04:00:00", "2026-11-01T05:30:00", "2026-11-01T06:30:00", "2026-11-02T04:59:59.999999"]),
    ("America/New_York", "2026-03-07", ["2026-03-08T05:00:00", "2026-03-08T06:59:59.999999", "2026-03-08T07:00:00", "2026-03-09T03:59:59.999999"]),
    # midnight itself comes twice
    ("America/Havana", "2026-10-31", ["2026-11-01T04:00:00", "2026-11-01T04:30:00", "2026-11-01T05:00:00", "2026-11-02T04:59:59.999999"]),
])
def test_a_payment_counts_once_on_the_day_that_it_was_in_the_shop_however_long_that_was(open_paid_shop, zone, before, moments):
    shop = open_paid_shop({"timezone": zone, "payment.authorization_ms": LONG_MS // 2}).start("payment")
    of_utc = [round(datetime.datetime.fromisoformat(moment + "+00:00").timestamp() * 1_000_000) for moment in moments]
    at = [of_utc[0] - 1, *of_utc, of_utc[-1] + 1]  # and those of the days before and after
    asked = [{"key": f"POST /orders {i}", "amount": 10 ** i, "currency": "KRW", "method": "card"} for i in range(len(at))]
    assert [answer["status"] for answer in shop["payment"].post("/payments/authorize", json=asked).json()] == ["Authorized"] * len(at)
    shop.stop("payment")
    with changed(shop.data["payment"] / "payment.db") as book:
        book.executemany("UPDATE payment SET created_at = ? WHERE amount = ?", [(moment, 10 ** i) for i, moment in enumerate(at)])
    shop.start("payment")
    first = datetime.date.fromisoformat(before)
    days = [str(first + datetime.timedelta(days=i)) for i in range(3)]
    sums = shop["payment"].get("/payments/summary", params={"from": days[0], "to": days[-1]}).json()["sums"]
    assert [(row["day"], row["count"], row["amount"]) for row in sums] == [(days[0], 1, 1), (days[1], 4, 11110), (days[2], 1, 100_000)]


@pytest.mark.parametrize("query, member", [("from=2026-02-30", "from"), ("to=tomorrow", "to"), ("from=2026-11-29&to=2026-11-28", "to"),
                                           ("from=2020-01-01&to=2026-11-28", "to")])
def test_days_that_make_no_sense_are_refused_by_name(open_paid_shop, query, member):
    shop = open_paid_shop().start("payment")
    assert problem(shop["payment"].get(f"/payments/summary?{query}"), 400)["member"] == member


def test_up_opens_a_shop_in_which_one_pays(tmp_path, open_paid_shop):
    shop = open_paid_shop()
    settings = {name: value for name, value in shop.settings_of_all().items() if not name.endswith("payment_url")}
    up = Process(["up", *flags(settings)], tmp_path / "up.log")
    try:
        for name in (*PAID, "gateway"):
            eventually(lambda: shop[name].get("/readyz").status_code == 200, what=f"{name} is ready")
        order = shop["gateway"].post("/orders", json={"productName": "Americano", "qty": 1})
        assert (order.status_code, order.json()["paymentStatus"]) == (201, "Paid"), order.text
        shop.wait_order(order.json()["id"], "Completed")
        eventually(lambda: "Ctrl-C" in up.output(), what="it says that it is open")
        assert f"what is paid       http 127.0.0.1:{shop.ports['gateway']}/payments/summary" in up.output()
        wait_until_it_adds_up(shop)
        eventually(lambda: "PaymentApproved" in [entry["type"] for entry in shop.page_of(1)["timeline"]], what="the page says so")
    finally:
        assert up.stop() == 0


def test_up_with_an_empty_payment_url_is_paid_at_the_counter(tmp_path, open_paid_shop):
    shop = open_paid_shop()
    settings = {name: value for name, value in shop.settings_of_all().items() if not name.endswith("payment_url")}
    up = Process(["up", *flags({**settings, "order.payment_url": ""})], tmp_path / "up.log")
    try:
        for name in (*PAID, "gateway"):
            eventually(lambda: shop[name].get("/readyz").status_code == 200, what=f"{name} is ready")
        order = shop["gateway"].post("/orders", json={"productName": "Americano", "qty": 1, "paymentMethod": "shells"})
        assert order.status_code == 201 and "paymentStatus" not in order.json(), order.text
        assert payments(shop) == []
        eventually(lambda: "Ctrl-C" in up.output(), what="it says that it is open")
        assert "what is paid" not in up.output()
    finally:
        assert up.stop() == 0


def test_a_rebuilt_view_knows_what_was_paid_and_given_back(open_paid_shop):
    shop = open_paid_shop(PATIENT).start()
    first, second = shop.order()["id"], shop.order()["id"]
    assert shop.cancel(second).status_code == 200

    def settled():
        pages = {page["orderId"]: page for page in shop.all("mypages")}
        steps = [entry["type"] for page in pages.values() for entry in page["timeline"]]
        return pages if pages[second].get("paymentStatus") == "Refunded" and steps.count("PaymentApproved") == 2 else None

    before = eventually(settled, what="the pages say what was paid")
    assert before[first]["paymentStatus"] == "Paid"
    shop.stop("customercenter")
    (shop.data["customercenter"] / "customercenter.db").unlink()
    done = run_program("view", "rebuild", *flags(shop.settings_of_all()))
    assert done.returncode == 0, done
    shop.start("customercenter")
    assert eventually(settled, what="they say it again") == before
