"""A database server that comes back with less than it has confirmed: an older copy was put back, or a replica took over that lacked some.
What is in memory would go on over rows that aren't there; so it is seen, said, and nothing is changed any more."""
import os
import shutil
import signal

import pytest

from eventually import eventually
from load import Customers
from postgres import Postgres

ON_SERVER = ("order", "product", "payment")
SEED = int(os.environ.get("SEED", "20261129"))
LOST = "its server has lost what was committed"


class Restorable(Postgres):
    """Its files can be copied, and put back."""

    def copy(self):
        self.halt()
        shutil.copytree(self.directory / "data", self.directory / "older")
        self.start()

    def put_back(self):
        """It is gone at once, as by the loss of power, and what answers then is the copy."""
        self.halt(signal.SIGQUIT)
        shutil.rmtree(self.directory / "data")
        (self.directory / "older").rename(self.directory / "data")
        if self.become:
            for path in (self.directory / "data", *(self.directory / "data").rglob("*")):
                os.chown(path, self.become["user"], self.become["group"])
        self.start()


@pytest.fixture
def postgres():
    server = Restorable()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def database(postgres):
    return postgres.make_database()


def complete(shop, n=3):
    ids = [shop.order("Tea")["id"] for _ in range(n)]
    for order in ids:
        shop.wait_order(order, "Completed")
    return ids


def says(shop, name, words):
    told = shop[name].get("/readyz")
    return told.status_code == 503 and words in told.json()["reason"]


def assert_refuses(shop, words):
    for name in ON_SERVER:
        eventually(lambda name=name: says(shop, name, words), within=30, what=f"{name} says that {words}")
    assert shop.ask_order().status_code == 503
    assert [shop[name].get("/livez").status_code for name in ON_SERVER] == [200] * len(ON_SERVER)


@pytest.mark.parametrize("loaded", [False, True], ids=["idle", "under load"])
def test_a_server_put_back_older_under_running_services_is_noticed(open_shop_on, postgres, database, loaded):
    """Under load a commit is on its way when the server goes, so that its outcome isn't known: that is no excuse."""
    shop = open_shop_on(database, {"product.start_after_ms": 30, "product.brew_ms": 10}).start()
    shop.set_stock(1_000_000, "Tea")
    complete(shop)
    postgres.copy()
    for name in ON_SERVER:
        shop.wait_ready(name)
    complete(shop)
    if loaded:
        with Customers(shop, SEED, items=("Tea",)) as customers:
            customers.go_on(1.5)
            postgres.put_back()
            assert_refuses(shop, LOST)
    else:
        postgres.put_back()
        assert_refuses(shop, LOST)
    for name in ON_SERVER:
        assert shop.running[name].output().count("has less than it has confirmed") == 1, "said, and said once"


def test_a_server_that_comes_back_with_all_of_it_goes_on(open_shop_on, postgres, database):
    """The control: no alarm without a loss."""
    shop = open_shop_on(database).start()
    complete(shop)
    postgres.copy()
    postgres.put_back()
    for name in ON_SERVER:
        shop.wait_ready(name)
    complete(shop)
