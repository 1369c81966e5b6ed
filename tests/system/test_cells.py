"""A shop whose state is cut into cells: the same program on all three engines, with shop.cells above 1. One process of each service has all
of them."""
import os
import re

import pytest

from eventually import eventually
from five_minutes import WAITS, walk_through
from kafka_server import kafka_client
from load import Customers
from rules import check_rules
from shop import PAID, Process, flags, run_program
from sql_rules import check_tables

SEED = int(os.environ.get("SEED", "20261129"))
CELLS = 4
ITEMS = ("Americano", "Latte", "Tea")
PLENTY = 1_000_000
QUICK = {"product.start_after_ms": 30, "product.brew_ms": 10}


@pytest.fixture
def open_shop_of_cells(open_shop, topic, database, open_redis):
    """open_shop_of_cells(settings) makes a shop of CELLS cells; it is not started."""
    def make(settings=None):
        redis = open_redis()
        shop = open_shop({**topic.settings, "store.sql": database.url, "stock.redis": redis.url, "shop.cells": CELLS, **(settings or {})},
                         services=PAID)
        shop.topic, shop.environment, shop.redis = topic, database.environment, redis
        return shop
    return make


@pytest.fixture
def loaded(open_shop_of_cells):
    shop = open_shop_of_cells(QUICK).start()
    for item in ITEMS:
        shop.set_stock(PLENTY, item)
    return shop


def cell_of(key):
    """As Kafka's own clients find the partition of a key."""
    murmur2 = kafka_client().partitioner.default.murmur2
    return (murmur2(str(key).encode()) & 0x7FFFFFFF) % CELLS


def check(shop, database, customers, least=30):
    check_rules(shop, customers.acknowledged, stock_set=dict.fromkeys(ITEMS, PLENTY))
    assert len(customers.acknowledged) >= least
    check_tables(database, customers.acknowledged)
    assert {cell_of(number) for number in customers.acknowledged} == set(range(CELLS)), "all cells were busy"
    for name in ("order", "product", "payment", "customercenter"):
        assert shop[name].get("/dead-letters").json()["_embedded"]["deadLetters"] == []


def test_the_five_minutes_are_the_same(open_shop_of_cells, database):
    shop = open_shop_of_cells(WAITS).start()
    ids = walk_through(shop)
    check_rules(shop, ids, received={"Mocha": 50})
    check_tables(database, ids, given_back=ids[:1])


def test_what_is_said_of_an_order_is_in_the_partition_of_its_number(loaded):
    ids = [loaded.order(item)["id"] for item in ITEMS * 4]
    for number in ids:
        loaded.wait_order(number, "Completed")
    assert ids == list(range(1, len(ids) + 1)), "numbers grow over all cells"
    check_rules(loaded, ids, stock_set=dict.fromkeys(ITEMS, PLENTY))
    for partition in range(CELLS):
        for message in loaded.topic.messages(partition=partition):
            headers = {name: value.decode() for name, value in message.headers}
            if headers["ce_source"].split("/")[1] != "stock":
                assert cell_of(message.key.decode()) == partition and headers["ce_source"].endswith(f"/cells/{partition}"), headers


def test_a_key_finds_its_order_in_whatever_cell_it_is(loaded):
    keys = [f"monday-{n}" for n in range(3 * CELLS)]
    first = [loaded.ask_order(**{"Idempotency-Key": key}).json() for key in keys]
    assert len({order["id"] for order in first}) == len(keys)
    loaded.restart("order", "payment")
    assert [loaded.ask_order(**{"Idempotency-Key": key}).json() for key in keys] == first
    assert all(loaded.ask_order(qty=2, **{"Idempotency-Key": key}).status_code == 422 for key in keys)


def test_goods_that_come_are_told_to_who_waits_in_any_cell(open_shop_of_cells, database):
    shop = open_shop_of_cells(QUICK).start()
    shop.set_stock(0, "Mocha")
    ids = [shop.order("Mocha")["id"] for _ in range(3 * CELLS)]
    for number in ids:
        shop.wait_order(number, "Out of stock")
    shop.receive(len(ids), "Mocha")
    for number in ids:
        shop.wait_order(number, "Completed")
    assert shop.on_hand("Mocha") == 0
    check_tables(database, ids)


def test_all_services_killed_at_once_under_load_break_no_rule(loaded, database):
    with Customers(loaded, SEED) as customers:
        for _ in range(2):
            customers.go_on(1.5)
            loaded.kill(*PAID)
            loaded.start(*PAID)
    check(loaded, database, customers)


def test_services_killed_in_turn_under_load_break_no_rule(loaded, database):
    with Customers(loaded, SEED + 1) as customers:
        for name in PAID:
            customers.go_on(0.7)
            loaded.restart(name)
    check(loaded, database, customers)


@pytest.fixture
def kept(open_shop_of_cells):
    """A shop whose supervisor starts again what ends because it doesn't know what was committed last."""
    shop = open_shop_of_cells({**QUICK, "up.backoff_max_ms": 1000})
    up = Process(["up", *flags(shop.settings_of_all())], shop.directory / "up.log", env=shop.environment)
    try:
        for name in shop.services:
            shop.wait_ready(name)
        for item in ITEMS:
            shop.set_stock(PLENTY, item)
        yield shop
    finally:
        status = up.stop()
        print(up.output()[-6000:])
    assert status == 0


def test_a_kafka_and_a_database_that_are_killed_under_load_cost_nothing_but_time(kept, database, kafka, postgres):
    with Customers(kept, SEED + 2) as customers:
        customers.go_on(1)
        kafka.kill()
        customers.go_on(1)
        kafka.start()
        postgres.halt()
        postgres.start()
        for name in PAID:
            kept.wait_ready(name)
        customers.go_on(1)
    check(kept, database, customers)


def test_an_event_that_cant_be_used_lies_aside_in_its_cell_and_is_tried_again_there(loaded):
    order = {"productId": None, "status": "Requested", "eventType": "Ordered", "timestamp": "20261129120000", "me": True}
    number = next(n for n in range(900, 1000) if cell_of(n) == CELLS - 1)
    loaded.topic.produce_to(CELLS - 1, number, {**order, "id": number, "qty": None, "productName": None})
    letters = eventually(lambda: loaded["product"].get("/dead-letters").json()["_embedded"]["deadLetters"], what="it lies aside")
    assert [letter["cell"] for letter in letters] == [CELLS - 1]
    name, place = letters[0]["source"], letters[0]["position"]
    assert loaded["product"].get(f"/dead-letters?cell={CELLS}").json()["_embedded"]["deadLetters"] == []
    listen = f"--product.listen=127.0.0.1:{loaded.ports['product']}"
    listed = run_program("dead-letters", "product", listen)
    assert re.search(rf"^{re.escape(name)} {place} {CELLS - 1}  ", listed.stdout, re.M), listed.stdout
    told = run_program("dead-letters", "product", "replay", name, str(place), listen)
    assert told.returncode == 1 and "no such dead letter" in told.stdout
    told = run_program("dead-letters", "product", "replay", name, str(place), str(CELLS - 1), listen)
    assert told.returncode == 1 and "can be read" in told.stdout, told.stdout
    again = loaded["product"].post("/dead-letters/replay", json={"source": name, "position": place, "cell": CELLS})
    assert again.status_code == 422 and again.json()["member"] == "cell"


# What is refused


def refusal(shop, name):
    shop.launch(name)
    running = shop.running.pop(name)
    assert running.process.wait(30) == 1
    return running.output()


def test_several_cells_need_the_engines_that_can_have_them(open_shop, topic, database):
    alone = open_shop({"shop.cells": CELLS}, services=PAID)
    assert "several cells tell each other by Kafka: set kafka.servers" in refusal(alone, "order")
    filed = open_shop({**topic.settings, "shop.cells": CELLS}, services=PAID)
    for name in ("order", "product", "payment", "customercenter"):
        assert "a file keeps one cell: set store.sql" in refusal(filed, name)
    assert "keep stock in a Redis (stock.redis)" in refusal(filed, "stock")


def test_a_shop_of_several_cells_is_not_exported_as_one(open_shop_of_cells, tmp_path):
    shop = open_shop_of_cells()
    place = flags({**shop.settings_of_all(), "data": shop.directory})
    told = run_program("export", str(tmp_path / "shop"), *place, env=shop.environment)
    assert told.returncode == 1 and "moves only shops of one cell" in told.stderr, told.stderr


def test_another_number_of_cells_than_the_shop_was_made_with_is_refused(open_shop_of_cells, kafka):
    shop = open_shop_of_cells().start()
    shop.stop()
    for name in ("order", "product", "payment", "customercenter", "stock"):
        changed = open_shop_of_cells({**{key: shop.settings[key] for key in ("kafka.topic", "store.sql", "stock.redis")}, "shop.cells": CELLS * 2,
                                      "kafka.topic": kafka.make_topic().name})
        assert f"was made with shop.cells={CELLS}, and it is {CELLS * 2} now: set it to {CELLS}" in refusal(changed, name)
    kafka.create((other := kafka.make_topic()).name, CELLS + 1)
    assert f"has {CELLS + 1} partitions, this shop has {CELLS} cells" in refusal(open_shop_of_cells({"kafka.topic": other.name}), "order")


def test_the_view_is_made_anew_of_all_cells(loaded, database):
    with Customers(loaded, SEED + 3) as customers:
        customers.go_on(0.7)
        told = run_program("view", "rebuild", *flags(loaded.settings_of_all()), env=loaded.environment)
        assert told.returncode == 0 and "the view is rebuilt and in use" in told.stdout, told.stderr
    check(loaded, database, customers, least=10)
