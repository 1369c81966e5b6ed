"""The power fails: of what was only written and not synced, the disk keeps what it likes (tests/powercut/powercut.c). Then the
service starts on what is left, and everything that was answered is there."""
import os
import random
import shutil
import signal
import sqlite3
from pathlib import Path

import httpx
import pytest

from checksums import changed
from eventually import eventually
from shop import PROGRAM, Process, client, flags

LIBRARY = PROGRAM.parent / "tests" / "powercut" / "libpowercut.so"
SEED = int(os.environ.get("SEED", "1"))

pytestmark = pytest.mark.skipif(not LIBRARY.exists(), reason="this build of the program can't be preloaded into (a sanitizer's?)")


REFUSES = "this is not the data that the service has worked with"


class Machine:
    """One service and its data, and a plug that is pulled."""

    def __init__(self, shop, name):
        self.shop, self.name, self.cuts, self.http = shop, name, 0, None
        self.data = shop.data[name] = Path(os.path.realpath(shop.directory)) / f"{name}-data"
        shop.settings["call.timeout_ms"] = 2000

    def run(self, words, at, seed, swallow=False):
        self.survivor = self.data.with_name(f"{self.name}-survivor")
        shutil.rmtree(self.survivor, ignore_errors=True)
        powercut = {"LD_PRELOAD": str(LIBRARY), "POWERCUT_DIRECTORY": str(self.data), "POWERCUT_SURVIVOR": str(self.survivor),
                    "POWERCUT_AT": str(at), "POWERCUT_SEED": str(seed), "POWERCUT_SWALLOW": str(int(swallow))}
        log = self.shop.directory / f"{self.name}.log"
        self.process = Process([*words, *flags(self.shop.settings_of(self.name))], log, env={**os.environ, **(powercut if at else {})})
        self.shop.running[self.name] = self.process

    def start(self, at=0, seed=0, swallow=False, within=20):
        """With the plug to be pulled at the operation `at`. False when the power failed before the service was there."""
        self.run([self.name], at, seed, swallow)
        if self.http:
            self.http.close()
        self.http = self.shop.clients[self.name] = client(self.shop.url(self.name), timeout=10.0)
        while self.process.is_running():
            try:
                told = self.http.get("/readyz")
                if told.status_code == 200 or REFUSES in told.text:
                    return True
            except httpx.HTTPError:
                pass
        return False

    def power_fails(self):
        """Waits until the power has failed; the data is then what the disk kept."""
        if self.name in self.shop.clients:
            self.shop.clients.pop(self.name).close()
        status = self.process.process.wait(30)
        self.shop.running.pop(self.name, None)
        assert status == -signal.SIGKILL, f"{self.name} ended by itself with {status}: {self.process.output()[-1500:]}"
        assert self.survivor.is_dir(), "the library cut the power"
        shutil.rmtree(self.data, ignore_errors=True)
        self.survivor.rename(self.data)
        if not any(self.data.iterdir()):
            self.data.rmdir()  # not even the directory has reached the disk
        self.cuts += 1

    def stop(self):
        self.shop.stop(self.name)


def until_dark(ask):
    """Asks on until the power fails; yields every answer."""
    while True:
        try:
            yield ask()
        except httpx.HTTPError:
            return


class Customers:
    """Who order with a key of their own each, and remember what they were told."""

    def __init__(self):
        self.told, self.n = {}, 0

    def order(self, http):
        self.n += 1
        key = f"k{self.n}"
        answer = http.post("/orders", json={"productName": "Americano", "qty": 1}, headers={"Idempotency-Key": key})
        if answer.status_code == 201:
            self.told[key] = answer.json()["id"]

    def missing(self, http):
        """Who is not remembered as they were told; asked again, each gets the same answer and no second order."""
        gone = []
        for key, order_id in self.told.items():
            shown = http.get(f"/orders/{order_id}")
            again = http.post("/orders", json={"productName": "Americano", "qty": 1}, headers={"Idempotency-Key": key})
            if shown.status_code != 200 or again.status_code != 201 or again.json()["id"] != order_id:
                gone.append(key)
        return gone


def feed_positions(shop, name):
    return [position for position, _ in shop.events(name)]


@pytest.mark.parametrize("series", range(3))
def test_what_order_has_acknowledged_outlives_cuts(open_shop, series):
    machine, customers, chance = Machine(open_shop(), "order"), Customers(), random.Random(SEED * 100 + series)
    for _ in range(8):
        at = chance.randint(1, 40 if not customers.told else 90)  # at first while the data is being made
        if machine.start(at, chance.randint(1, 1 << 30)):
            for _ in until_dark(lambda: customers.order(machine.http)):
                pass
        machine.power_fails()
        assert machine.start(), machine.process.output()[-1500:]
        assert customers.missing(machine.http) == []
        positions = feed_positions(machine.shop, "order")
        assert positions == list(range(1, len(positions) + 1))
        assert len(positions) >= len(set(customers.told.values()))
        machine.stop()
    assert machine.cuts == 8 and customers.told


@pytest.mark.parametrize("series", range(3))
def test_what_stock_has_acknowledged_outlives_cuts(open_shop, series):
    machine, chance = Machine(open_shop(), "stock"), random.Random(SEED * 100 + 50 + series)
    told, n = {}, 0

    def reduce(name):
        answer = machine.http.post("/stocks/reduce", json={"productName": "Latte", "qty": 1, "reservationId": name})
        if answer.status_code == 200:
            told[name] = answer.json()

    for _ in range(7):
        if machine.start(chance.randint(1, 30 if not told else 60), chance.randint(1, 1 << 30)):
            def next_one():
                nonlocal n
                n += 1
                if n % 10 == 0:
                    machine.http.post("/stocks/receive", json={"productName": "Latte", "qty": 5})
                reduce(f"r{n}")

            for _ in until_dark(next_one):
                pass
        machine.power_fails()
        assert machine.start(), machine.process.output()[-1500:]
        before = machine.shop.on_hand("Latte")
        for name, answer in dict(told).items():
            reduce(name)
            assert told[name] == answer
        assert machine.shop.on_hand("Latte") == before, "a reservation that was acknowledged is known, and takes nothing again"
        positions = feed_positions(machine.shop, "stock")
        assert positions == list(range(1, len(positions) + 1))
        machine.stop()
    assert machine.cuts == 7 and told


def test_what_the_counter_was_told_outlives_cuts_of_the_kitchen(open_shop):
    machine, chance, told = Machine(open_shop(), "product"), random.Random(SEED * 100 + 80), {}
    machine.shop.start("stock")
    machine.shop.receive(100_000, "Tea")

    def open_ticket():
        answer = machine.http.post("/products", json={"productName": "Tea", "qty": 1})
        if answer.status_code == 201:
            told[answer.json()["id"]] = answer.json()

    for _ in range(6):
        if machine.start(chance.randint(10, 120), chance.randint(1, 1 << 30)):
            for _ in until_dark(open_ticket):
                pass
        machine.power_fails()
        assert machine.start(), machine.process.output()[-1500:]
        for ticket_id, ticket in told.items():
            shown = machine.http.get(f"/products/{ticket_id}")
            assert shown.status_code == 200 and shown.json()["productName"] == ticket["productName"]
            assert shown.json()["status"] in ("Producing", "Completed")
        machine.stop()
    assert machine.cuts == 6 and told


def test_the_view_catches_up_after_cuts(open_shop):
    machine, chance = Machine(open_shop(), "customercenter"), random.Random(SEED * 100 + 90)
    machine.shop.start("order", "product", "stock")
    for _ in range(6):
        placed = [machine.shop.order()["id"] for _ in range(4)]
        machine.start(chance.randint(1, 60), chance.randint(1, 1 << 30))
        for _ in until_dark(lambda: (machine.shop.order(), machine.http.get("/mypages"))):
            pass
        machine.power_fails()
        assert machine.start(), machine.process.output()[-1500:]
        for order_id in placed:
            machine.shop.wait_order(order_id, "Completed")
            assert machine.shop.page_of(order_id)
        machine.stop()
    assert machine.cuts == 6


def test_a_view_is_there_whole_wherever_the_power_fails_while_it_is_rebuilt(open_shop):
    machine, chance = Machine(open_shop(), "customercenter"), random.Random(SEED * 100 + 95)
    machine.shop.start("order", "product", "stock")
    assert machine.start()
    placed = [machine.shop.order()["id"] for _ in range(5)]
    for order_id in placed:
        machine.shop.wait_order(order_id, "Completed")
        eventually(lambda: machine.shop.page_of(order_id)["orderStatus"] == "Completed")
    machine.stop()
    cut_later = 3  # at first early, then ever nearer to the end, and behind it
    for _ in range(8):
        machine.run(["view", "rebuild"], chance.randint(cut_later, cut_later + 8), chance.randint(1, 1 << 30))
        if machine.process.process.wait(60) == 0:
            machine.shop.running.pop("customercenter")  # it was quicker than the power
        else:
            machine.power_fails()
        cut_later += 8
        assert machine.start(), machine.process.output()[-1500:]
        pages = {page["orderId"]: page["orderStatus"] for page in machine.shop.all("mypages")}
        assert pages == {order_id: "Completed" for order_id in placed}, "the old one or the new one, and never less"
        machine.stop()
    assert machine.cuts >= 3


def schema_of(database, copy):
    """The version of the schema on the disk, as another program finds it in a copy."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in database.parent.glob(database.name + "*"):
        shutil.copy2(file, copy)
    with sqlite3.connect(copy / database.name) as db:
        return db.execute("PRAGMA user_version").fetchone()[0]


def test_an_older_schema_is_brought_up_to_date_wherever_the_power_fails_meanwhile(open_shop):
    machine, customers, chance = Machine(open_shop(), "order"), Customers(), random.Random(SEED * 100 + 97)
    assert machine.start()
    for _ in range(10):
        customers.order(machine.http)
    machine.stop()
    newest = schema_of(machine.data / "order.db", machine.data.with_name("looked-at"))
    with changed(machine.data / "order.db") as db:  # as the first version left it
        newer = ("payment", "payment_id", "given_up", "canceled_at", "refunded_at")
        db.executescript("".join(f"ALTER TABLE orders DROP COLUMN {name}; " for name in newer) +
                         "DROP TABLE epoch; ALTER TABLE cursor DROP COLUMN epoch; PRAGMA user_version = 1")
    (machine.data / "order.epoch").unlink()
    older, found = machine.data.with_name("older"), []
    shutil.copytree(machine.data, older)
    for at in range(1, 200, 3):
        if machine.start(at, chance.randint(1, 1 << 30)):
            break  # it was there before the power failed
        machine.power_fails()
        found.append(schema_of(machine.data / "order.db", machine.data.with_name("looked-at")))
        assert machine.start(), machine.process.output()[-1500:]
        assert customers.missing(machine.http) == []
        assert feed_positions(machine.shop, "order") == list(range(1, 11))
        machine.stop()
        assert schema_of(machine.data / "order.db", machine.data.with_name("looked-at")) == newest
        shutil.rmtree(machine.data)
        shutil.copytree(older, machine.data)
    machine.shop.kill("order")
    assert {1, newest} <= set(found) <= set(range(1, newest + 1)), f"before, while and after it is brought up to date: {found}"


@pytest.mark.parametrize("name", ["order", "stock"])
def test_a_disk_that_is_never_synced_is_noticed(open_shop, name):
    """What this layer is worth: with every sync swallowed, which is what synchronous=OFF and MDB_NOSYNC come to, answers get lost."""
    machine, customers, chance = Machine(open_shop(), name), Customers(), random.Random(SEED * 100 + 99)

    def ask():
        if name == "order":
            customers.order(machine.http)
            return
        customers.n += 1
        answer = machine.http.post("/stocks/reduce", json={"productName": "Latte", "qty": 1, "reservationId": f"r{customers.n}"})
        if answer.status_code == 200:
            customers.told[f"r{customers.n}"] = answer.json()

    def is_lost():
        if not machine.start():
            return True  # it can't even begin: its file is torn
        if REFUSES in machine.http.get("/readyz").text:
            return True  # it sees that this isn't what it has worked with
        if name == "order":
            return customers.missing(machine.http) != []
        before = machine.shop.on_hand("Latte")
        for each in customers.told:
            machine.http.post("/stocks/reduce", json={"productName": "Latte", "qty": 1, "reservationId": each})
        return machine.shop.on_hand("Latte") != before

    for _ in range(6):
        if machine.start(chance.randint(60, 120), chance.randint(1, 1 << 30), swallow=True):
            for _ in until_dark(ask):
                pass
        machine.power_fails()
        if is_lost():
            return
        if machine.process.is_running():
            machine.stop()
    raise AssertionError("nothing was lost: the layer doesn't bite")
