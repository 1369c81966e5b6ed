"""The feed that each service serves at /events: CloudEvents, in order, resumable."""
import re

import pytest

from shop import SERVICES, client


def placed(shop, n=3):
    ids = [shop.order()["id"] for _ in range(n)]
    for each in ids:
        shop.wait_order(each, "Completed")
    return ids


def test_an_order_is_told_as_a_cloud_event(shop):
    order = placed(shop, 1)[0]
    event = next(event for _, event in shop.events("order") if event["subject"] == str(order) and event["type"] == "Ordered")
    assert event["specversion"] == "1.0"
    assert event["source"].strip("/") == "order"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", event["time"])
    assert event["version"] == 1
    data = event["data"]
    assert (data["productName"], data["qty"]) == ("Americano", 1)


def test_production_is_told_start_before_end(shop):
    order = placed(shop, 1)[0]
    types = [event["type"] for _, event in shop.events("product") if event["subject"] == str(order)]
    assert types == ["ProductionStarted", "Produced"]


def test_stock_tells_what_left_the_shelf(shop):
    order = placed(shop, 1)[0]
    taken = [event for _, event in shop.events("stock") if event["type"] == "StockReduced" and event["subject"] == str(order)]
    assert len(taken) == 1


def test_a_feed_is_resumed_where_it_was_left(shop):
    placed(shop)
    whole = shop.events("order")
    position = whole[len(whole) // 2][0]
    assert shop.events("order", after=position) == [row for row in whole if row[0] > position]


def test_a_feed_is_the_same_after_a_crash(own_shop):
    placed(own_shop)
    before = {name: own_shop.events(name) for name in ("order", "product", "stock")}
    assert all(before.values())
    own_shop.restart("order", "product", "stock")
    for name, events in before.items():
        assert own_shop.events(name)[:len(events)] == events


def test_a_follower_that_knows_more_than_the_producer_is_told(shop):
    with client(shop.url("order")) as http:
        assert http.get("/events", headers={"Last-Event-ID": "999999999"}).status_code == 409


@pytest.mark.parametrize("position", ["abc", "-1", "1.5", "99999999999999999999999"])
def test_a_position_that_is_none_is_refused(shop, position):
    with client(shop.url("order")) as http:
        with http.stream("GET", "/events", headers={"Last-Event-ID": position}) as answer:
            assert answer.status_code == 400


@pytest.mark.parametrize("service", ["order", "product", "stock"])
def test_positions_have_no_gaps(shop, service):
    placed(shop)
    positions = [position for position, _ in shop.events(service)]
    assert positions == list(range(positions[0], positions[0] + len(positions)))


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_feed(shop, service):
    placed(shop, 1)
    events = shop.events(service)
    assert {event["source"].strip("/") for _, event in events} == (set() if service == "customercenter" else {service})
