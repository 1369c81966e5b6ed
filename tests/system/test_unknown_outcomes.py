"""The disk refuses at the one moment after which nobody can know: it is said as unknown, and the truth is found after a restart."""
import os

import pytest

from eventually import eventually
from paying import problem
from shop import PAID, PROGRAM, Process, flags

FAIL_ONCE = PROGRAM.resolve().parent / "tests" / "lib" / "libfail_once.so"
STARTED_AGAIN = 75

pytestmark = pytest.mark.skipif(not FAIL_ONCE.exists(), reason="this build of the program can't be preloaded into (a sanitizer's?)")


def environment(shop, what):
    """Of a process whose disk fails once when `fail()` says so."""
    return {**os.environ, "LD_PRELOAD": str(FAIL_ONCE), "FAIL_WHAT": what, "FAIL_WHEN": str(shop.directory / "fail")}


def fail(shop):
    (shop.directory / "fail").touch()


def has_failed(shop):
    return not (shop.directory / "fail").exists()


def ends_to_be_started_again(shop, name):
    shop.clients.pop(name).close()
    assert shop.running.pop(name).process.wait(15) == STARTED_AGAIN


def ask(shop, name):
    """A change with a key of its own: an order of two, or goods that come in."""
    if name == "order":
        return shop["order"].post("/orders", json={"productName": "Tea", "qty": 2}, headers={"Idempotency-Key": "k1"})
    return shop["stock"].post("/stocks/receive", json={"productName": "Tea", "qty": 5}, headers={"Idempotency-Key": "k1"})


def assert_was_done_once(shop, name):
    if name == "order":
        assert [order["qty"] for order in shop.all("orders")] == [1, 2]
    else:
        assert shop.on_hand("Tea") == 105


@pytest.mark.parametrize("name, what, good", [("order", "log-sync", 201), ("stock", "meta-write", 200)])
def test_a_commit_that_the_disk_may_have_lost_is_unknown_and_its_key_finds_the_truth(open_shop, name, what, good):
    shop = open_shop()
    shop.start(name, env=environment(shop, what))
    if name == "order":
        shop.order("Tea")
    fail(shop)
    answer = ask(shop, name)
    assert has_failed(shop)
    assert answer.status_code == 503 and answer.json()["type"] == "outcome-unknown", answer.text
    ends_to_be_started_again(shop, name)
    shop.start(name)
    assert ask(shop, name).status_code == good
    assert_was_done_once(shop, name)


def test_a_paid_order_that_may_have_been_made_is_said_to_be_unknown_not_unmade(open_shop):
    shop = open_shop(services=PAID).start("payment")
    shop.start("order", env=environment(shop, "log-sync"))
    shop.order("Tea")
    fail(shop)
    told = problem(ask(shop, "order"), 503, "outcome-unknown")
    assert has_failed(shop)
    assert "ordered" not in told, "nobody knows"
    assert "repeat it with the same Idempotency-Key" in told["detail"]
    ends_to_be_started_again(shop, "order")
    shop.start("order")
    assert ask(shop, "order").status_code == 201
    assert_was_done_once(shop, "order")


def test_up_starts_a_service_again_that_cannot_know_what_its_disk_holds(open_shop):
    shop = open_shop()
    shop.running["up"] = Process(["up", *flags(shop.settings_of_all())], shop.directory / "up.log", env=environment(shop, "meta-write"))
    for name in ("order", "product", "stock", "customercenter"):
        eventually(lambda: shop[name].get("/readyz").status_code == 200, within=30, what=f"{name} is ready")
    fail(shop)
    answer = ask(shop, "stock")
    assert has_failed(shop)
    assert answer.status_code == 503 and answer.json()["type"] == "outcome-unknown", answer.text
    eventually(lambda: ask(shop, "stock").status_code == 200, within=20, what="stock is there again")
    assert_was_done_once(shop, "stock")
    assert shop.running["up"].is_running()


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_nobody_else_may_read_the_data_whatever_the_umask(open_shop, umask):
    shop = open_shop()
    shop.start(umask=umask)
    shop.wait_order(shop.order()["id"], "Completed")
    data = shop.directory / "data"
    assert data.stat().st_mode & 0o777 == 0o700
    found = {str(path.relative_to(data)): path for path in data.rglob("*")}
    assert {"order.db", "order.db-wal", "order.db-shm", "stock.lmdb", "stock.lmdb-lock", "order.epoch"} <= set(found)
    for name, path in found.items():
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), name
