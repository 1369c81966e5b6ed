"""What a slow provider is asked at a time: of one payment one question, in the order in which they were decided; and that nobody else waits
for it. Its book is added up against the orders."""
import itertools
import resource
import threading

import pytest

from eventually import eventually
from paying import adds_up, payments, problem, read_ledger
from provider import HANG, number_in, pending
from shop import LONG_MS, PATIENT, QUICK, flags, run_program


@pytest.fixture
def held(provider):
    """Holds what the provider is asked of its first payment before it does anything: held(operation) -> the event that lets it go."""
    events = []

    def hold(operation):
        go = threading.Event()
        events.append(go)
        provider.before[operation] = lambda question: number_in(question["paymentId"]) == 1 and go.wait(60)
        return go

    yield hold
    for event in events:
        event.set()


def asked_of(provider, payment):
    with provider.lock:
        return [question["operation"] for _, question in provider.questions if number_in(question["paymentId"]) == payment]


def in_turn(provider, payment):
    """What was asked of it, one after the other; one that was asked again when its answer was hardly there counts once."""
    return [operation for operation, _ in itertools.groupby(asked_of(provider, payment))]


def ordered(shop, key):
    """As a client orders whose answer may be late."""
    def answer():
        said = shop.ask_order(**{"Idempotency-Key": key})
        return said.json() if said.status_code == 201 else None

    return eventually(answer, what="it is ordered")


def cancel(shop, order):
    assert shop.cancel(order["id"]).status_code == 200


def test_a_cancel_while_the_capture_is_queued_before_the_provider_is_asked_when_that_is_answered(open_provided_shop, provider, held):
    shop = open_provided_shop({**PATIENT, "payment.provider_timeout_ms": 60_000}).start()
    go = held("capture")
    order = ordered(shop, "first")
    eventually(lambda: provider.asked("capture"), what="it is to be taken")
    cancel(shop, order)
    other = ordered(shop, "other")
    cancel(shop, other)  # is heard of later
    eventually(lambda: provider.payments.get(provider.name_of(other["paymentId"])) in ("voided", "refunded"), what="the other one is given back")
    assert in_turn(provider, 1) == ["authorize", "capture"]
    go.set()
    eventually(lambda: payments(shop, "Refunded") and not payments(shop, "Authorized"), what="what was taken is given back")
    assert in_turn(provider, 1) == ["authorize", "capture", "reverse"]
    assert provider.payments[provider.name_of(1)] == "refunded" and provider.most_at_a_time[provider.name_of(1)] == 1
    adds_up(shop, provider)


def test_of_a_payment_one_question_is_under_way_at_a_time_however_slow_the_provider_is(open_provided_shop, provider, held):
    shop = open_provided_shop({**PATIENT, "payment.provider_timeout_ms": 60_000, "payment.provider_patience_ms": 50}).start()
    go = {operation: held(operation) for operation in ("authorize", "capture", "reverse")}
    problem(shop.ask_order(**{"Idempotency-Key": "slow"}), 503, "outcome-unknown")
    provider.answers["capture"] = lambda question, outcome: pending(question, outcome) if number_in(question["paymentId"]) != 1 else outcome
    other = ordered(shop, "other")

    def others_are_asked_again_and_again():
        before = len(asked_of(provider, other["paymentId"]))
        eventually(lambda: len(asked_of(provider, other["paymentId"])) > before + 4, what="the other one is asked again and again")

    others_are_asked_again_and_again()
    assert in_turn(provider, 1) == ["authorize"]
    go["authorize"].set()
    order = ordered(shop, "slow")
    eventually(lambda: "capture" in asked_of(provider, 1), what="it is to be taken")
    others_are_asked_again_and_again()
    cancel(shop, order)
    others_are_asked_again_and_again()
    go["capture"].set()
    eventually(lambda: "reverse" in asked_of(provider, 1), what="it is to be given back")
    others_are_asked_again_and_again()
    go["reverse"].set()
    eventually(lambda: provider.payments[provider.name_of(1)] == "refunded", what="it is given back")
    assert set(provider.most_at_a_time.values()) == {1}, provider.most_at_a_time
    assert in_turn(provider, 1) == ["authorize", "capture", "reverse"]
    provider.answers = {}
    adds_up(shop, provider)


def test_a_capture_that_was_given_up_and_arrives_after_the_reverse_takes_nothing(open_provided_shop, provider, held):
    shop = open_provided_shop({**PATIENT, "payment.provider_timeout_ms": 100}).start()
    go = held("capture")
    order = ordered(shop, "first")
    eventually(lambda: provider.asked("capture"), what="it is to be taken")
    cancel(shop, order)
    eventually(lambda: payments(shop, "Voided"), what="the reverse is asked after the time-out, and answered")
    go.set()
    key = f"{provider.name_of(1)}.capture"
    eventually(lambda: key in provider.done, what="the provider comes to the capture")
    assert provider.done[key][1]["outcome"] == "voided"
    assert provider.book == [] == read_ledger(shop)
    assert payments(shop) == payments(shop, "Voided")


@pytest.mark.parametrize("situation, status", [("being taken", 409), ("canceled", 200)])
def test_voided_is_the_answer_to_a_capture_only_after_the_reverse(open_provided_shop, provider, situation, status):
    shop = open_provided_shop(PATIENT).start()
    provider.answers = {"capture": pending, "reverse": pending}
    order = ordered(shop, "first")
    eventually(lambda: provider.asked("capture"), what="it is to be taken")
    if situation == "canceled":
        cancel(shop, order)
        eventually(lambda: provider.asked("reverse"), what="it is to be given back")
    payment = payments(shop)[0]
    told = provider.tell(shop.url("payment"), provider.outcome(payment, "capture", "voided"))
    assert told.status_code == status, told.text
    assert payments(shop)[0]["status"] == ("Voided" if status == 200 else "Authorized")
    contradictions = 0 if status == 200 else 1
    assert f"coffeeshop_provider_contradictions_total {contradictions}" in shop["payment"].get("/metrics").text


def test_while_the_provider_hangs_an_operator_gives_back_what_was_paid_before(open_provided_shop, provider):
    shop = open_provided_shop({**QUICK, "payment.provider_timeout_ms": 60_000, "payment.provider_patience_ms": 20,
                               "payment.authorization_ms": LONG_MS // 2, "payment.provider_connections": 3, "call.max_connections": 3}).start()
    order = ordered(shop, "first")
    shop.wait_order(order["id"], "Completed")
    eventually(lambda: payments(shop, "Captured"), what="it is taken")
    provider.answers["authorize"] = lambda *_: HANG
    for _ in range(6):
        problem(shop.ask_order(), 503, "outcome-unknown")
    eventually(lambda: len(set(provider.asked("authorize"))) == 1 + 3, what="the provider has all that it is given at a time")
    answer = shop["payment"].put(f"/payments/{order['paymentId']}", json={"status": "Refunded"})
    assert answer.status_code == 200, answer.text


def test_connections_to_the_provider_count_as_open_files(open_provided_shop):
    shop = open_provided_shop({"payment.provider_connections": 1024})
    ended = run_program("payment", *flags(shop.settings_of("payment")),
                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000)))
    assert ended.returncode == 1
    assert "leaves no room for clients" in ended.stderr and "payment.provider_connections" in ended.stderr
