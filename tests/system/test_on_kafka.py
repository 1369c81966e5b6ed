"""A whole shop whose events go through Kafka, by settings alone: embedded stores, and all three engines."""
import pytest

from five_minutes import WAITS, walk_through
from rules import check_rules
from shop import PAID
from sql_rules import check_tables


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
    check_tables(database, ids, given_back=[1])
