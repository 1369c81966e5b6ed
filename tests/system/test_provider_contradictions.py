"""What a provider says, signed, that can't be so: refused by name, or booked as what it must have been. Whatever it is, the till's book, the
sums of the day and the payments agree afterwards, and nobody is charged who has no order."""
from collections import Counter

import pytest

from eventually import eventually
from paying import payments, problem, read_ledger
from provider import SECRET, pending
from shop import LONG_MS, PAID, PATIENT

PRICE = 4500
WORDS = {"approved": "authorize", "declined": "authorize", "captured": "capture", "voided": "reverse", "refunded": "reverse"}

# What is shown afterwards of a payment, by where it is when its provider says something; None: it contradicts, 409.
SITUATIONS = {
    "asked": {"approved": "Authorized", "declined": "Declined", "captured": None, "voided": None, "refunded": None},
    "declined": {"approved": None, "declined": "Declined", "captured": None, "voided": "Declined", "refunded": None},
    "approved": {"approved": "Authorized", "declined": None, "captured": None, "voided": None, "refunded": None},
    "being taken": {"approved": "Authorized", "declined": None, "captured": "Captured", "voided": None, "refunded": None},
    "taken": {"approved": "Captured", "declined": None, "captured": "Captured", "voided": None, "refunded": None},
    "canceled while being taken": {"approved": "Authorized", "declined": None, "captured": "Authorized", "voided": "Voided", "refunded": "Refunded"},
    "canceled when taken": {"approved": "Captured", "declined": None, "captured": "Captured", "voided": "Refunded", "refunded": "Refunded"},
    "canceled and voided": {"approved": "Voided", "declined": None, "captured": None, "voided": "Voided", "refunded": None},
    "refunded": {"approved": "Refunded", "declined": None, "captured": "Refunded", "voided": "Refunded", "refunded": "Refunded"},
    "given up": {"approved": "Authorized", "declined": "Authorized", "captured": None, "voided": "Voided", "refunded": "Voided"},
}

LASTING = [situation for situation in SITUATIONS if situation != "given up"]


@pytest.fixture
def shop(open_shop, provider, tmp_path):
    """A shop whose provider is asked once and then, as good as never again: what it says later comes by the webhook."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    return open_shop({**PATIENT, "payment.provider": "http", "payment.provider_url": provider.url, "payment.provider_secret_file": secret,
                      "payment.provider_patience_ms": 100, "payment.retry_ms": 60_000, "payment.retry_most_ms": LONG_MS,
                      "payment.authorization_ms": LONG_MS // 2}, services=PAID)


def newest(shop):
    return max(payments(shop), key=lambda payment: payment["id"])


def is_newest(shop, status):
    eventually(lambda: newest(shop)["status"] == status, what=f"the newest payment is {status}")


def ordered(shop):
    """As a client orders whose answer may be late."""
    key = {"Idempotency-Key": f"k{len(payments(shop))}"}
    eventually(lambda: shop.ask_order(**key).status_code == 201, what="it is ordered")
    return shop.order(**key)


def bring_to(shop, provider, situation):
    """A payment that is in the situation."""
    provider.answers = {}
    if situation == "asked":
        provider.answers["authorize"] = pending
        problem(shop.ask_order(), 503, "outcome-unknown")
    elif situation == "declined":
        key = {"Idempotency-Key": f"k{len(payments(shop))}"}
        eventually(lambda: shop.ask_order(method="test-declined", **key).status_code == 402, what="it is declined")
    elif situation == "approved":
        shop["payment"].post("/payments/authorize", json=[{"key": str(len(payments(shop))), "amount": PRICE, "currency": "KRW", "method": "card"}])
        is_newest(shop, "Authorized")
    else:
        if situation not in ("taken", "canceled when taken", "refunded"):
            provider.answers["capture"] = pending
        if situation in ("canceled while being taken", "canceled when taken"):
            provider.answers["reverse"] = pending
        if situation == "canceled and voided":
            provider.answers["reverse"] = lambda _, outcome: {**outcome, "outcome": "voided"}
        order = ordered(shop)
        key = f"{provider.name_of(order['paymentId'])}.capture"
        eventually(lambda: key in provider.asked("capture"), what="it is to be taken")
        if "capture" not in provider.answers:
            is_newest(shop, "Captured")
        if "cancel" in situation or situation == "refunded":
            assert shop.cancel(order["id"]).status_code == 200
            eventually(lambda: f"{provider.name_of(order['paymentId'])}.reverse" in provider.asked("reverse"), what="it is to be given back")
        if situation in ("canceled and voided", "refunded"):
            is_newest(shop, "Voided" if situation == "canceled and voided" else "Refunded")
    return newest(shop)


def said_of(provider, payment, word, **members):
    return provider.outcome(payment, WORDS[word], word, **members)


def books_agree(shop):
    """The till's book, the sums of the day and the payments say the same of what was taken and given back."""
    book, shown, sums = Counter(), Counter(), Counter()
    for payment_id, order_id, amount in read_ledger(shop):
        assert order_id, "nothing moves without an order"
        book["taken" if amount > 0 else "givenBack"] += abs(amount)
    for payment in payments(shop):
        shown["taken"] += payment["amount"] * (payment["status"] in ("Captured", "Refunded"))
        shown["givenBack"] += payment["amount"] * (payment["status"] == "Refunded")
    for row in shop["payment"].get("/payments/summary").json()["sums"]:
        sums.update({name: row[name] for name in ("taken", "givenBack")})
        assert row["left"] == row["taken"] - row["givenBack"]
    assert +book == +shown == +sums


@pytest.mark.parametrize("situation", LASTING)
def test_whatever_a_provider_says_the_books_agree(shop, provider, situation):
    shop.start()
    for word, then in SITUATIONS[situation].items():
        payment = bring_to(shop, provider, situation)
        for _ in range(2):  # and said again it is the same again
            told = provider.tell(shop.url("payment"), said_of(provider, payment, word))
            if then is None:
                assert problem(told, 409)["member"] == "outcome", word
                assert newest(shop) == payment
            else:
                assert (told.status_code, told.json()["status"]) == (200, then), (word, told.text)
            books_agree(shop)


def test_whatever_a_provider_says_of_what_was_given_up_the_books_agree(shop, provider):
    shop.settings.update({"payment.authorization_ms": 1000, "payment.retry_ms": 200, "payment.retry_most_ms": 200})
    shop.start()
    for word, then in SITUATIONS["given up"].items():
        provider.answers = {"authorize": pending, "reverse": pending}
        problem(shop.ask_order(), 503, "outcome-unknown")
        payment = newest(shop)
        eventually(lambda: f"{provider.name_of(payment['id'])}.reverse" in provider.asked("reverse"), what="its time is over")
        told = provider.tell(shop.url("payment"), said_of(provider, payment, word))
        if then is None:
            assert problem(told, 409)["member"] == "outcome", word
        else:
            assert (told.status_code, told.json()["status"]) == (200, then), (word, told.text)
        if then == "Voided":  # it never had an order: either word for its reverse may have been the first
            for again in ("voided", "refunded"):
                told = provider.tell(shop.url("payment"), said_of(provider, payment, again))
                assert (told.status_code, told.json()["status"]) == (200, then), (word, again, told.text)
        books_agree(shop)
    assert shop.all("orders") == []


@pytest.mark.parametrize("situation", LASTING)
def test_another_amount_or_currency_is_refused_whatever_is_said(shop, provider, situation):
    shop.start()
    payment = bring_to(shop, provider, situation)
    for word in WORDS:
        for member, wrong in (("amount", PRICE - 1), ("amount", 2 * PRICE), ("currency", "USD")):
            assert problem(provider.tell(shop.url("payment"), said_of(provider, payment, word, **{member: wrong})), 409)["member"] == member
    assert newest(shop) == payment
    books_agree(shop)
    assert f"coffeeshop_provider_contradictions_total {3 * len(WORDS)}" in shop["payment"].get("/metrics").text


@pytest.mark.parametrize("situation, word", [("canceled when taken", "voided"), ("canceled while being taken", "refunded")])
def test_an_answer_is_taken_like_the_webhook(shop, provider, situation, word):
    """The provider itself says it when it is asked."""
    shop.settings.update({"payment.retry_ms": 50, "payment.retry_most_ms": 50})
    shop.start()
    payment = bring_to(shop, provider, situation)
    provider.answers["reverse"] = lambda _, outcome: {**outcome, "outcome": word}
    is_newest(shop, "Refunded")
    books_agree(shop)
    assert [amount for _, _, amount in read_ledger(shop)] == [PRICE, -PRICE]
    contradicted = 1 if word == "voided" else 0
    eventually(lambda: f"coffeeshop_provider_contradictions_total {contradicted}" in shop["payment"].get("/metrics").text, what="it is counted")
    assert newest(shop)["id"] == payment["id"]
