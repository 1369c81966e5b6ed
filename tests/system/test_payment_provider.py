"""An external payment provider: what it is asked, what of its answers is believed, what it may say by itself, and that nobody pays twice
whatever it does. Its book is added up against the orders."""
import os
import re
import threading
import time
from concurrent import futures

import httpx
import pytest

from eventually import eventually
from paying import adds_up, kill_under_load, payments, problem
from provider import CUT, HANG, SECRET, Provider, pending, sign
from shop import LONG_MS, PAID, PATIENT, flags, run_program

PRICE = 4500


def unknown(shop, key):
    """Tries to order while the provider leaves it open."""
    problem(shop.ask_order(**{"Idempotency-Key": key}), 503, "outcome-unknown")


def find(shop, key):
    answer = shop.ask_order(**{"Idempotency-Key": key})
    assert answer.status_code == 201, answer.text
    return answer.json()


# ---- all is well ----

def test_an_order_is_authorised_and_taken_by_the_provider_each_asked_once_signed_and_keyed(open_provided_shop, provider):
    shop = open_provided_shop({"payment.retry_ms": 60_000, "payment.retry_most_ms": 60_000}).start()
    order = shop.order(qty=2)
    shop.wait_order(order["id"], "Completed")
    adds_up(shop, provider)
    name = provider.name_of(1)
    assert re.fullmatch("1-[0-9a-f]{16}", name)
    assert [key for key, _ in provider.questions] == [f"{name}.authorize", f"{name}.capture"]
    first = provider.questions[0][1]
    assert first == {"paymentId": name, "operation": "authorize", "amount": 2 * PRICE, "currency": "KRW", "method": "card", "reference": None}
    assert provider.questions[1][1]["reference"] == f"ref-{name}"
    assert payments(shop)[0]["reference"] == f"ref-{name}"


def test_what_the_provider_declines_is_declined_with_its_reason(open_provided_shop, provider):
    shop = open_provided_shop().start()
    assert problem(shop.ask_order(method="test-declined"), 402)["reason"] == "no such luck"
    assert shop.all("orders") == [] and provider.book == []


@pytest.mark.parametrize("reason", ["가" * 43, "x" + "가" * 42, "😀" * 50, "é" * 200])
def test_a_long_reason_is_cut_between_characters(open_provided_shop, provider, reason):
    shop = open_provided_shop().start()
    provider.answers["authorize"] = lambda _, outcome: {**outcome, "outcome": "declined", "reason": reason}
    told = problem(shop.ask_order(), 402)
    assert len(told["reason"]) >= 30 and reason.startswith(told["reason"]), told
    assert told["detail"].endswith(told["reason"])


def test_a_canceled_order_is_given_back_by_the_provider_once(open_provided_shop, provider):
    shop = open_provided_shop(PATIENT).start()
    order = shop.order()
    eventually(lambda: payments(shop, "Captured"), what="it is taken")
    provider.answers["reverse"] = lambda *_: CUT  # done, but nobody hears so
    assert shop.cancel(order["id"]).status_code == 200
    eventually(lambda: len(provider.asked("reverse")) > 2, what="it is asked for again")
    assert payments(shop, "Captured")
    del provider.answers["reverse"]
    eventually(lambda: shop.get_order(order["id"])["paymentStatus"] == "Refunded", what="it is given back")
    adds_up(shop, provider)
    assert set(provider.asked("reverse")) == {f"{provider.name_of(1)}.reverse"}


# ---- another provider ----

def test_money_that_is_with_one_provider_is_not_given_back_by_another(open_provided_shop, provider):
    shop = open_provided_shop(PATIENT).start()
    order = shop.order()
    eventually(lambda: payments(shop, "Captured"), what="it is taken")
    provider.turned_away.add("reverse")
    assert shop.cancel(order["id"]).status_code == 200
    eventually(lambda: provider.asked("reverse"), what="it is asked to give it back")
    shop.stop("payment")
    told = run_program("payment", *flags({**shop.settings_of("payment"), "payment.provider": "ledger"}))
    assert told.returncode == 1 and "1 payments are with the provider http" in told.stderr, told.stderr
    provider.turned_away.clear()
    shop.start("payment")
    eventually(lambda: payments(shop, "Refunded"), what="it is given back where it was taken")
    adds_up(shop, provider)
    shop.stop("payment")
    shop.settings["payment.provider"] = "ledger"
    shop.start("payment")
    shop.order()
    eventually(lambda: payments(shop, "Captured"), what="the till takes money")


def test_a_provider_at_another_address_gets_its_payments_only_when_the_shop_says_that_it_has_moved(open_provided_shop, provider):
    shop = open_provided_shop(PATIENT).start()
    order = shop.order()
    eventually(lambda: payments(shop, "Captured"), what="it is taken")
    shop.stop("payment")
    with Provider() as elsewhere:
        shop.settings["payment.provider_url"] = elsewhere.url
        told = run_program("payment", *flags(shop.settings_of("payment")))
        assert told.returncode == 1 and f"1 payments are with the provider at {provider.url}," in told.stderr, told.stderr
        assert f"payment.provider_moved_from={provider.url}" in told.stderr
        assert not elsewhere.questions, "it has heard nothing of them"
        for books in ("done", "payments", "book", "questions"):  # it is the same one
            setattr(elsewhere, books, getattr(provider, books))
        shop.settings["payment.provider_moved_from"] = provider.url
        shop.start("payment")
        assert shop.cancel(order["id"]).status_code == 200
        adds_up(shop, elsewhere)
        del shop.settings["payment.provider_moved_from"]
        shop.restart("payment")
        shop.order()
        eventually(lambda: payments(shop, "Captured"), what="from now on it is there")


def test_a_copy_is_tried_out_without_the_provider_and_stays_a_copy(open_provided_shop, provider):
    shop = open_provided_shop(PATIENT).start()
    order = shop.order()
    eventually(lambda: payments(shop, "Captured"), what="it is taken")
    shop.kill(*shop.services)
    asked = len(provider.questions)
    shop.settings["payment.provider"] = "trial"
    shop.start()
    assert shop.cancel(order["id"]).status_code == 200
    eventually(lambda: payments(shop, "Refunded"), what="the till plays that it was given back")
    shop.order()
    assert len(provider.questions) == asked, "the provider has heard nothing of it"
    shop.stop("payment")
    for name in ("http", "ledger"):
        told = run_program("payment", *flags({**shop.settings_of("payment"), "payment.provider": name}))
        assert told.returncode == 1 and "it stays a trial" in told.stderr, told.stderr


# ---- answers that come late, twice, in the wrong order, after the refund, or not at all ----

def test_an_answer_that_comes_by_the_webhook_is_found_under_the_same_key(open_provided_shop, provider):
    shop = open_provided_shop().start()
    provider.answers["authorize"] = pending
    unknown(shop, "late")
    payment = payments(shop, "Pending")[0]
    assert shop.all("orders") == []
    told = provider.tell(shop.url("payment"), provider.outcome(payment, "authorize", "approved", reference="w"))
    assert (told.status_code, told.json()) == (200, {"paymentId": provider.name_of(payment["id"]), "status": "Authorized"})
    assert find(shop, "late")["paymentId"] == payment["id"]
    adds_up(shop, provider)


def test_a_webhook_answers_the_customer_who_still_waits(open_provided_shop, provider):
    shop = open_provided_shop({"payment.provider_patience_ms": 60_000, "call.timeout_ms": 60_000}).start()
    provider.answers["authorize"] = pending
    answers = []
    customer = threading.Thread(target=lambda: answers.append(shop.ask_order()))
    customer.start()
    payment = eventually(lambda: payments(shop, "Pending"), what="the provider is asked")[0]
    assert provider.tell(shop.url("payment"), provider.outcome(payment, "authorize", "approved")).status_code == 200
    customer.join()
    assert answers[0].status_code == 201, answers[0].text
    adds_up(shop, provider)


@pytest.fixture
def slow_points(provider):
    """A provider that is slow for one way to pay, as for one card: it answers when the event is set."""
    answered = threading.Event()
    provider.before["authorize"] = lambda question: question["method"] == "points" and answered.wait(60)
    yield answered
    answered.set()


ALL_TOGETHER = {"payment.provider_patience_ms": 60_000, "payment.provider_timeout_ms": 60_000, "call.timeout_ms": 60_000,
                "order.payment_linger_ms": 1000}


def test_a_card_that_its_provider_is_slow_for_keeps_nobody_else_waiting(open_provided_shop, provider, slow_points):
    shop = open_provided_shop(ALL_TOGETHER).start()
    with futures.ThreadPoolExecutor(9) as customers:
        slow = [customers.submit(shop.ask_order, method="points")]  # alone; the next ones wait for its answer, and are asked together
        eventually(lambda: provider.asked("authorize"), what="the provider thinks about the first")
        others = [customers.submit(shop.ask_order, method="points" if i == 2 else "card") for i in range(8)]
        slow.append(others.pop(2))
        assert [each.result(30).status_code for each in others] == [201] * 7
        assert not any(each.done() for each in slow)
        slow_points.set()
        assert [each.result(30).status_code for each in slow] == [201, 201]
    adds_up(shop, provider)


def test_payment_says_what_it_knows_and_is_asked_for_the_rest_on_its_own(open_provided_shop, provider, slow_points):
    payment = open_provided_shop(ALL_TOGETHER).start()["payment"]

    def ask(*methods, **options):
        answer = payment.post("/payments/authorize", json=[{"key": method, "amount": PRICE, "currency": "KRW", "method": method} for method in methods], **options)
        return [each["status"] for each in answer.json()] if answer.status_code == 200 else answer

    assert ask("points", "card", "cash").count("Pending") < 3
    eventually(lambda: ask("points", "card", "cash") == ["Pending", "Authorized", "Authorized"], what="both are known, and are said at once")
    assert ask("points", params={"waitedMs": 60_000}) == ["Pending"], "their time is over"
    with futures.ThreadPoolExecutor() as order:
        waiting = order.submit(ask, "points", params={"waitedMs": 1})
        slow_points.set()
        assert waiting.result(30) == ["Authorized"]
    for strange in ("-1", "soon", "600001", "1.5", ""):
        assert problem(ask("points", params={"waitedMs": strange}), 400)["member"] == "waitedMs"


def test_an_answer_later_than_order_waits_is_unknown_and_then_found(open_provided_shop, provider):
    shop = open_provided_shop({"payment.provider_patience_ms": 100}).start()
    known = threading.Event()

    def late(question, outcome):
        known.wait(30)
        return outcome

    provider.answers["authorize"] = late
    unknown(shop, "late")
    known.set()
    eventually(lambda: payments(shop, "Authorized"), what="the answer has come")
    assert find(shop, "late")["paymentId"] == 1
    adds_up(shop, provider)


@pytest.mark.parametrize("silence", [lambda *_: HANG, lambda *_: CUT, lambda *_: (500, "text/plain", b"oops"),
                                     lambda *_: (503, "application/json", b"{}")], ids=["hangs", "cuts", "fails", "is busy"])
def test_without_an_answer_nothing_is_left_over_in_the_end(open_provided_shop, provider, silence):
    shop = open_provided_shop({"payment.authorization_ms": 1000, "payment.provider_timeout_ms": 100}).start()
    provider.answers["authorize"] = silence
    unknown(shop, "never")
    eventually(lambda: payments(shop, "Voided"), what="it is given up")
    assert shop.all("orders") == [] and provider.book == []
    assert provider.payments == {provider.name_of(1): "voided"}
    del provider.answers["authorize"]
    assert find(shop, "never")["paymentId"] > 1
    adds_up(shop, provider)


def test_what_is_said_twice_or_after_the_refund_changes_nothing(open_provided_shop, provider):
    shop = open_provided_shop(PATIENT).start()
    order = shop.order()
    payment = eventually(lambda: payments(shop, "Captured"), what="it is taken")[0]
    for said in (("authorize", "approved"), ("capture", "captured"), ("capture", "pending"), ("capture", "captured")):
        assert provider.tell(shop.url("payment"), provider.outcome(payment, *said)).json()["status"] == "Captured"
    assert payments(shop) == [payment]
    shop.cancel(order["id"])
    refunded = eventually(lambda: payments(shop, "Refunded"), what="it is given back")
    for said in (("reverse", "refunded"), ("capture", "captured"), ("authorize", "approved")):
        assert provider.tell(shop.url("payment"), provider.outcome(payment, *said)).json()["status"] == "Refunded"
    assert payments(shop) == refunded
    assert [event["type"] for _, event in shop.events("payment")] == ["PaymentApproved", "PaymentCanceled"]
    adds_up(shop, provider)


def test_what_is_said_before_its_time_contradicts_and_changes_nothing(open_provided_shop, provider):
    shop = open_provided_shop({"payment.authorization_ms": LONG_MS // 2}).start()
    provider.answers["authorize"] = pending
    unknown(shop, "order")
    payment = payments(shop, "Pending")[0]
    for said in (("capture", "captured"), ("reverse", "voided"), ("reverse", "refunded")):
        assert problem(provider.tell(shop.url("payment"), provider.outcome(payment, *said)), 409)["member"] == "outcome"
    assert payments(shop) == [payment]
    assert provider.tell(shop.url("payment"), provider.outcome(payment, "authorize", "declined", reason="stolen")).status_code == 200
    assert problem(provider.tell(shop.url("payment"), provider.outcome(payment, "authorize", "approved")), 409)
    assert problem(shop.ask_order(**{"Idempotency-Key": "order"}), 402)["reason"] == "stolen"
    assert shop.all("orders") == [] and provider.book == []


STRANGE = {
    "another purchase": lambda _, said: {**said, "paymentId": said["paymentId"][:-16] + "0123456789abcdef"},
    "another payment": lambda _, said: {**said, "paymentId": "9" + said["paymentId"]},
    "another operation": lambda _, said: {**said, "operation": "capture", "outcome": "captured"},
    "an outcome of another operation": lambda _, said: {**said, "outcome": "captured"},
    "another amount": lambda _, said: {**said, "amount": 1},
    "another currency": lambda _, said: {**said, "currency": "USD"},
    "no amount": lambda _, said: {name: value for name, value in said.items() if name != "amount"},
    "a page": lambda *_: (200, "text/html", b"<html>"),
    "no JSON": lambda *_: (200, "application/json", b"approved"),
    "a list": lambda _, said: [said],
    "created": lambda *_: (201, "application/json", b"{}"),
    "a redirection": lambda *_: (302, "application/json", b"{}"),
    "a refusal": lambda *_: (422, "application/json", b'{"outcome":"declined"}'),
    "far too much": lambda *_: (200, "application/json", b" " * 100_000),
}


def test_an_answer_that_does_not_say_what_was_asked_is_none(open_provided_shop, provider):
    shop = open_provided_shop({"payment.retry_ms": 60_000, "payment.retry_most_ms": 60_000, "payment.provider_patience_ms": 50}).start()
    for what, strange in STRANGE.items():
        provider.answers["authorize"] = strange
        unknown(shop, what.replace(" ", "-"))
    assert len(payments(shop, "Pending")) == len(payments(shop)) == len(STRANGE)
    del provider.answers["authorize"]
    for payment in payments(shop):
        assert provider.tell(shop.url("payment"), provider.outcome(payment, "authorize", "approved")).status_code == 200
    for what in STRANGE:
        find(shop, what.replace(" ", "-"))
    adds_up(shop, provider)


def test_a_provider_that_is_away_makes_payment_busy_and_orders_are_taken_again_once_it_is_back(open_provided_shop, provider):
    shop = open_provided_shop({"breaker.volume": 3, "breaker.sleep_window_ms": 1000, "payment.provider_patience_ms": 50}).start()
    provider.answers["authorize"] = lambda *_: CUT

    def is_busy():
        answer = shop.ask_order(**{"Idempotency-Key": "first"})
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
        return answer.json()["type"] == "payment-busy"

    eventually(is_busy, what="payment says that it is busy")
    del provider.answers["authorize"]
    eventually(lambda: shop.ask_order(**{"Idempotency-Key": "first"}).status_code == 201, what="orders are taken again")
    assert len(shop.all("orders")) == 1
    adds_up(shop, provider)


def test_what_is_not_resolved_is_told_whatever_day_it_is_of_each_status_once(open_provided_shop, provider):
    shop = open_provided_shop({**PATIENT, "payment.authorization_ms": LONG_MS // 2}).start()
    order = shop.order()
    eventually(lambda: payments(shop, "Captured"), what="it is taken")
    provider.answers = {"reverse": pending, "capture": pending}
    assert shop.cancel(order["id"]).status_code == 200
    shop.order(qty=2)
    eventually(lambda: provider.asked("reverse") and len(provider.asked("capture")) > 1, what="both are under way")
    assert shop["payment"].post("/payments/authorize", json=[{"key": "k", "amount": 7, "currency": "KRW", "method": "card"}]).status_code == 200
    provider.answers["authorize"] = pending
    unknown(shop, "never")
    expected = [("Pending", 1, PRICE), ("Authorized", 2, 2 * PRICE + 7), ("Captured", 1, PRICE)]

    def told(name, query=""):
        return [(row["status"], row["count"], row["amount"]) for row in shop["payment"].get(f"/payments/summary{query}").json()[name]]

    assert told("sums") == told("unresolved") == told("unresolved", "?from=2020-02-28&to=2020-03-01") == expected
    provider.answers = {}
    eventually(lambda: told("unresolved") == [("Authorized", 2, PRICE + 7)], what="what the provider owed is known")


# ---- the webhook's door ----

@pytest.fixture
def waiting(open_provided_shop, provider):
    """A shop with one payment of which nothing is known."""
    shop = open_provided_shop({"payment.authorization_ms": LONG_MS // 2, "payment.webhook_tolerance_ms": 60_000}).start()
    provider.answers["authorize"] = pending
    unknown(shop, "k")
    return shop, payments(shop, "Pending")[0]


def test_a_webhook_that_is_not_the_providers_or_not_of_now_is_refused_and_changes_nothing(waiting, provider):
    shop, payment = waiting
    approved = provider.outcome(payment, "authorize", "approved")
    right = sign(b"{}")
    refusals = {
        "unsigned": {"signature": ""},
        "nonsense": {"signature": "nonsense"},
        "of another body": {"signature": right},
        "of another secret": {"secret": SECRET[:-1]},
        "too old": {"at": time.time() - 70},
        "of the future": {"at": time.time() + 70},
    }
    for what, how in refusals.items():
        refused = provider.tell(shop.url("payment"), approved, **how)
        assert problem(refused, 401)["member"] == "Coffeeshop-Signature", what
        assert refused.headers["www-authenticate"] == "Coffeeshop-Signature"
    assert payments(shop) == [payment]
    assert f"coffeeshop_webhooks_refused_total {len(refusals)}" in shop["payment"].get("/metrics").text
    assert shop.running["payment"].output().count("signature isn't believed") == 1  # of as many as there are in a minute
    assert provider.tell(shop.url("payment"), approved, at=time.time() - 30).status_code == 200


@pytest.mark.parametrize("change, status, member", [
    ({"paymentId": "99-0123456789abcdef"}, 404, "paymentId"), ({"paymentId": "1"}, 404, "paymentId"),
    ({"paymentId": "1-0123456789abcdef"}, 404, "paymentId"), ({"paymentId": "x"}, 404, "paymentId"), ({"amount": 1}, 409, "amount"), ({"currency": "USD"}, 409, "currency"),
    ({"outcome": "captured"}, 422, "outcome"), ({"operation": "refund"}, 422, "outcome"), ({"paymentId": 1}, 422, "paymentId"),
    ({"outcome": None}, 422, "outcome"), ({"reason": "x" * 201}, 422, "reason")])
def test_a_signed_webhook_that_makes_no_sense_is_refused_by_name(waiting, provider, change, status, member):
    shop, payment = waiting
    assert problem(provider.tell(shop.url("payment"), {**provider.outcome(payment, "authorize", "approved"), **change}), status)["member"] == member
    assert payments(shop) == [payment]


def test_a_question_sent_back_to_the_webhook_says_nothing(waiting, provider):
    """Whoever sees one of ours, signed, can't use it."""
    shop, payment = waiting
    question = provider.questions[0][1]
    problem(provider.tell(shop.url("payment"), question), 422)
    problem(provider.tell(shop.url("payment"), b"{"), 400)
    assert payments(shop) == [payment]


def test_at_the_gateway_the_webhook_is_everybodys_and_payments_are_not(waiting, provider):
    shop, payment = waiting
    shop.settings["gateway.operators"] = ""
    shop.start("gateway")
    door = shop.url("gateway")
    problem(provider.tell(door, provider.outcome(payment, "authorize", "approved"), secret="x" * 32), 401)
    problem(shop["gateway"].get(f"/payments/{payment['id']}"), 403)
    assert shop["gateway"].get("/payments/webhook").status_code in (404, 405)
    assert provider.tell(door, provider.outcome(payment, "authorize", "approved")).json()["status"] == "Authorized"
    assert find(shop, "k")["paymentId"] == payment["id"]


def test_without_a_provider_nobody_listens_to_one(open_shop, provider):
    shop = open_shop(services=PAID).start("payment")
    problem(provider.tell(shop.url("payment"), {"paymentId": "1"}), 404)


# ---- crashes ----

def test_payment_killed_under_load_with_a_whimsical_provider_charges_nobody_twice(open_provided_shop, provider):
    shop = open_provided_shop({**PATIENT, "payment.authorization_ms": 1500, "breaker.sleep_window_ms": 100}).start()
    turns = iter(range(10**9))

    def whimsical(question, outcome):
        return (outcome, outcome, CUT, outcome, {**outcome, "outcome": "pending"})[next(turns) % 5]

    provider.answers = {"authorize": whimsical, "capture": whimsical, "reverse": whimsical}
    answers = kill_under_load(shop, "payment", int(os.environ.get("PAYMENT_KILLS", "3")), paid_between=10, customers=4)
    provider.answers = {}
    orders = shop.all("orders")
    assert len(orders) >= answers.count(201) > 0
    for order in orders[::5]:
        assert shop.cancel(order["id"]).status_code == 200
    adds_up(shop, provider)
    eventually(lambda: not payments(shop, "Authorized") and not payments(shop, "Pending"), within=60, what="nothing is left over")
    assert set(provider.payments.values()) <= {"captured", "refunded", "voided"}


@pytest.mark.parametrize("patience_ms, answered", [(1500, True), (60_000, False)], ids=["it waits for them", "not for ever"])
def test_a_stop_answers_whoever_waits_for_the_provider(open_provided_shop, provider, patience_ms, answered):
    shop = open_provided_shop({"payment.provider_patience_ms": patience_ms, "payment.provider_timeout_ms": 60_000,
                               "stop_ms": 30_000 if answered else 300}).start("order", "payment")
    provider.answers["authorize"] = lambda *_: HANG
    answers = []
    question = [{"key": "k", "amount": PRICE, "currency": "KRW", "method": "card"}]

    def ask():
        try:
            answers.extend(answer["status"] for answer in shop["payment"].post("/payments/authorize", json=question).json())
        except httpx.TransportError:
            answers.append("gone")

    customer = threading.Thread(target=ask)
    customer.start()
    eventually(lambda: provider.asked("authorize"), what="the provider is asked")
    assert shop.running["payment"].stop(within=40) == 0
    customer.join()
    assert answers == ["Pending" if answered else "gone"]
