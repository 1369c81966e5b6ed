"""Somebody sets the clock, in a run or between two, or one host's clock is off: what people read changes, what is decided does not.

The wall clock of each service is set by a preloaded library (tests/lib/stepped_clock.c)."""
import os
import struct
from datetime import datetime, timezone

import pytest

from eventually import eventually
from rules import check_rules
from shop import LONG_MS, PATIENT, PROGRAM, SERVICES

LIBRARY = PROGRAM.resolve().parent / "tests" / "lib" / "libstepped_clock.so"
DAY = 86_400
HOUR_LONG = {"idempotency.retain_hours": 1, "stock.reservation_retain_hours": 1}


class Clocks:
    """The wall clock of each service, by how many seconds it is ahead."""

    def __init__(self, directory):
        self.files = {name: directory / f"{name}.clock" for name in SERVICES}
        self.set(0)

    def set(self, seconds, *names):
        for name in names or SERVICES:
            with self.files[name].open("r+b" if self.files[name].exists() else "wb") as file:
                file.write(struct.pack("=q", seconds))

    def options(self, name):
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        return {"env": {**os.environ, "LD_PRELOAD": str(LIBRARY), "STEPPED_CLOCK": str(self.files[name]),
                        "ASAN_OPTIONS": sanitizer + ":verify_asan_link_order=0"}}


@pytest.fixture
def clocks(tmp_path):
    assert LIBRARY.exists(), f"{LIBRARY} isn't there; run make first"
    return Clocks(tmp_path)


def start(shop, clocks, *names):
    for name in names or SERVICES:
        shop.start(name, **clocks.options(name))
    return shop


def age_s(text):
    """How long ago that was by this machine's clock, in seconds."""
    return (datetime.now(timezone.utc) - datetime.fromisoformat(text.replace("Z", "+00:00"))).total_seconds()


def reduce(shop, reservation):
    answer = shop["stock"].post("/stocks/reduce", json={"productName": "Tea", "qty": 1, "reservationId": reservation})
    assert (answer.status_code, answer.text) == (200, "true"), answer.text


def expect_nothing_is_done_twice(shop, order_id):
    assert shop.order("Latte", **{"Idempotency-Key": "once"})["id"] == order_id
    reduce(shop, "mine-1")
    assert shop.on_hand("Tea") == 99


def do_once(shop):
    order = shop.order("Latte", **{"Idempotency-Key": "once"})
    reduce(shop, "mine-1")
    assert shop.on_hand("Tea") == 99
    shop.wait_order(order["id"], "Completed")
    return order["id"]


def test_a_clock_that_is_days_ahead_for_a_moment_makes_nothing_expire(open_shop, clocks):
    shop = start(open_shop(HOUR_LONG), clocks)
    first = do_once(shop)
    clocks.set(8 * DAY)
    second = shop.order()
    shop.wait_order(second["id"], "Completed")
    expect_nothing_is_done_twice(shop, first)
    clocks.set(0)
    third = shop.order()
    shop.wait_order(third["id"], "Completed")
    expect_nothing_is_done_twice(shop, first)
    assert age_s(second["createdAt"]) < -7 * DAY  # what people read is what the clock said
    assert abs(age_s(third["createdAt"])) < 3600


def test_a_start_while_the_clock_is_days_ahead_makes_nothing_expire(open_shop, clocks):
    shop = start(open_shop(HOUR_LONG), clocks)
    first = do_once(shop)
    shop.stop()
    clocks.set(8 * DAY)
    start(shop, clocks)
    shop.wait_order(shop.order()["id"], "Completed")
    expect_nothing_is_done_twice(shop, first)
    shop.stop()
    clocks.set(0)
    start(shop, clocks)
    shop.wait_order(shop.order()["id"], "Completed")
    expect_nothing_is_done_twice(shop, first)


@pytest.mark.parametrize("wrong_by", [8 * DAY, 9 * 3600, -9 * 3600])
def test_an_order_from_while_the_clock_was_wrong_is_made_in_its_time(open_shop, clocks, wrong_by):
    shop = open_shop({"product.start_after_ms": LONG_MS, "product.brew_ms": 200})
    clocks.set(wrong_by)
    start(shop, clocks)
    order = shop.order()
    shop.ticket_of(order["id"])
    shop.kill("product")
    clocks.set(0)
    shop.settings["product.start_after_ms"] = 200
    start(shop, clocks, "product")
    shop.wait_order(order["id"], "Completed", within=30)
    check_rules(shop, [order["id"]])


@pytest.mark.parametrize("off_by", [-DAY, DAY])
def test_a_host_whose_clock_is_a_day_off_takes_nobodys_time_to_think(open_shop, clocks, off_by):
    shop = open_shop(PATIENT)
    clocks.set(off_by, "order")
    start(shop, clocks)
    order = shop.order()
    ticket = shop.ticket_of(order["id"])
    assert ticket["status"] == "Ready"
    assert -LONG_MS / 1000 - 60 < age_s(ticket["startsAt"]) < -LONG_MS / 2000
    assert shop.cancel(order["id"]).status_code == 200
    eventually(lambda: shop.page_of(order["id"])["orderStatus"] == "Canceled")


def test_a_clock_that_is_off_is_measured_and_said(open_shop, clocks):
    shop = open_shop()
    clocks.set(-DAY, "order")
    start(shop, clocks)

    def ahead():
        lines = shop["product"].get("/metrics").text.splitlines()
        return {line.split("{")[1].split("}")[0]: int(float(line.rsplit(" ", 1)[1]))
                for line in lines if line.startswith("coffeeshop_follower_clock_ahead_seconds{")}

    measured = eventually(lambda: ahead() if abs(ahead().get('producer="order"', 0)) > 5 else None, what="it is measured")
    assert abs(measured['producer="order"'] + DAY) <= 5
    assert abs(measured['producer="stock"']) <= 5
    assert "the producer's clock is another one than ours" in shop.running["product"].output()
