"""What a shop's topic may hold that nobody of the shop has said, and what may happen to the topic itself."""
import json
import os
import signal

import pytest

from eventually import eventually
from rules import check_rules
from shop import PAID, run_program

HEARERS = ("order", "product", "customercenter", "payment")


@pytest.fixture
def open_shop_with(open_shop, topic):
    def make(settings=None, services=PAID):
        shop = open_shop({**topic.settings, **(settings or {})}, services=services)
        shop.topic = topic
        return shop
    return make


def forged(producer="order", number="order-1", source="/order/cells/0", subject="900", key=b"900", more=()):
    """One in the form of ours."""
    body = {"eventType": "Ordered", "timestamp": "20261129100000", "id": 900, "productName": "Latte", "qty": 1, "status": "Requested"}
    headers = {"ce_specversion": "1.0", "ce_id": number, "ce_source": source, "ce_type": "Ordered", "ce_time": "2026-11-29T10:00:00.000Z",
               "ce_subject": subject, "ce_version": "1", "content-type": "application/json"}
    return key, json.dumps(body).encode(), [*((name, value.encode()) for name, value in headers.items()), *more]


AHEAD, NUMBER, CELL = ("comes ahead of what its producer says before it", "has a number that its producer doesn't give",
                       "is of a cell that this shop hasn't")
STRANGERS = {
    "a position far ahead": (forged(number="order-99999"), AHEAD),
    "without a key": (forged(number="order-60", key=None), AHEAD),
    "named twice": (forged(number="order-88", more=[("ce_id", b"order-99")]), AHEAD),
    "the largest position": (forged(number=f"order-{2**64 - 1}"), NUMBER),
    "a position larger than any": (forged(number=f"order-{2**63}"), NUMBER),
    "no position": (forged(number="order-"), NUMBER),
    "of another cell": (forged(number="order-2", source="/order/cells/7"), CELL),
    "of no cell": (forged(number="order-2", source="/order"), NUMBER),
    "binary": ((os.urandom(99), os.urandom(5000), [("ce_id", b"\xff\xfe")]), "has a header that is not a text in UTF-8"),
    "a million bytes of nothing": ((b"1", b" " * 900_000, []), "has no headers of an event, and its body is not a JSON object"),
    "deep": ((b"1", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, []), "has no headers of an event, and its body is not a JSON object"),
    "empty": ((b"", b"", []), "has no headers of an event, and its body is not a JSON object"),
}


def an_order_goes_its_way(shop):
    number = shop.order()["id"]
    shop.wait_order(number, "Completed")
    eventually(lambda: shop.page_of(number)["orderStatus"] == "Completed", what="the view has it")
    return number


def test_what_strangers_write_lies_aside_and_stops_nobody(open_shop_with):
    shop = open_shop_with().start()
    made = [an_order_goes_its_way(shop)]
    for message, _ in STRANGERS.values():
        shop.topic.produce([message, forged("mallory", "mallory-5", "/mallory/cells/0"), forged(number="order-1")])
    made.append(an_order_goes_its_way(shop))
    shop.restart(*PAID)
    made.append(an_order_goes_its_way(shop))
    reasons = [dict(letter.headers)["reason"].decode() for letter in shop.topic.dead_letters()]
    for what, (_, reason) in STRANGERS.items():
        assert reason in reasons, what
    for name in HEARERS:
        assert shop[name].get("/readyz").json() == {"status": "UP"}
    assert [order["id"] for order in shop.all("orders")] == made
    assert [(ticket["orderId"], ticket["status"]) for ticket in shop.all("products")] == [(number, "Completed") for number in made]
    assert shop.on_hand() == 100 - len(made)
    assert [page["orderId"] for page in shop.all("mypages")] == made


def test_as_long_as_the_next_event_is_missing_it_is_said(open_shop_with):
    shop = open_shop_with().start()
    an_order_goes_its_way(shop)
    shop.topic.produce([forged(number="order-99999")])
    eventually(lambda: "event 2 of order's is not on the topic" in shop["product"].get("/readyz").json().get("events", ""), what="it says so")
    assert shop["product"].get("/readyz").status_code == 200
    an_order_goes_its_way(shop)
    eventually(lambda: shop["product"].get("/readyz").json() == {"status": "UP"}, what="the next one has come")


def test_a_second_shop_on_the_topic_stops_and_says_so_and_the_first_goes_on(open_shop_with, open_shop):
    shop = open_shop_with().start()
    made = [an_order_goes_its_way(shop)]
    other = open_shop({**shop.topic.settings}, services=PAID).launch()
    for name in ("order", "payment"):
        eventually(lambda: "another shop is on it" in other[name].get("/readyz").json().get("reason", ""), what=f"{name} says so")
        assert other[name].get("/readyz").status_code == 503
    made.append(an_order_goes_its_way(shop))
    assert other.all("orders") == []
    check_rules(shop, made)


def test_an_event_in_a_services_name_is_put_aside_when_somebody_says_so(open_shop_with):
    shop = open_shop_with().start()
    an_order_goes_its_way(shop)
    said = len(shop.topic.events("payment"))
    shop.topic.produce([forged(number=f"payment-{said + 1}", source="/payment/cells/0")])
    eventually(lambda: "another shop is on it" in shop["payment"].get("/readyz").json().get("reason", ""), what="it is noticed")
    listen = f"--payment.listen=127.0.0.1:{shop.ports['payment']}"
    assert run_program("feeds", "payment", "resume", f"topic:{shop.topic.name}", listen).returncode == 0
    shop.wait_ready("payment")


# The topic itself


def test_a_topic_that_is_deleted_is_said_to_be_and_stops_nobodys_end(open_shop_with, kafka):
    shop = open_shop_with().start()
    an_order_goes_its_way(shop)
    kafka.delete(shop.topic.name)
    shop.order()
    eventually(lambda: "is not there any more" in shop["order"].get("/readyz").json().get("reason", ""), what="order says so")
    for name in ("product", "customercenter", "payment"):
        eventually(lambda: "topic does not exist" in shop[name].get("/readyz").json().get("events", ""), what=f"{name} says so")
    assert set(shop.stop().values()) == {0}


def test_dead_letters_that_have_no_place_hold_up_with_a_sentence_and_go_on_by_themselves(open_shop_with, kafka):
    shop = open_shop_with().start()
    an_order_goes_its_way(shop)
    kafka.delete(shop.topic.name + ".dlt")
    shop.topic.produce([(None, b"not json", [])])
    number = shop.order()["id"]
    for name in HEARERS:
        eventually(lambda: f"can't be written to the topic {shop.topic.name}.dlt" in shop[name].get("/readyz").json().get("events", ""),
                   what=f"{name} says so")
    kafka.create(shop.topic.name + ".dlt", 1)
    shop.wait_order(number, "Completed")
    for name in HEARERS:
        eventually(lambda: shop[name].get("/readyz").json() == {"status": "UP"}, what=f"{name} is well again")


# The end of a service


def test_what_was_said_just_before_a_stop_is_on_the_topic_when_the_process_has_ended(open_shop_with):
    shop = open_shop_with({"product.start_after_ms": 3_600_000}).start()
    for _ in range(5):
        number = shop.order()["id"]
        assert shop.stop("order") == {"order": 0}
        assert [event["subject"] for _, event in shop.topic.events("order")][-1] == str(number)
        shop.start("order")


@pytest.mark.parametrize("how", ["killed", "silent"])
def test_a_stop_while_kafka_is_away_ends_in_time_and_loses_nothing(open_shop_with, kafka, how):
    shop = open_shop_with({"stop_ms": 2000}).start()
    an_order_goes_its_way(shop)
    kafka.kill() if how == "killed" else kafka.pause()
    try:
        made = [shop.order()["id"] for _ in range(5)]
        running = {name: shop.running.pop(name) for name in PAID}
        for each in running.values():
            each.process.send_signal(signal.SIGTERM)
        assert {name: each.stop(within=5) for name, each in running.items()} == dict.fromkeys(PAID, 0)
    finally:
        kafka.start() if how == "killed" else kafka.go_on()
    shop.start()
    for number in made:
        shop.wait_order(number, "Completed")
