"""A service can be told to be slow, where that is allowed at all; it says so, and its callers are kept from waiting for it."""
import concurrent.futures

import pytest

from eventually import eventually
from shop import run_program

SLOW = {"fault.enabled": "true", "breaker.volume": 4, "breaker.sleep_window_ms": 200, "call.timeout_ms": 100}


@pytest.mark.parametrize("service", ["stock", "product"])
def test_a_fault_is_refused_where_faults_are_not_enabled(service, tmp_path):
    told = run_program(service, f"--data={tmp_path}", f"--{service}.listen=127.0.0.1:0", f"--{service}.fault.delay_ms=10")
    assert told.returncode == 1
    assert f"{service}.fault.delay_ms" in told.stderr and "fault.enabled" in told.stderr


def test_a_service_that_is_told_to_be_slow_says_so_and_is_prompt_about_itself(open_shop):
    """Its own resources wait for an hour; what it says of itself doesn't."""
    shop = open_shop({**SLOW, "stock.fault.delay_ms": 600_000, "stop_ms": 1}).start("stock")
    with concurrent.futures.ThreadPoolExecutor(1) as waiting:
        answer = waiting.submit(shop["stock"].get, "/stocks")
        health = shop["stock"].get("/readyz")
        assert health.status_code == 200
        assert health.json() == {"status": "UP", "fault": "told to be slow: every request waits 600000 ms"}
        assert shop["stock"].get("/livez").json() == {"status": "UP"}
        assert "coffeeshop_http" in shop["stock"].get("/metrics").text
        assert not answer.done()
        shop.stop("stock")
        assert answer.exception(timeout=20) is not None, "it was ended before its time was over, without an answer"


def test_a_service_that_is_not_told_anything_says_nothing_of_faults(open_shop):
    assert open_shop().start("stock")["stock"].get("/readyz").json() == {"status": "UP"}


def order_at_the_counter(shop):
    return shop["product"].post("/products", json={"productName": "Latte", "qty": 1})


def figure(shop, name):
    """What the kitchen counts of its calls to stock."""
    lines = dict(line.rsplit(" ", 1) for line in shop["product"].get("/metrics").text.splitlines() if not line.startswith("#"))
    return float(lines[f'coffeeshop_{name}{{service="stock"}}'])


def breaker_of(shop):
    return figure(shop, "breaker_state")


def test_a_slow_stock_opens_the_breaker_and_what_was_refused_takes_nothing(open_shop):
    shop = open_shop({**SLOW, "stock.fault.delay_ms": 400, "breaker.sleep_window_ms": 600_000}).start("product", "stock")
    while breaker_of(shop) == 0:
        assert order_at_the_counter(shop).status_code == 503
    asked = figure(shop, "calls_total")
    for _ in range(20):
        refused = order_at_the_counter(shop)
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 1
    assert figure(shop, "calls_total") == asked, "nobody was asked"
    shop.stop("stock", "product")
    shop.settings.update({"stock.fault.delay_ms": 0, "fault.enabled": "false"})
    shop.start("product", "stock")
    eventually(lambda: shop.on_hand("Latte") == 100, what="all that was reserved is back")
    assert order_at_the_counter(shop).status_code == 201
    assert shop.on_hand("Latte") == 99


def test_forced_open_nobody_is_asked_and_forced_closed_everybody(open_shop):
    shop = open_shop({"product.stock_breaker": "open"}).start("product", "stock")
    assert breaker_of(shop) == 1
    assert order_at_the_counter(shop).status_code == 503
    shop.stop("product")
    shop.settings.update({"product.stock_breaker": "closed", "breaker.volume": 1})
    shop.stop("stock")
    shop.start("product")
    for _ in range(5):
        assert order_at_the_counter(shop).status_code == 503
    assert breaker_of(shop) == 0
    assert figure(shop, "call_failures_total") >= 5
