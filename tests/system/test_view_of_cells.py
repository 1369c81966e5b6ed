"""The view of a shop of several cells, on all three engines: one process has them all, and who follows it has a position of each."""
import json

import pytest

from eventually import eventually
from shop import PAID, flags, read_stream, run_program

CELLS = 4


@pytest.fixture
def shop(open_shop, topic, database, open_redis):
    shop = open_shop({**topic.settings, "shop.cells": CELLS, "store.sql": database.url, "stock.redis": open_redis().url}, services=PAID)
    shop.environment = database.environment
    return shop.start()


def make_orders(shop, n):
    ids = [shop.order()["id"] for _ in range(n)]
    for each in ids:
        eventually(lambda: (page := shop.page_of(each))["orderStatus"] == page["productStatus"] == "Completed")
    return ids


def follow(shop, **how):
    return read_stream(shop.url("customercenter") + "/mypages/stream", **how)


def orders_of(events):
    return sorted({json.loads(event.data)["orderId"] for event in events})


def cells_of(database):
    """How many cells have pages in the table."""
    return database.number("SELECT count(DISTINCT cell) FROM customercenter.mypage")


def pages(shop):
    """What the view says, but for the numbers of its changes."""
    return sorted((page["orderId"], page["orderStatus"], page["productStatus"], [entry["type"] for entry in page["timeline"]])
                  for page in shop.all("mypages"))


def test_the_stream_tells_the_orders_of_all_cells_and_goes_on_in_each_of_them(shop, database):
    ids = make_orders(shop, 12)
    told = follow(shop, after=0)
    assert orders_of(told) == ids and cells_of(database) == CELLS
    assert len({event.id for event in told}) == len(told)
    for at in (0, len(told) // 2, len(told) - 1):
        rest = follow(shop, after=told[at].id)
        assert [(event.id, event.data) for event in rest] == [(event.id, event.data) for event in told[at + 1:]]
    shop.restart("customercenter")  # nothing is in memory then, and the table has each page once
    assert follow(shop, after=told[-1].id) == []
    assert orders_of(follow(shop, after=0)) == ids
    more = make_orders(shop, 3)
    assert orders_of(follow(shop, after=told[-1].id)) == more


def test_a_rebuild_makes_all_cells(shop, database):
    make_orders(shop, 12)
    before, last = pages(shop), follow(shop, after=0)[-1].id
    database.sql("DELETE FROM customercenter.mypage WHERE id % 2 = 1")
    done = run_program("view", "rebuild", *flags(shop.settings_of_all()), env=shop.environment)
    assert done.returncode == 0, done.stderr
    shop.wait_ready("customercenter")
    assert pages(shop) == before and cells_of(database) == CELLS
    begin = follow(shop, after=last, enough=lambda events: events)[0]
    assert begin.name == "reset", "its numbers are another database's"
    more = make_orders(shop, 3)
    assert orders_of(follow(shop, after=begin.id)) == more
