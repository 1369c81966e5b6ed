"""A database server that comes back with less than it has confirmed: an older copy was put back, or a replica took over that lacked some.
What is in memory would go on over rows that aren't there; so it is seen, said, and nothing is changed any more."""
import os
import shutil
import signal
import subprocess

import pytest

from eventually import eventually
from load import Customers
from postgres import PASSWORD, Postgres

ON_SERVER = ("order", "product", "payment")
SEED = int(os.environ.get("SEED", "20261129"))
LOST = "its server has lost what was committed"


class Restorable(Postgres):
    """Its files can be copied, and put back."""

    def copy(self):
        """As it is now, without disturbing anybody."""
        copying = subprocess.run([self.programs / "pg_basebackup", "-h", "127.0.0.1", "-p", str(self.port), "-U", "shop", "-D", "older", "-c", "fast",
                                  "--no-sync"], cwd=self.directory, env={**os.environ, "PGPASSWORD": PASSWORD}, capture_output=True, text=True,
                                 timeout=60, check=False, **self.become)
        assert copying.returncode == 0, copying.stderr

    def put_back(self):
        """It is gone at once, as by the loss of power, and what answers then is the copy."""
        self.halt(signal.SIGQUIT)
        shutil.rmtree(self.directory / "data")
        (self.directory / "older").rename(self.directory / "data")
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


def noted(shop, name):
    """How far the directory remembers that the service has got."""
    return int((shop.directory / "data" / f"{name}.epoch").read_text().split()[1])


@pytest.mark.parametrize("killed", [False, True], ids=["ended", "killed"])
def test_a_server_put_back_older_while_the_services_are_stopped_is_noticed(open_shop_on, postgres, database, killed):
    """None of them was started since the copy was made: it names the epoch that is in force."""
    shop = open_shop_on(database).start()
    complete(shop)
    postgres.copy()
    before = {name: database.number(f'SELECT max(first + count - 1) FROM "{name}".outbox') for name in ON_SERVER}  # at least what the copy has
    complete(shop)
    if killed:
        for name in ON_SERVER:
            eventually(lambda name=name: noted(shop, name) > before[name], what=f"it is noted how far {name} has got")
        shop.kill(*shop.services)
    else:
        shop.stop()
        assert all(noted(shop, name) > before[name] for name in ON_SERVER)
    postgres.put_back()
    for _ in range(2):  # no restart changes it
        shop.launch(*shop.services)
        assert_refuses(shop, "this is not the data that")
        shop.stop()


def test_what_a_directory_knows_of_is_no_more_than_what_was_answered(open_shop_on, postgres, database):
    """The control: killed at any moment and put back whole, it is what it was; and who knows nothing takes what is there."""
    shop = open_shop_on(database).start()
    for _ in range(3):
        complete(shop, 2)
        shop.kill(*shop.services)
        shop.start()
    shop.stop()
    for name in ON_SERVER:
        (shop.directory / "data" / f"{name}.epoch").unlink()
    shop.start()
    complete(shop)
