"""The real program on free loopback ports, with its data in a directory of the test's own: started, killed, stopped."""
import fcntl
import json
import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import httpx

from eventually import eventually

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("COFFEESHOP", ROOT / "build" / "coffeeshop")).absolute()  # some are started in another directory

SERVICES = ("order", "product", "stock", "customercenter")
PAID = (*SERVICES, "payment")  # where one pays before an order exists
LINKS = {
    "order": ("product",),
    "product": ("order", "stock"),
    "stock": (),
    "customercenter": ("order", "product", "stock"),
    "payment": ("order",),
    "gateway": ("order", "product", "stock", "customercenter", "payment"),
}

QUICK = {"product.start_after_ms": 0, "product.brew_ms": 0}
LONG_MS = 3_600_000  # a time that no test waits for
# An order's, as customers know it, but it is the kitchen that knows who waits.
NAMED_OTHERWISE = {"order.out_of_stock_cancel_after_ms": "product"}
# Nothing starts by itself: the customer can change their mind as long as the test lasts.
PATIENT = {"product.start_after_ms": LONG_MS, "product.brew_ms": 0}
# Production starts at once and never ends.
SLOW_BREW = {"product.start_after_ms": 0, "product.brew_ms": LONG_MS}

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_next_port = 20_000 + (os.getpid() * 37 % 100) * 100 + _worker * 17
_claims = os.open(Path(tempfile.gettempdir()) / f"coffeeshop-test-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)


def free_port():
    """A port below the range that outgoing connections are given, so that a stopped service finds its own free again. Nobody else who
    runs these tests is given it as long as this process lives: a byte of a file is locked for each."""
    global _next_port
    while True:
        _next_port = 20_000 + (_next_port - 20_000 + 1) % 12_000
        with socket.socket() as probe:
            try:
                fcntl.lockf(_claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _next_port)
                probe.bind(("127.0.0.1", _next_port))
                return _next_port
            except OSError:
                continue


def client(url, **options):
    """An HTTP client that goes nowhere but to `url`: no proxy of the environment."""
    return httpx.Client(base_url=url, trust_env=False, timeout=options.pop("timeout", 15.0), **options)


def owner_of(setting):
    """The service whose setting it is; None: everybody's."""
    prefix = NAMED_OTHERWISE.get(setting) or setting.split(".")[0]
    return prefix if prefix in LINKS else None


def flags(settings):
    return [f"--{name}={value}" for name, value in settings.items()]


def run_program(*arguments, **options):
    """Runs the program to its end and returns what it did."""
    return subprocess.run([str(PROGRAM), *arguments], capture_output=True, text=True, timeout=options.pop("timeout", 30), **options)


def is_alive(pid):
    """Whether a process still runs that isn't ours to wait for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Process:
    """One process of the program. It is ended by its own id, always."""

    def __init__(self, arguments, log, output=None, before=None, **options):
        """`output`: a descriptor that it writes to instead of the log. `before`: a shell's commands that end by becoming it ("$@")."""
        self.log = log
        words = [str(PROGRAM), *arguments]
        command = ["/bin/sh", "-c", before, "sh", *words] if before else words
        with log.open("ab") as out:
            streams = out if output is None else output
            self.process = subprocess.Popen(command, stdout=streams, stderr=streams, stdin=subprocess.DEVNULL, start_new_session=True, **options)

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process.poll() is None

    def stop(self, how=signal.SIGTERM, within=15):
        """Sends a signal and returns the exit status."""
        if self.is_running():
            self.process.send_signal(how)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.process.args[1]} didn't stop within {within} s of signal {how}") from None

    def output(self):
        return self.log.read_text(errors="replace")


class Shop:
    """The services, each started as a process of its own, that know each other's addresses."""

    def __init__(self, directory, settings=None, services=SERVICES):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.settings = {"feed.heartbeat_ms": 250, **QUICK, **(settings or {})}
        self.services = services
        self.topic = None  # where its events are (kafka_server.py); None: in feeds
        self.environment = None  # of its processes; None: the tests' own
        self.ports = {name: free_port() for name in (*PAID, "gateway")}
        self.running = {}
        self.clients = {}
        self.data = {name: self.directory / "data" for name in self.ports}

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}"

    def settings_of(self, name):
        """The settings that one service takes: its own, those of all services, and where its peers are."""
        own = {key: value for key, value in self.settings.items() if owner_of(key) in (name, None)}
        peers = {f"{name}.{peer}_url": self.url(peer) for peer in self.peers_of(name)}
        return {"data": self.data[name], f"{name}.listen": f"127.0.0.1:{self.ports[name]}", **peers, **own}

    def peers_of(self, name):
        """Payment is followed, and asked, only where it is."""
        paid = "payment" in self.services and name in ("order", "customercenter")
        return (*LINKS[name], "payment") if paid else LINKS[name]

    def settings_of_all(self):
        peers = {f"{name}.{peer}_url": self.url(peer) for name in LINKS for peer in self.peers_of(name)}
        if "payment" not in self.services:  # who runs them all pays first, unless told otherwise
            peers |= {"order.payment_url": "", "customercenter.payment_url": ""}
        listens = {f"{name}.listen": f"127.0.0.1:{port}" for name, port in self.ports.items()}
        return {"data": self.directory / "data", **listens, **peers, **self.settings}

    def launch(self, *names, **options):
        """Starts services (all by default) that may not be ready at all."""
        for name in names or self.services:
            self.running[name] = Process([name, *flags(self.settings_of(name))], self.directory / f"{name}.log",
                                         **{"env": self.environment, **options})
        return self

    def start(self, *names, **options):
        """Starts services (all by default) and returns when each can be asked."""
        self.launch(*names, **options)
        for name in names or self.services:
            self.wait_ready(name)
        return self

    def wait_ready(self, name, within=20):
        def is_ready():
            running = self.running.get(name)
            assert running is None or running.is_running(), f"{name} ended: {running.output()[-2000:]}"
            return self[name].get("/readyz").status_code == 200

        eventually(is_ready, within=within, what=f"{name} is ready")

    def __getitem__(self, name):
        """The HTTP client of a service."""
        if name not in self.clients:
            self.clients[name] = client(self.url(name))
        return self.clients[name]

    def stop(self, *names, how=signal.SIGTERM):
        """Stops services (all by default) and returns their exit statuses."""
        names = names or tuple(self.running)
        for name in names:
            if self.running[name].is_running():
                self.running[name].process.send_signal(how)
        statuses = {name: self.running.pop(name).stop(how) for name in names}
        for name in names:
            if name in self.clients:
                self.clients.pop(name).close()
        return statuses

    def kill(self, *names):
        """SIGKILL: nothing is tidied up."""
        return self.stop(*names, how=signal.SIGKILL)

    def restart(self, *names):
        self.kill(*names)
        return self.start(*names)

    def close(self):
        """Ends whatever still runs, whatever the test did."""
        for running in self.running.values():
            if running.is_running():
                running.process.terminate()
        for running in self.running.values():
            try:
                running.process.wait(10)
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()
        for each in self.clients.values():
            each.close()
        for log in sorted(self.directory.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")

    # What the tests say about coffee.

    def ask_order(self, item="Americano", qty=1, method=None, **headers):
        """Tries to place an order and returns the answer."""
        paying = {"paymentMethod": method} if method else {}
        return self["order"].post("/orders", json={"productName": item, "qty": qty, **paying}, headers=headers)

    def order(self, item="Americano", qty=1, **headers):
        """Places an order and returns it."""
        answer = self.ask_order(item, qty, **headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def get_order(self, order_id):
        answer = self["order"].get(f"/orders/{order_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def cancel(self, order_id):
        return self["order"].patch(f"/orders/{order_id}", json={"status": "Canceled"})

    def wait_order(self, order_id, status, within=30):
        return eventually(lambda: (lambda order: order if order["status"] == status else None)(self.get_order(order_id)),
                          within=within, what=f"order {order_id} is {status}")

    def ticket_of(self, order_id, within=15):
        """The kitchen's ticket of an order, when it has arrived there."""
        return eventually(lambda: next((t for t in self.all("products") if t["orderId"] == order_id), None), within=within,
                          what=f"order {order_id} has a ticket")

    def stock_of(self, item="Americano"):
        row = next((row for row in self.all("stocks") if row["productName"] == item), None)
        assert row is not None, f"no stock is kept of {item}"
        return row

    def on_hand(self, item="Americano"):
        return self.stock_of(item)["qty"]

    def set_stock(self, qty, item="Americano"):
        answer = self["stock"].patch(f"/stocks/{self.stock_of(item)['id']}", json={"qty": qty})
        assert answer.status_code == 200, answer.text

    def receive(self, qty, item="Americano"):
        answer = self["stock"].post("/stocks/receive", json={"productName": item, "qty": qty})
        assert answer.status_code == 200, answer.text

    def page_of(self, order_id, within=30):
        """The customer's page of an order, when the view has it."""
        def find():
            answer = self["customercenter"].get("/mypages/search/findByOrderId", params={"orderId": order_id})
            assert answer.status_code == 200, answer.text
            found = answer.json()["_embedded"]["mypages"]
            return found[0] if found else None

        return eventually(find, within=within, what=f"a page of order {order_id}")

    def metric(self, name, metric):
        """A service's metric that has no labels."""
        lines = self[name].get("/metrics").text.splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(metric + " ")))

    def all(self, collection):
        """Every element of a collection, page by page."""
        owner = {"orders": "order", "products": "product", "stocks": "stock", "mypages": "customercenter",
                 "payments": "payment"}[collection]
        elements, number = [], 0
        while True:
            answer = self[owner].get(f"/{collection}", params={"page": number, "size": 1000})
            assert answer.status_code == 200, answer.text
            body = answer.json()
            elements += body["_embedded"][collection]
            number += 1
            if number >= body["page"]["totalPages"]:
                return elements

    def events(self, name, after=None, within=20):
        """A service's events up to now, oldest first: [(position, event)]."""
        if self.topic is not None:
            return [row for row in self.topic.events(name) if row[0] > (after or 0)]
        return [(int(event.id), json.loads(event.data)) for event in read_stream(self.url(name) + "/events", after, within)]


class StreamEvent:
    """One Server-Sent Event."""

    def __init__(self):
        self.id, self.name, self.data = None, None, ""


def stream_events(lines):
    """Cuts lines of text/event-stream into events; yields None for a comment."""
    event = StreamEvent()
    for line in lines:
        line = line.rstrip("\r\n")
        if line.startswith(":"):
            yield None
        elif line.startswith("id:"):
            event.id = line[3:].strip()
        elif line.startswith("event:"):
            event.name = line[6:].strip()
        elif line.startswith("data:"):
            event.data += ("\n" if event.data else "") + line[5:].removeprefix(" ")
        elif line == "" and event.data:
            yield event
            event = StreamEvent()


def read_stream(url, after=None, within=20, enough=None):
    """Reads a stream until it is silent, that is, until a comment follows a comment, or until `enough(events)` says so."""
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": str(after)} if after is not None else {})}
    events, heard = [], None
    with httpx.Client(trust_env=False, timeout=httpx.Timeout(within)) as http:
        with http.stream("GET", url, headers=headers) as answer:
            assert answer.status_code == 200, answer.status_code
            assert answer.headers["content-type"].startswith("text/event-stream")
            for event in stream_events(answer.iter_lines()):
                silent = event is None and heard == "comment"
                heard = "comment" if event is None else "event"
                if event is not None:
                    events.append(event)
                if enough(events) if enough else silent:
                    return events
    return events
