"""A whole shop whose events go through Kafka, by settings alone: embedded stores, and all three engines."""
import json
import os
import re
import sqlite3

import pytest

from eventually import eventually
from five_minutes import WAITS, walk_through
from kafka_server import original_message
from load import Customers
from paying import wait_until_it_adds_up
from rules import check_rules
from shop import PAID, flags, free_port, run_program
from sql_rules import check_tables

SEED = int(os.environ.get("SEED", "20261129"))
ITEMS = ("Americano", "Latte", "Tea")
PLENTY = 1_000_000


@pytest.fixture
def open_shop_with(open_shop, topic):
    """open_shop_with(settings) makes a shop whose events are on a topic of its own; it is not started."""
    def make(settings=None, environment=None):
        shop = open_shop({**topic.settings, **(settings or {})}, services=PAID)
        shop.topic, shop.environment = topic, environment
        return shop
    return make


def test_the_five_minutes_are_the_same_with_files(open_shop_with):
    shop = open_shop_with(WAITS).start()
    check_rules(shop, walk_through(shop), received={"Mocha": 50})
    for name in PAID:
        told = shop[name].get("/events")
        assert told.status_code == 404 and told.json()["detail"] == f"events are on Kafka's topic {shop.topic.name}"


def test_the_five_minutes_are_the_same_on_all_three_engines(open_shop_with, database, open_redis):
    shop = open_shop_with({**WAITS, "store.sql": database.url, "stock.redis": open_redis().url}, database.environment).start()
    ids = walk_through(shop)
    check_rules(shop, ids, received={"Mocha": 50})
    check_tables(database, ids, given_back=ids[:1])


# What the world breaks, under load


def check(shop, customers, least=50):
    """The rules at rest, by the owners and by the topic; nobody has heard anything twice or out of order."""
    seen = check_rules(shop, customers.acknowledged, stock_set=dict.fromkeys(ITEMS, PLENTY))
    assert len(customers.acknowledged) >= least
    for order in customers.canceled:
        assert seen.orders[order]["status"] == "Canceled"
    every_order_is_told_whole(shop, seen)
    assert wait_until_it_adds_up(shop)
    assert shop["order"].get("/dead-letters").json()["_embedded"]["deadLetters"] == []


def every_order_is_told_whole(shop, seen):
    """Rule 9, from the topic: what its owners decided of each order is there, in their order."""
    told = {name: shop.topic.events(name) for name in ("order", "product", "payment")}
    types = {name: {} for name in told}
    for name, events in told.items():
        for _, event in events:
            types[name].setdefault(event["subject"], []).append(event["type"])
    for number, order in seen.orders.items():
        subject, canceled = str(number), order["status"] == "Canceled"
        assert types["order"][subject] == ["Ordered"] + ["OrderCanceled"] * canceled, order
        assert types["payment"][subject] == ["PaymentApproved"] + ["PaymentCanceled"] * canceled, order
        assert types["product"][subject] == (["ProductCanceled"] if canceled else ["ProductionStarted", "Produced"]), order


def open_for_load(open_shop_with, settings=None):
    shop = open_shop_with({"product.start_after_ms": 30, "product.brew_ms": 10, **(settings or {})}).start()
    for item in ITEMS:
        shop.set_stock(PLENTY, item)
    return shop


def test_services_killed_in_turn_under_load_break_no_rule(open_shop_with):
    shop = open_for_load(open_shop_with)
    with Customers(shop, SEED) as customers:
        for name in PAID:
            customers.go_on(0.7)
            shop.restart(name)
    check(shop, customers)


def test_all_services_killed_at_once_under_load_break_no_rule(open_shop_with):
    shop = open_for_load(open_shop_with)
    with Customers(shop, SEED + 1) as customers:
        for _ in range(2):
            customers.go_on(1.5)
            shop.kill(*PAID)
            shop.start(*PAID)
    check(shop, customers)


def test_a_kafka_killed_under_load_costs_nothing_but_time(open_shop_with, kafka):
    shop = open_for_load(open_shop_with)
    with Customers(shop, SEED + 2) as customers:
        customers.go_on(1)
        kafka.kill()
        taken = len(customers.acknowledged)
        eventually(lambda: shop["order"].get("/readyz").json().get("events", "").startswith("Kafka is away"), what="it says so")
        eventually(lambda: len(customers.acknowledged) > taken + 50, what="orders are taken while Kafka is away")
        assert shop["order"].get("/readyz").status_code == 200
        kafka.start()
        customers.go_on(1)
    check(shop, customers)
    eventually(lambda: all(shop[name].get("/readyz").json() == {"status": "UP"} for name in PAID), what="all is well again")


def test_a_kafka_that_accepts_and_says_nothing_for_half_a_minute_costs_nothing_but_time(open_shop_with, kafka):
    shop = open_for_load(open_shop_with)
    with Customers(shop, SEED + 3, pace=0.05) as customers:
        customers.go_on(0.5)
        kafka.pause()
        try:
            taken = len(customers.acknowledged)
            customers.go_on(30)
            assert len(customers.acknowledged) > taken + 50
            assert all(shop[name].get("/readyz").status_code == 200 for name in PAID)
        finally:
            kafka.go_on()
        customers.go_on(0.5)
    check(shop, customers)


def cursors_of(shop, name):
    with sqlite3.connect(shop.data[name] / f"{name}.db") as database:
        return dict(database.execute("SELECT source, position FROM cursor"))


def set_cursor(shop, name, source, position):
    """Of a service that doesn't run."""
    with sqlite3.connect(shop.data[name] / f"{name}.db") as database:
        assert database.execute("UPDATE cursor SET position = ? WHERE source = ?", (position, source)).rowcount == 1


def test_what_was_said_and_not_noted_is_said_again_and_heard_once(open_shop_with):
    """A relay that is killed between publishing and noting: here nothing at all was noted."""
    shop = open_for_load(open_shop_with)
    with Customers(shop, SEED + 4) as customers:
        customers.go_on(1)
    check(shop, customers, least=10)
    before = len(shop.topic.messages())
    for name in ("order", "product", "payment"):
        shop.stop(name)
        set_cursor(shop, name, f"relayed:{shop.topic.name}", 0)
        shop.start(name)
        told = len(shop.topic.events(name))
        before += told
        eventually(lambda: len(shop.topic.messages()) >= before, what=f"{name} says all {told} again")
    check(shop, customers, least=10)


def test_an_offset_that_was_not_stored_is_read_again_and_applied_once(open_shop_with):
    shop = open_for_load(open_shop_with)
    with Customers(shop, SEED + 5) as customers:
        customers.go_on(1)
    check(shop, customers, least=10)
    for name in ("order", "product", "payment", "customercenter"):
        shop.stop(name)
        set_cursor(shop, name, f"topic:{shop.topic.name}", 0)
        shop.start(name)
    end = len(shop.topic.messages())
    for name in ("order", "product", "payment", "customercenter"):
        eventually(lambda: cursors_of(shop, name)[f"topic:{shop.topic.name}"] >= end, what=f"{name} has read all again")
    check(shop, customers, least=10)


def test_messages_doubled_on_the_topic_by_anybody_are_heard_once(open_shop_with):
    shop = open_for_load(open_shop_with)
    with Customers(shop, SEED + 6) as customers:
        customers.go_on(0.7)
    check(shop, customers, least=10)
    shop.topic.produce([(message.key, message.value, message.headers) for message in shop.topic.messages()])
    end = len(shop.topic.messages())
    for name in ("order", "product", "payment", "customercenter"):
        eventually(lambda: cursors_of(shop, name)[f"topic:{shop.topic.name}"] >= end, what=f"{name} has read the doubles")
    check(shop, customers, least=10)


# What is wrong at the start, or for good


def refusal(shop, name="order"):
    """The sentence with which a service ends that can't start."""
    shop.launch(name)
    running = shop.running.pop(name)
    assert running.process.wait(30) == 1
    return running.output()


def test_a_topic_of_another_number_of_partitions_is_refused(open_shop_with, kafka):
    shop = open_shop_with()
    kafka.create(shop.topic.name, 3)
    assert "has 3 partitions, this shop has 1 cells" in refusal(shop)


def test_a_kafka_that_is_not_there_is_waited_for_and_then_named(open_shop_with):
    nowhere = f"127.0.0.1:{free_port()}"
    told = refusal(open_shop_with({"kafka.servers": nowhere, "start.wait_ms": 5000}))
    assert "waits for its store" in told and f"Kafka at {nowhere} doesn't answer" in told


def test_too_many_replicas_for_the_brokers_there_are_is_said(open_shop_with):
    assert "Kafka doesn't make it" in refusal(open_shop_with({"kafka.replication": 3}))


def test_a_password_is_never_a_flag_and_never_said(open_shop_with, tmp_path):
    shop = open_shop_with({"kafka.user": "shop", "start.wait_ms": 1000})
    shop.environment = {**os.environ, "COFFEESHOP_KAFKA_PASSWORD": "hush-hush"}
    assert "hush" not in refusal(shop)
    told = run_program("order", "--kafka.password=hush-hush", cwd=tmp_path)
    assert told.returncode == 2 and "kafka.password_file" in told.stderr and "hush" not in told.stderr


def test_who_was_away_longer_than_the_topic_keeps_waits_for_a_decision(open_shop_with, kafka):
    shop = open_shop_with().start()
    shop.wait_order(shop.order()["id"], "Completed")
    shop.stop("customercenter")
    shop.wait_order(shop.order()["id"], "Completed")
    kafka.forget_before(shop.topic.name, len(shop.topic.messages()))
    shop.launch("customercenter")
    name = f"topic:{shop.topic.name}"
    eventually(lambda: f"resume {name}" in shop["customercenter"].get("/readyz").json().get("reason", ""), what="it says what to do")
    assert shop["customercenter"].get("/feeds").json()["_embedded"]["feeds"][0] | {"position": 0} == {
        "source": name, "epoch": "0", "position": 0, "state": "gap"}
    assert shop["customercenter"].post("/feeds/resume", json={"source": "order"}).status_code == 422
    assert shop["order"].post("/feeds/resume", json={"source": name}).status_code == 409
    listen = f"--customercenter.listen=127.0.0.1:{shop.ports['customercenter']}"
    assert run_program("feeds", "customercenter", "resume", name, listen).returncode == 0
    shop.wait_ready("customercenter")
    third = shop.order()["id"]
    eventually(lambda: shop.page_of(third)["orderStatus"] == "Completed", what="what comes now is heard")


def test_a_topic_that_is_not_the_one_that_was_read_is_noticed_and_left_by_another_name(open_shop_with, kafka):
    shop = open_shop_with().start()
    first = shop.order()["id"]
    shop.wait_order(first, "Completed")
    shop.stop()
    kafka.delete(shop.topic.name)
    shop.launch("order")
    eventually(lambda: "is not the one that was read here" in shop["order"].get("/readyz").json().get("reason", ""), what="it is noticed")
    shop.stop("order")
    shop.topic = kafka.make_topic()
    shop.settings |= shop.topic.settings
    shop.start()
    second = shop.order()["id"]
    shop.wait_order(second, "Completed")
    check_rules(shop, [first, second])


# The view


def rebuild(shop, **options):
    return run_program("view", "rebuild", *flags(shop.settings_of_all()), **options)


def test_the_view_is_made_anew_from_the_topic_beside_the_running_one(open_shop_with):
    shop = open_for_load(open_shop_with)
    with Customers(shop, SEED + 7) as customers:
        customers.go_on(0.7)
        told = rebuild(shop)
        assert told.returncode == 0 and "the view is rebuilt and in use" in told.stdout, told.stderr
    check(shop, customers, least=10)
    shop.stop("customercenter")
    (shop.data["customercenter"] / "customercenter.db").unlink()
    assert rebuild(shop).returncode == 0
    shop.start("customercenter")
    check(shop, customers, least=10)


def test_no_view_is_made_of_a_topic_that_has_lost_its_beginning(open_shop_with, kafka):
    shop = open_shop_with().start()
    first = shop.order()["id"]
    shop.wait_order(first, "Completed")
    kafka.forget_before(shop.topic.name, 3)
    told = rebuild(shop)
    assert told.returncode == 1 and "keeps its messages from offset 3 on only" in told.stderr
    assert shop.page_of(first)["orderStatus"] == "Completed"


# The original's services on the same topic


def test_what_the_original_writes_is_heard_and_what_is_no_order_lies_aside(open_shop_with):
    shop = open_shop_with().start()
    order = {"productId": None, "status": "Requested"}
    shop.topic.produce([
        original_message(event_type="Ordered", id=900, qty=2, productName="아메리카노", **order),
        original_message(event_type="Ordered", id=901, qty=None, productName=None, **order),
        original_message(event_type="Deposited", id=3),
        (None, b"not json", []),
        original_message(event_type="Ordered", id=902, qty=1, productName="Latte", **order),
    ])
    for number in (900, 902):
        eventually(lambda: shop.ticket_of(number)["status"] == "Completed", what=f"order {number} is made")
        eventually(lambda: shop.page_of(number)["productStatus"] == "Completed", what=f"the view says so of order {number}")
    assert (shop.on_hand(), shop.on_hand("Latte")) == (98, 99)
    letters = shop["product"].get("/dead-letters").json()["_embedded"]["deadLetters"]
    name, unread = f"topic:{shop.topic.name}", "is not an event of order's that can be read"
    assert [(letter["source"], letter["reason"]) for letter in letters] == [(name, unread)]
    again = shop["product"].post("/dead-letters/replay", json={"source": name, "position": letters[0]["position"]})
    assert again.status_code == 409 and unread in again.json()["detail"]
    reasons = [dict(message.headers)["reason"].decode() for message in shop.topic.dead_letters()]
    assert unread in reasons and any("no JSON" in reason or "not a JSON" in reason for reason in reasons), reasons
    listed = run_program("dead-letters", "topic", *flags(shop.topic.settings))
    assert listed.returncode == 0 and unread in listed.stdout and "not json" in listed.stdout
    assert re.search(r"^partition 0 offset \d+  20\S+Z  ", listed.stdout, re.M), listed.stdout
    shop.restart("product", "customercenter")
    assert shop.on_hand() == 98 and len([t for t in shop.all("products") if t["orderId"] == 900]) == 1


def test_the_originals_consumers_can_read_what_we_write(open_shop_with):
    """They go by eventType, and take the members that they know, by their types."""
    shop = open_shop_with().start()
    number = shop.order("Latte", 2)["id"]
    shop.wait_order(number, "Completed")
    eventually(lambda: any(json.loads(message.value)["eventType"] == "Produced" for message in shop.topic.messages()), what="it is told")
    told = {}
    for message in shop.topic.messages():
        body = json.loads(message.value)
        told.setdefault(body["eventType"], body)
    ordered, produced = told["Ordered"], told["Produced"]
    assert {name: ordered[name] for name in ("id", "productId", "productName", "qty", "status")} == {
        "id": number, "productId": None, "productName": "Latte", "qty": 2, "status": "Requested"}
    assert {name: produced[name] for name in ("orderId", "productName", "qty", "status")} == {
        "orderId": number, "productName": "Latte", "qty": 2, "status": "Completed"}
    assert all(len(body["timestamp"]) == 14 and body["timestamp"].isdigit() for body in (ordered, produced))
