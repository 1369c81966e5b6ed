"""One run: a shop, its customers, a service that is slow for a while, and what was seen of it."""

import dataclasses
import json
import re
import subprocess
import threading
import time

import crowd
import processes
from shop import Shop, Trouble, get

SLOW_MS = 6000
LOOK_S = 0.1
SETTLE_S = 60


@dataclasses.dataclass
class Look:
    """The shop at a moment."""
    at: float
    state: int  # of the breaker: 0 closed, 1 open, 2 half-open
    memory: int  # bytes that the caller has allocated


@dataclasses.dataclass
class Told:
    """All that was seen of a run. Times are seconds since its beginning."""
    title: str
    caller: str
    called: str
    seconds: float
    phases: list  # (name, from, to)
    slow_at: float
    well_at: float
    window_s: float
    sleep_s: float
    timeout_s: float
    answers: list  # crowd.Answer of everybody
    probes: list  # of one customer whose waits are measured exactly
    looks: list
    sides: tuple  # what has to be equal in the end: what was taken, and what was got for it, in words
    taken: int
    owed: int
    printed: str  # by siege


class Watcher(threading.Thread):
    """Looks at the breaker and the memory until it is told to stop."""

    def __init__(self, shop, caller, called, began):
        super().__init__(daemon=True)
        self.shop, self.caller, self.called, self.began = shop, caller, called, began
        self.looks, self.over = [], threading.Event()

    def run(self):
        while not self.over.wait(LOOK_S):
            state = self.shop.metrics(self.caller)[f'coffeeshop_breaker_state{{service="{self.called}"}}']
            memory = processes.anonymous_bytes(self.shop.running[self.caller].pid)
            self.looks.append(Look(time.monotonic() - self.began, int(state), memory))

    def stop(self):
        self.over.set()
        self.join()


def restart(shop, name, fault_ms):
    """As an operator would whose service doesn't answer. What it has acknowledged is on the disk."""
    shop.running.pop(name).kill()
    shop.settings["fault.enabled"] = "true" if fault_ms else "false"
    shop.settings[f"{name}.fault.delay_ms"] = fault_ms
    shop.start(name)


class Story:
    def __init__(self, users):
        self.users = users

    def tell(self, seconds, program, directory):
        with Shop(program, directory, paid="payment" in self.services, **self.settings) as shop:
            shop.start(*self.services)
            began = time.monotonic()
            watcher = Watcher(shop, self.caller, self.called, began)
            customers = self.customers(shop, seconds, directory)
            probe = crowd.Probe(self.ask(shop), began, seconds)
            for part in (watcher, customers, probe):
                part.start()
            time.sleep(seconds / 4)
            slow_at = time.monotonic() - began
            restart(shop, self.called, SLOW_MS)
            time.sleep(max(0.0, seconds * 3 / 4 - (time.monotonic() - began)))
            restart(shop, self.called, 0)
            well_at = time.monotonic() - began
            customers.join()
            probe.join()
            watcher.stop()
            taken, owed = self.settle(shop)
            breaker = settings_of(shop, self.caller)
            return Told(
                title=self.title(), caller=self.caller, called=self.called, seconds=seconds,
                phases=[("well", 0.0, slow_at), (f"{self.called} takes {SLOW_MS // 1000} s", slow_at, well_at), ("well again", well_at, seconds)],
                slow_at=slow_at, well_at=well_at, window_s=breaker["breaker.window_ms"] / 1000, sleep_s=breaker["breaker.sleep_window_ms"] / 1000,
                timeout_s=breaker["call.timeout_ms"] / 1000, answers=customers.answers(began), probes=probe.answers, looks=watcher.looks,
                sides=self.sides, taken=taken, owed=owed, printed=customers.printed())

    def settle(self, shop):
        """What is under way comes to its end: then what is gone is what was got for it."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            taken, owed = self.goods(shop)
            if taken == owed or time.monotonic() > deadline:
                return taken, owed
            time.sleep(0.1)


def settings_of(shop, name):
    """The defaults of the program, as --help tells them."""
    told = subprocess.run([shop.program, name, "--help"], capture_output=True, text=True, check=True).stdout
    return {key: int(value) for key, value in re.findall(r"^ +--(call\.timeout_ms|breaker\.[a-z_]+_ms)=(\d+)", told, re.MULTILINE)}


def pages(shop, name, collection):
    """All of a collection, page by page."""
    page = 0
    while True:
        told = json.loads(get(shop.addresses[name], f"/{collection}?size=1000&page={page}"))
        yield from told["_embedded"][collection]
        page += 1
        if page >= told["page"]["totalPages"]:
            return


def on_hand(shop, item):
    return next(row["qty"] for row in pages(shop, "stock", "stocks") if row["productName"] == item)


class Counter(Story):
    """The original's own: tickets at the counter, for which the kitchen asks stock while the customer waits."""

    caller, called = "product", "stock"
    services = ("stock", "product", "order")
    settings = {}
    sides = ("gone from the shelf", "for tickets that were made")

    def title(self):
        return f"siege, {self.users} users: POST /products at the kitchen, which asks stock"

    def ask(self, shop):
        return crowd.Request(shop.addresses["product"], "POST", "/products", {"productName": "Ame", "qty": 1})

    def customers(self, shop, seconds, directory):
        return crowd.Siege(shop.addresses["product"], "/products", self.users, seconds, directory)

    def goods(self, shop):
        opening = int(shop.settings["stock.opening"])
        made = json.loads(get(shop.addresses["product"], "/products?size=1"))["page"]["totalElements"]
        return opening - on_hand(shop, "Americano"), made


class Cancels(Story):
    """Customers who order and change their mind before the coffee is begun."""

    caller, called = "order", "product"
    services = ("stock", "product", "order")
    settings = {"product.start_after_ms": 86_400_000}
    sides = ("gone from the shelf", "for coffees that were begun")

    def title(self):
        return f"{self.users} customers who order and cancel: order asks the kitchen"

    def ask(self, shop):
        return crowd.Request(shop.addresses["order"], "PATCH", "/orders/{order}", {"status": "Canceled"})

    def customers(self, shop, seconds, directory):
        return crowd.Changeable(self.ask(shop), self.users, seconds)

    def goods(self, shop):
        """Nothing was begun, so nothing may be gone; and who was told that it is cancelled is right."""
        orders = {row["id"]: row["status"] for row in pages(shop, "order", "orders")}
        tickets = {row["orderId"]: row["status"] for row in pages(shop, "product", "products")}
        contradictions = sum(status == "Canceled" and tickets.get(order, "Canceled") != "Canceled" for order, status in orders.items())
        if contradictions:
            raise Trouble(f"{contradictions} orders are cancelled and their tickets are not")
        return int(shop.settings["stock.opening"]) - on_hand(shop, "Americano"), 0


class Paying(Story):
    """Customers whose orders have to be paid before they exist."""

    caller, called = "order", "payment"
    services = ("stock", "product", "order", "payment")
    settings = {}
    sides = ("payments that were taken", "for orders that exist")

    def title(self):
        return f"siege, {self.users} users: POST /orders, which asks payment"

    def ask(self, shop):
        return crowd.Request(shop.addresses["order"], "POST", "/orders", {"productName": "Americano", "qty": 1})

    def customers(self, shop, seconds, directory):
        return crowd.Siege(shop.addresses["order"], "/orders", self.users, seconds, directory)

    def goods(self, shop):
        """Approvals whose order never came take nothing, and go back by themselves."""
        taken = sum(row["status"] == "Captured" for row in pages(shop, "payment", "payments"))
        orders = json.loads(get(shop.addresses["order"], "/orders?size=1"))["page"]["totalElements"]
        return taken, orders
