"""A full disk: changes get 503, reads go on, and when there is room again everything goes on by itself. Nothing acknowledged is lost.

Root gives the service a small file system of its own. Who isn't root limits the size of the service's files instead.
"""
import os
import resource
import subprocess

import pytest

from eventually import eventually
from paying import payments, problem, read_ledger, wait_until_it_adds_up
from shop import PAID, PATIENT, Shop


class SmallDisk:
    """A file system of 24 MiB that can be filled and emptied."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(path)], capture_output=True).returncode == 0

    def fill(self, _):
        with (self.path / "lost+found").open("ab", buffering=0) as filler:
            for size in (1 << 20, 4096, 1):
                try:
                    while filler.write(b"\0" * size) == size:
                        pass
                except OSError:
                    continue

    def empty(self, _):
        (self.path / "lost+found").unlink()

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.path)], check=True)


class SmallFiles:
    """The same, seen by one process: none of its files may grow."""

    def __init__(self, path):
        self.path = path
        path.mkdir()

    def fill(self, pid):
        largest = max((path.stat().st_size for path in self.path.rglob("*") if path.is_file()), default=0)
        _, self.hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (min(largest, 65536), self.hard))

    def empty(self, pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (self.hard, self.hard))

    def close(self):
        pass


@pytest.fixture
def disk(tmp_path):
    found = None
    if os.geteuid() == 0:
        found = SmallDisk(tmp_path / "disk")
        if not found.mounted:
            (tmp_path / "disk").rmdir()
            found = None
    found = found or SmallFiles(tmp_path / "disk")
    yield found
    found.close()


@pytest.fixture
def shop_on(tmp_path, disk):
    """A shop of which one service keeps its data on the small disk; it is closed before the disk is."""
    made = []

    def make(name, settings=None, **options):
        made.append(Shop(tmp_path / "shop", settings, **options))
        made[0].data[name] = disk.path
        return made[0]

    yield make
    for shop in made:
        shop.close()


def change_of(shop, name):
    """A change that the service has to write down."""
    return {"order": lambda: shop["order"].post("/orders", json={"productName": "Tea", "qty": 1}),
            "product": lambda: shop["product"].post("/products", json={"productName": "Tea", "qty": 1}),
            "stock": lambda: shop["stock"].post("/stocks/receive", json={"productName": "Tea", "qty": 1})}[name]


@pytest.mark.parametrize("name, needs, collection, good", [("order", (), "orders", 201), ("stock", (), "stocks", 200),
                                                            ("product", ("stock",), "products", 201)])
def test_on_a_full_disk_changes_wait_and_reads_go_on(shop_on, disk, name, needs, collection, good):
    shop = shop_on(name).start(name, *needs)
    change = change_of(shop, name)
    for _ in range(3):
        assert change().status_code == good
    pid = shop.running[name].pid
    disk.fill(pid)
    done, refusal = 3, None
    for _ in range(2000):  # what is preallocated may still be written
        answer = change()
        if answer.status_code != good:
            refusal = answer
            break
        done += 1
    assert refusal is not None, "the disk never was full"
    assert refusal.status_code == 503, refusal.text
    assert int(refusal.headers["retry-after"]) >= 1
    assert refusal.headers["content-type"].startswith("application/problem+json")
    before = shop.all(collection)
    assert before
    assert shop[name].get("/livez").status_code == 200

    disk.empty(pid)
    eventually(lambda: change().status_code == good, within=20, what="it is written again")
    assert shop.running[name].pid == pid, "without being started again"
    shop.restart(name)
    after = shop.all(collection)
    if name == "stock":
        assert next(row["qty"] for row in after if row["productName"] == "Tea") >= 100 + done + 1
    else:
        assert len(after) >= done + 1
        assert {row["id"] for row in before} <= {row["id"] for row in after}


def test_on_a_full_disk_payment_is_busy_and_nothing_is_left_over_when_there_is_room_again(shop_on, disk):
    shop = shop_on("payment", {**PATIENT, "payment.authorization_ms": 2000, "breaker.sleep_window_ms": 200}, services=PAID).start()
    ordered = [shop.order()["id"] for _ in range(3)]
    eventually(lambda: len(payments(shop, "Captured")) == 3, what="they are paid")
    pid = shop.running["payment"].pid
    disk.fill(pid)
    refusal = None
    for _ in range(2000):  # what is preallocated may still be written
        answer = shop.ask_order(**{"Idempotency-Key": f"k{len(ordered)}"})
        if answer.status_code != 201:
            refusal = answer
            break
        ordered.append(answer.json()["id"])
    assert refusal is not None, "the disk never was full"
    problem(refusal, 503, "payment-busy")
    assert int(refusal.headers["retry-after"]) >= 1
    assert [order["id"] for order in shop.all("orders")] == ordered
    assert payments(shop)[0]["status"] == "Captured", "what there is can be read"
    unready = eventually(lambda: (lambda said: said.status_code == 503 and said)(shop["payment"].get("/readyz")), what="payment says so")
    assert "disk" in unready.json()["reason"]
    assert shop.cancel(ordered[0]).status_code == 200, "an order can be cancelled all the same"
    assert all(problem(shop.ask_order(), 503, "payment-busy") for _ in range(5))

    disk.empty(pid)
    again = eventually(lambda: (lambda said: said.status_code == 201 and said)(shop.ask_order(**{"Idempotency-Key": f"k{len(ordered)}"})),
                       what="what was refused is taken under its key")
    ordered.append(again.json()["id"])
    wait_until_it_adds_up(shop)
    eventually(lambda: shop.get_order(ordered[0])["paymentStatus"] == "Refunded", what="what was cancelled meanwhile goes back")
    eventually(lambda: not payments(shop, "Authorized") and not payments(shop, "Pending"), what="nothing is left over")
    assert [order["id"] for order in shop.all("orders")] == ordered
    assert len(payments(shop, "Captured")) == len(ordered) - 1
    assert shop.running["payment"].pid == pid, "without being started again"
    booked = read_ledger(shop)
    shop.restart("payment")
    assert read_ledger(shop) == booked, "and it is on the disk"


def test_nobody_is_asked_to_pay_for_an_order_that_there_is_no_room_for(shop_on, disk):
    shop = shop_on("order", PATIENT, services=PAID).start()
    shop.order()
    disk.fill(shop.running["order"].pid)
    for _ in range(2000):  # what is preallocated may still be written
        if shop.ask_order().status_code != 201:
            break
    known = len(payments(shop))
    assert [shop.ask_order().status_code for _ in range(5)] == [503] * 5
    assert len(payments(shop)) == known
    disk.empty(shop.running["order"].pid)
    eventually(lambda: shop.ask_order().status_code == 201, within=20, what="orders are taken again")


def test_a_view_on_a_full_disk_catches_up_when_there_is_room(shop_on, disk):
    shop = shop_on("customercenter").start()
    first = shop.order()
    shop.page_of(first["id"])
    pid = shop.running["customercenter"].pid
    disk.fill(pid)
    ids = []

    def is_full():
        ids.append(shop.order()["id"])
        answer = shop["customercenter"].get("/readyz")
        return answer.status_code == 503 and "disk" in answer.json()["reason"]

    eventually(is_full, within=60, every=0.01, what="the view can't write any more, and says why")
    missed = [shop.order()["id"] for _ in range(5)]
    for each in missed:
        shop.wait_order(each, "Completed")
    pages = {page["orderId"] for page in shop.all("mypages")}
    assert first["id"] in pages and not pages & set(missed), "what it had is there to be read, what came since isn't"
    disk.empty(pid)
    for each in ids + missed:
        eventually(lambda: shop.page_of(each)["orderStatus"] == "Completed")
    shop.wait_ready("customercenter")
    assert shop.running["customercenter"].pid == pid, "without being started again"
