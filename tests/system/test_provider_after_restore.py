"""The shop's data is put back from a backup, and its payment provider's is not: numbers are given again that the provider has heard of
already, of other purchases. It takes them for what they are, something new."""
import shutil
from collections import Counter

import pytest

from eventually import eventually
from paying import payments, problem, read_ledger, wait_until_it_adds_up
from provider import number_in
from shop import PATIENT

PRICE = 4500


def put_back(shop, kept):
    data = shop.directory / "data"
    shutil.rmtree(data)
    shutil.copytree(kept, data) if kept else data.mkdir()


def moved(provider):
    """What the provider has taken of each payment and not given back, by its name there."""
    with provider.lock:
        sums = Counter()
        for name, amount in provider.book:
            sums[name] += amount
        return sums


def pay_in_every_way(shop, provider):
    """Payments that end in each way there is; their names at the provider."""
    taken, refunded = shop.order(), shop.order()
    eventually(lambda: {taken["paymentId"], refunded["paymentId"]} <= {payment["id"] for payment in payments(shop, "Captured")}, what="both are taken")
    assert shop.cancel(refunded["id"]).status_code == 200
    problem(shop.ask_order(method="test-declined"), 402)
    eventually(lambda: shop.get_order(refunded["id"])["paymentStatus"] == "Refunded", what="one is given back")
    return {payment["status"]: provider.name_of(payment["id"]) for payment in payments(shop)}


@pytest.mark.parametrize("of", ["a backup", "nothing"])
def test_after_a_restore_each_order_is_paid_for_itself_whatever_the_provider_knows_of_its_number(open_provided_shop, provider, of):
    shop = open_provided_shop(PATIENT).start()
    kept = shop.directory / "backup" if of == "a backup" else None
    if kept:
        shop.order()
        eventually(lambda: payments(shop, "Captured"), what="it is taken")
        shop.stop()
        shutil.copytree(shop.directory / "data", kept)
        shop.start()
    old = pay_in_every_way(shop, provider)
    assert set(old) == {"Captured", "Refunded", "Declined"}
    shop.stop()
    before = moved(provider)
    put_back(shop, kept)
    shop.start()

    orders = [shop.order() for _ in old]
    assert {order["paymentId"] for order in orders} == {number_in(name) for name in old.values()}, "the numbers are given again"
    eventually(lambda: len(payments(shop, "Captured")) == len(shop.all("orders")), what="all are taken")
    assert wait_until_it_adds_up(shop)
    names = [provider.name_of(order["paymentId"]) for order in orders]
    assert not set(names) & set(old.values())
    assert moved(provider) == before + Counter({name: PRICE for name in names}), "nothing is for free, and nothing is taken twice"

    shop.cancel(orders[0]["id"])
    eventually(lambda: shop.get_order(orders[0]["id"])["paymentStatus"] == "Refunded", what="it is given back")
    assert moved(provider) == before + Counter({name: PRICE for name in names[1:]})


def test_what_the_provider_says_late_of_a_payment_from_before_a_restore_is_of_none_and_changes_nothing(open_provided_shop, provider):
    shop = open_provided_shop(PATIENT).start()
    old = pay_in_every_way(shop, provider)
    shop.stop()
    put_back(shop, None)
    shop.start()
    for _ in old:
        shop.order()
    eventually(lambda: len(payments(shop, "Captured")) == len(old), what="all are taken")
    now, book = payments(shop), read_ledger(shop)
    for name in old.values():
        for operation, said in (("authorize", "approved"), ("authorize", "declined"), ("capture", "captured"), ("capture", "pending"),
                                ("reverse", "refunded"), ("reverse", "voided")):
            late = {"paymentId": name, "operation": operation, "outcome": said, "amount": PRICE, "currency": "KRW"}
            assert problem(provider.tell(shop.url("payment"), late), 404)["member"] == "paymentId"
    assert (payments(shop), read_ledger(shop)) == (now, book)
    assert "coffeeshop_provider_contradictions_total 0" in shop["payment"].get("/metrics").text
