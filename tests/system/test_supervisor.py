"""`coffeeshop up`: the whole shop under one small supervisor."""
import os
import signal
import socket
from pathlib import Path

import pytest

from eventually import eventually
from shop import SERVICES, Process, flags, is_alive, run_program

ALL = (*SERVICES, "gateway")


class Street:
    """A shop that was opened by `coffeeshop up`."""

    def __init__(self, shop):
        self.shop = shop
        self.up = Process(["up", *flags(shop.settings_of_all())], shop.directory / "up.log")
        shop.running["up"] = self.up
        for name in ALL:
            self.wait_ready(name)

    def wait_ready(self, name):
        def is_ready():
            assert self.up.is_running(), self.up.output()[-2000:]
            return self.shop[name].get("/readyz").status_code == 200

        eventually(is_ready, within=30, what=f"{name} is ready")

    def pid_of(self, name):
        """The process of a service: a child of the supervisor that runs that command."""
        for pid in children_of(self.up.pid):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:  # it has died meanwhile
                continue
            if name.encode() in words[:3]:
                return pid
        return None


def children_of(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@pytest.fixture
def street(open_shop):
    return Street(open_shop())


def test_every_service_is_a_process_of_its_own(street):
    pids = {street.pid_of(name) for name in ALL}
    assert None not in pids and len(pids) == len(ALL)


def test_it_says_where_to_look(street):
    eventually(lambda: f":{street.shop.ports['gateway']}" in street.up.output())
    for name in ALL:
        assert f":{street.shop.ports[name]}" in street.up.output()


def test_an_order_goes_all_the_way(street):
    placed = street.shop["gateway"].post("/orders", json={"productName": "Americano", "qty": 1})
    assert placed.status_code == 201
    street.shop.wait_order(placed.json()["id"], "Completed")


@pytest.mark.parametrize("name", ALL)
def test_what_dies_is_started_again(street, name):
    order = street.shop.order()
    pid = street.pid_of(name)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: street.pid_of(name) not in (None, pid), what=f"{name} is started again")
    street.wait_ready(name)
    street.shop.wait_order(order["id"], "Completed")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_everything_in_five_seconds(street, how):
    ids = [street.shop.order()["id"] for _ in range(20)]
    pids = [street.pid_of(name) for name in ALL]
    street.up.process.send_signal(how)
    assert street.up.process.wait(15) == 0, "the supervisor kills after five seconds what hasn't stopped, and would say so"
    assert not [pid for pid in pids if is_alive(pid)]
    street.shop.running.pop("up")
    street.shop.start("order")
    assert set(ids) <= {order["id"] for order in street.shop.all("orders")}


def test_nothing_outlives_a_killed_supervisor(street):
    pids = [street.pid_of(name) for name in ALL]
    street.up.stop(signal.SIGKILL)
    eventually(lambda: not [pid for pid in pids if is_alive(pid)], within=10, what="all have ended")


def test_a_service_that_can_not_start_stops_the_shop_with_a_sentence(open_shop):
    shop = open_shop()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", shop.ports["stock"]))
        taken.listen()
        told = run_program("up", *flags(shop.settings_of_all()), timeout=60)
    assert told.returncode == 1
    assert str(shop.ports["stock"]) in told.stderr
    assert "stock" in told.stderr


def test_a_shop_is_not_opened_twice(street, open_shop):
    other = open_shop()
    settings = {**other.settings_of_all(), "data": street.shop.directory / "data"}
    told = run_program("up", *flags(settings), timeout=60)
    assert told.returncode == 1
    assert "in use" in told.stderr
    assert street.shop["order"].get("/readyz").status_code == 200
