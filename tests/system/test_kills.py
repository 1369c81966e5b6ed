"""SIGKILL at random moments under load: afterwards every rule holds. The seed is printed, and can be given (SEED=…)."""
import os
import random
import time

import pytest

from load import Customers
from rules import check_rules
from shop import SERVICES

SEED = int(os.environ.get("SEED", "20240607"))
SECONDS = 6  # of load; the rest of a test's time is catching up
PLENTY = 1_000_000


def kill_while_ordering(shop, victims, seed, moments=5):
    """Kills one of `victims` at each of some random moments while customers order; returns what they were told."""
    print(f"SEED={seed}")
    chance = random.Random(seed)
    for item in ("Americano", "Latte"):
        shop.set_stock(PLENTY, item)
    began = time.monotonic()
    with Customers(shop, seed) as customers:
        for moment in sorted(chance.uniform(0.2, SECONDS) for _ in range(moments)):
            customers.go_on(began + moment - time.monotonic())
            shop.restart(chance.choice(victims))
    return customers


def check(shop, customers):
    seen = check_rules(shop, customers.acknowledged, stock_set={"Americano": PLENTY, "Latte": PLENTY})
    assert len(customers.acknowledged) > 50
    for order in customers.canceled:
        assert seen.orders[order]["status"] == "Canceled"
    assert len(set(customers.acknowledged.values())) == len(customers.acknowledged)


@pytest.mark.parametrize("victim", SERVICES)
def test_a_service_killed_at_any_moment_breaks_no_rule(open_shop, victim):
    shop = open_shop({"product.start_after_ms": 30, "product.brew_ms": 10}).start()
    check(shop, kill_while_ordering(shop, [victim], SEED + SERVICES.index(victim)))


def test_all_services_killed_in_turn_break_no_rule(open_shop):
    shop = open_shop({"product.start_after_ms": 10, "product.brew_ms": 10}).start()
    check(shop, kill_while_ordering(shop, SERVICES, SEED + 10, moments=8))


def test_all_services_killed_at_once_break_no_rule(open_shop):
    """The power cut: everything goes in the same moment, and starts again with what was durable."""
    shop = open_shop({"product.start_after_ms": 10, "product.brew_ms": 10}).start()
    chance = random.Random(SEED + 20)
    for item in ("Americano", "Latte"):
        shop.set_stock(PLENTY, item)
    with Customers(shop, SEED + 20) as customers:
        for _ in range(3):
            customers.go_on(chance.uniform(0.5, 2))
            shop.kill(*SERVICES)
            shop.start(*SERVICES)
    check(shop, customers)
