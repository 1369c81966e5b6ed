"""The way back of a cancelled order: when it was cancelled, its goods given back, its payment voided or refunded. The order itself and the
customer's timeline say so, with the times that those had who did it."""
import pytest

from eventually import eventually
from paying import payments
from shop import PAID, PATIENT


@pytest.fixture
def open_paid_shop(open_shop):
    return lambda settings=None: open_shop(settings, services=PAID)


def told(shop, order_id):
    """Who did what for an order, and when, by their own events: {type: time}."""
    feeds = ("order", "product", "stock", "payment")
    return {event["type"]: event["time"] for name in feeds for _, event in shop.events(name) if event["subject"] == str(order_id)}


def wait_told(shop, order_id, *types):
    return eventually(lambda: (times := told(shop, order_id)).keys() >= set(types) and times, what=f"{types} of order {order_id}")


def timeline_says(shop, order_id, times):
    """Waits until the customer's timeline has exactly these steps, each with its time, the oldest first."""
    def says():
        timeline = shop.page_of(order_id)["timeline"]
        assert {entry["type"]: entry["at"] for entry in timeline} == times
        assert [entry["at"] for entry in timeline] == sorted(times.values())
        return True

    eventually(says, what="the timeline tells each step")


def wait_refunded(shop, order_id):
    return eventually(lambda: (order := shop.get_order(order_id))["paymentStatus"] == "Refunded" and order, what="the money has gone back")


def test_each_step_of_the_way_back_is_told_with_its_time(open_paid_shop):
    shop = open_paid_shop(PATIENT).start()
    order = shop.order()
    assert not {"canceledAt", "refundedAt"} & order.keys()
    wait_told(shop, order["id"], "PaymentApproved")
    assert shop.cancel(order["id"]).json()["canceledAt"]
    refunded = wait_refunded(shop, order["id"])
    times = wait_told(shop, order["id"], "Ordered", "PaymentApproved", "ProductCanceled", "OrderCanceled", "PaymentCanceled")
    assert (refunded["canceledAt"], refunded["refundedAt"]) == (times["OrderCanceled"], times["PaymentCanceled"])
    timeline_says(shop, order["id"], times)


def test_goods_that_were_taken_unheard_are_given_back_and_that_is_told_too(open_paid_shop):
    """Stock is so slow that the kitchen hears nothing: the cups are gone when the customer cancels, and come back."""
    shop = open_paid_shop({"fault.enabled": "true", "stock.fault.delay_ms": 2500, "breaker.volume": 1_000_000}).start()
    order = shop.order(qty=3)
    wait_told(shop, order["id"], "StockReduced", "PaymentApproved")
    cancel = shop.cancel(order["id"])
    assert cancel.status_code == 200, cancel.text
    times = wait_told(shop, order["id"], "Ordered", "PaymentApproved", "StockReduced", "ProductCanceled", "OrderCanceled", "StockReleased",
                      "PaymentCanceled")
    refunded = wait_refunded(shop, order["id"])
    assert (refunded["canceledAt"], refunded["refundedAt"]) == (times["OrderCanceled"], times["PaymentCanceled"])
    timeline_says(shop, order["id"], times)
    assert shop.on_hand() == 100


def test_what_was_only_promised_is_voided_and_that_is_a_step_too(open_provided_shop, provider):
    shop = open_provided_shop(PATIENT).start()
    provider.turned_away.add("capture")
    order = shop.order()
    eventually(lambda: provider.asked("capture"), what="the money is being taken")
    assert shop.cancel(order["id"]).status_code == 200
    refunded = wait_refunded(shop, order["id"])
    assert payments(shop, "Voided") and provider.book == []
    times = wait_told(shop, order["id"], "PaymentCanceled")
    assert "PaymentApproved" not in times, "it was never taken"
    assert refunded["refundedAt"] == times["PaymentCanceled"]
    timeline_says(shop, order["id"], times)


@pytest.mark.parametrize("away", [("payment",), ("customercenter",), ("stock",), ("stock", "payment", "customercenter")], ids="+".join)
def test_whoever_is_dead_on_the_way_back_does_their_step_when_they_are_there_again(open_paid_shop, away):
    shop = open_paid_shop(PATIENT).start()
    order = shop.order()
    wait_told(shop, order["id"], "PaymentApproved")
    shop.kill(*away)
    canceled = shop.cancel(order["id"]).json()
    assert canceled["canceledAt"]
    if "payment" in away:
        assert "refundedAt" not in shop.get_order(order["id"]) and shop.get_order(order["id"])["paymentStatus"] == "Paid"
    shop.restart("order", "product")
    shop.start(*away)
    refunded = wait_refunded(shop, order["id"])
    times = wait_told(shop, order["id"], "OrderCanceled", "PaymentCanceled")
    assert (refunded["canceledAt"], refunded["refundedAt"]) == (canceled["canceledAt"], times["PaymentCanceled"])
    timeline_says(shop, order["id"], times)
