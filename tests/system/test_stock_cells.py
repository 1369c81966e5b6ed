"""Stock cut into cells: a service that has four of them, in a Redis and on a topic of four partitions. Each item is in the cell of its name,
and whoever asks sees one stock."""
import json
import time

import pytest

from cell_rules import REDUCED, Cell
from eventually import eventually
from shop import flags, run_program

CELLS = 4
RELEASED = 3  # of a reservation (reservation.h)
ITEMS = {"Americano": 1, "Latte": 2, "Cappuccino": 3, "Mocha": 2, "Tea": 2, "Espresso": 3, "Cocoa": 0, "Soda": 0, "Milk": 3, "Wine": 1}  # and their cells
MENU = ("Americano", "Latte", "Cappuccino", "Mocha", "Tea")


@pytest.fixture
def stock(open_shop, open_redis, topic):
    shop = open_shop({**topic.settings, "shop.cells": CELLS}, services=("stock",))
    shop.redis, shop.topic = open_redis(), topic
    shop.settings["stock.redis"] = shop.redis.url
    return shop.start("stock")


def in_redis(shop):
    return [Cell(shop.redis, f"stock:{cell}") for cell in range(CELLS)]


def keep_others(shop):
    for item in set(ITEMS) - {*MENU, "Espresso"}:
        assert shop["stock"].post("/stocks", json={"productName": item, "qty": 100}).status_code == 201


def reduce(shop, *asked):
    answer = shop["stock"].post("/stocks/reduce", json=[{"productName": item, "qty": qty, "reservationId": reservation} for item, qty, reservation in asked])
    assert answer.status_code == 200, answer.text
    return answer.json()


def release(shop, *asked):
    answer = shop["stock"].post("/stocks/release", json=[{"productName": item, "reservationId": reservation} for item, reservation in asked])
    assert answer.status_code == 200, answer.text
    return [each["released"] for each in answer.json()]


def test_every_item_begins_with_a_hundred_in_its_own_cell_and_nowhere_else(stock):
    keep_others(stock)
    for _ in range(2):
        for number, cell in enumerate(in_redis(stock)):
            assert cell.on_hand == {item: 100 for item, there in ITEMS.items() if there == number}
        stock.restart("stock")


def test_a_list_is_of_all_cells_in_the_order_of_ids_page_by_page(stock):
    keep_others(stock)
    kept = [row["id"] for row in stock.all("stocks")]
    assert kept == sorted(kept) and len(set(kept)) == len(ITEMS)
    pages = [stock["stock"].get("/stocks", params={"size": 2, "page": page}).json() for page in range(6)]
    assert [row["id"] for page in pages for row in page["_embedded"]["stocks"]] == kept
    assert {page["page"]["totalElements"] for page in pages} == {len(ITEMS)}
    by_name = stock["stock"].get("/stocks", params={"sort": "productName,desc", "size": 3}).json()["_embedded"]["stocks"]
    assert [row["productName"] for row in by_name] == sorted(ITEMS, reverse=True)[:3]
    for item in ITEMS:
        row = stock["stock"].get("/stocks/search/findByProductName", params={"productName": item.upper()}).json()
        assert stock["stock"].get(f"/stocks/{row['id']}").json()["productName"] == item
    assert stock["stock"].get("/stocks/999999").status_code == 404


def test_what_is_asked_in_one_request_is_taken_and_given_back_where_it_lies(stock):
    asked = [("Latte", 1, "a"), ("Americano", 200, "b"), ("Tea", 2, "c"), ("Soup", 1, "d"), ("cappuccino", 3, "e"), ("Ame", 4, "f")]
    for _ in range(2):
        assert reduce(stock, *asked) == [True, False, True, False, True, True]
        assert [stock.on_hand(item) for item in MENU] == [96, 99, 97, 100, 98]
        stock.restart("stock")
    for _ in range(2):
        assert release(stock, ("Latte", "a"), ("Tea", "never"), ("americano", "f"), ("Tea", "c")) == [True, False, True, True]
        assert [stock.on_hand(item) for item in MENU] == [100, 100, 97, 100, 100]
    assert stock["stock"].post("/stocks/release", json={"reservationId": "e"}).status_code == 422
    assert stock["stock"].post("/stocks/release", json={"reservationId": "e", "item": "Cappuccino"}).json()["released"] is True


def test_a_row_is_kept_counted_and_removed_in_its_cell(stock):
    row = stock["stock"].post("/stocks", json={"productName": "Wine", "qty": 5}).json()
    assert stock["stock"].post("/stocks", json={"productName": "WINE", "qty": 5}).status_code == 409
    assert stock["stock"].post("/stocks/receive", json={"productName": "wine", "qty": 5}).json()["qty"] == 10
    here = f"/stocks/{row['id']}"
    assert stock["stock"].patch(here, json={"change": -3}).json()["qty"] == 7
    assert stock["stock"].put(f"{here}/lowMark", json={"qty": 2}).json()["lowMark"] == 2
    moved = stock["stock"].get(f"{here}/movements").json()["_embedded"]["movements"]
    assert [(each["type"], each["onHand"]) for each in moved] == [("StockCorrected", 7), ("StockReceived", 10), ("StockReceived", 5)]
    assert in_redis(stock)[ITEMS["Wine"]].on_hand["Wine"] == 7
    assert stock["stock"].delete(here).status_code == 204
    again = stock["stock"].post("/stocks", json={"productName": "Wine", "qty": 1}).json()
    assert again["id"] > row["id"] and (again["id"] - row["id"]) % CELLS == 0


def told(stock):
    """What is on the topic of stock's, by partition: [(cell, position, type, item, on hand)]."""
    found = []
    for partition in range(CELLS):
        found.append([])
        for message in stock.topic.messages(partition=partition):
            headers = {name: value.decode() for name, value in message.headers}
            body = json.loads(message.value)
            found[-1].append((headers["ce_source"], int(headers["ce_id"].removeprefix("stock-")), body["eventType"], body["productName"], body["onHand"]))
    return found


def test_what_every_cell_has_to_hear_is_once_in_each_partition_and_the_rest_in_one(stock):
    keep_others(stock)
    assert reduce(stock, ("Latte", 1, "o5.1"), ("Americano", 100, "o5.2"), ("Cocoa", 2, "o6.1")) == [True, True, True]
    assert stock["stock"].post("/stocks/receive", json={"productName": "Americano", "qty": 7}).status_code == 200
    assert release(stock, ("Cocoa", "o6.1")) == [True]
    everywhere = {("StockReceived", item, 100) for item in ITEMS} | {("StockReduced", "Americano", 0), ("StockReceived", "Americano", 7), ("StockReleased", "Cocoa", 100)}
    eventually(lambda: all(len(partition) >= len(everywhere) for partition in told(stock)), what="all is told")
    partitions = told(stock)
    for partition in partitions:
        assert sorted(each[2:] for each in partition if each[2:] in everywhere) == sorted(everywhere)
        assert len(partition) == len(set(partition)), "nothing twice"
        for cell in range(CELLS):
            positions = [position for source, position, *_ in partition if source == f"/stock/cells/{cell}"]
            assert positions == sorted(positions) and positions
    others = [each[2:] for partition in partitions for each in partition if each[2:] not in everywhere]
    assert sorted(others) == [("StockReduced", "Cocoa", 98), ("StockReduced", "Latte", 99)]


def test_a_cell_that_has_nothing_to_do_is_held_while_another_is_busy(stock):
    until = time.monotonic() + 5  # longer than a hold lasts
    while time.monotonic() < until:
        assert stock["stock"].post("/stocks/receive", json={"productName": "Americano", "qty": 1}).status_code == 200
    assert [stock.redis.ask("EXISTS", f"{{stock:{cell}}}:held") for cell in range(CELLS)] == ["1"] * CELLS


@pytest.fixture
def shop(open_shop, open_redis, topic, database):
    """Order, the kitchen and stock, each of as many cells."""
    shop = open_shop({**topic.settings, "shop.cells": CELLS, "store.sql": database.url, "product.start_after_ms": 0, "product.brew_ms": 0},
                     services=("order", "product", "stock"))
    shop.redis, shop.topic, shop.environment = open_redis(), topic, database.environment
    shop.settings["stock.redis"] = shop.redis.url
    return shop.start()


def test_goods_that_come_reach_those_who_wait_in_every_cell_of_the_kitchen(shop):
    shop.set_stock(0, "Latte")
    orders = [shop.order("Latte", 2)["id"] for _ in range(3 * CELLS)]
    for order in orders:
        shop.wait_order(order, "Out of stock")
    shop.receive(100, "Latte")
    for order in orders:
        shop.wait_order(order, "Completed")
    assert shop.on_hand("Latte") == 100 - 2 * len(orders)


def test_orders_of_many_items_take_each_what_they_should_where_it_lies(shop):
    for item in MENU:
        shop.set_stock(1000, item)
    orders = [(shop.order(item, 1 + number % 3)["id"], item, 1 + number % 3) for number in range(12) for item in MENU]
    for order, *_ in orders:
        shop.wait_order(order, "Completed")
    for item in MENU:
        assert shop.on_hand(item) == 1000 - sum(qty for _, of, qty in orders if of == item)
    for number, cell in enumerate(in_redis(shop)):
        assert cell.reserved == {f"o{order}.1": (REDUCED, item, qty) for order, item, qty in orders if ITEMS[item] == number}


def test_stock_that_is_killed_while_orders_come_takes_for_each_of_them_once(shop):
    for item in MENU:
        shop.set_stock(1000, item)
    orders = []
    for _ in range(3):
        orders += [(shop.order(item, 1 + number)["id"], item, 1 + number) for number in range(2) for item in MENU]
        shop.kill("stock")
        orders += [(shop.order(item)["id"], item, 1) for item in MENU]
        shop.start("stock")
    for order, *_ in orders:
        shop.wait_order(order, "Completed", within=60)
    for number, cell in enumerate(in_redis(shop)):
        taken = {item: sum(qty for _, of, qty in orders if of == item) for item in MENU if ITEMS[item] == number}
        assert {item: 1000 - cell.on_hand[item] for item in taken} == taken
        assert {reservation for reservation, (state, *_) in cell.reserved.items() if state == REDUCED} == {f"o{order}.1" for order, item, _ in orders if item in taken}


def test_what_a_cancelled_order_may_have_taken_is_released_in_its_items_cell(shop):
    shop.settings["product.start_after_ms"] = 3_600_000
    shop.restart("product")
    orders = [(shop.order(item)["id"], item) for item in MENU for _ in range(2)]
    for order, _ in orders:
        eventually(lambda order=order: shop.cancel(order).status_code == 200, what=f"order {order} is cancelled")

    def released():
        return [{reservation for reservation, (state, *_) in cell.reserved.items() if state == RELEASED} for cell in in_redis(shop)]

    wanted = [{f"o{order}.1" for order, item in orders if ITEMS[item] == number} for number in range(CELLS)]
    eventually(lambda: released() == wanted, what="each is released where it would have been taken")


def test_stock_of_another_number_of_cells_and_a_file_of_several_are_refused(stock):
    stock.stop("stock")
    for cells in (1, 2, 16):
        refused = run_program("stock", *flags({**stock.settings_of("stock"), "shop.cells": cells, "kafka.topic": f"{stock.topic.name}-{cells}"}))
        assert refused.returncode == 1 and f"was made with shop.cells=4, and it is {cells} now" in refused.stderr, refused.stderr
    in_a_file = {name: value for name, value in stock.settings_of("stock").items() if name != "stock.redis"}
    refused = run_program("stock", *flags(in_a_file))
    assert refused.returncode == 1 and "keep stock in a Redis (stock.redis)" in refused.stderr, refused.stderr
