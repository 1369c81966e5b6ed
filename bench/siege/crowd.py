"""Customers: siege itself, and some of ours where siege can't do what they do. Each answer is kept with its time."""

import dataclasses
import http.client
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path

PROBE_EVERY_S = 0.1
CALL_TIMEOUT_S = 30


@dataclasses.dataclass
class Answer:
    at: float  # when it came, seconds since the beginning
    status: int  # 0: none
    waited: float  # seconds


@dataclasses.dataclass
class Request:
    address: str
    method: str
    path: str  # with {order}: about an order that was placed before, which isn't measured
    body: dict


class Customer:
    """Asks over one connection, as a browser would; a broken one is made again."""

    def __init__(self, request):
        self.request = request
        self.connection = http.client.HTTPConnection(request.address, timeout=CALL_TIMEOUT_S)

    def send(self, method, path, body):
        try:
            self.connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return 0, b""

    def ask(self):
        """(status, seconds waited)"""
        path = self.request.path
        if "{order}" in path:
            status, text = self.send("POST", "/orders", {"productName": "Americano", "qty": 1})
            if status != 201:
                return status, 0.0
            path = path.replace("{order}", str(json.loads(text)["id"]))
        began = time.monotonic()
        status, _ = self.send(self.request.method, path, self.request.body)
        return status, time.monotonic() - began


class Probe(threading.Thread):
    """One more customer, every now and then, whose waits are measured exactly: siege rounds to 10 ms."""

    def __init__(self, request, began, seconds):
        super().__init__(daemon=True)
        self.customer, self.began, self.seconds, self.answers = Customer(request), began, seconds, []

    def run(self):
        while (now := time.monotonic()) < self.began + self.seconds:
            status, waited = self.customer.ask()
            self.answers.append(Answer(time.monotonic() - self.began, status, waited))
            time.sleep(max(0.0, PROBE_EVERY_S - (time.monotonic() - now)))


class Siege(threading.Thread):
    """The printed command; only host and port are this machine's. Its lines are timed as they come."""

    LINE = re.compile(r"HTTP/1\.1 (\d{3})\s+([\d.]+) secs:")
    COLOUR = re.compile(r"\x1b\[[\d;]*m")

    def __init__(self, address, path, users, seconds, directory):
        super().__init__(daemon=True)
        body = '{"orderId":1, "status":"Requested", "productName":"Ame", "qty":1}'
        self.command = ["siege", f"-c{users}", f"-t{seconds}S", "-r10", "-v", "--content-type", "application/json", f"http://{address}{path} POST {body}"]
        self.home, self.users, self.lines = Path(directory), users, []

    def run(self):
        environment = {**{key: value for key, value in os.environ.items() if "proxy" not in key.lower()}, "HOME": str(self.home)}
        (self.home / ".siege").mkdir(parents=True, exist_ok=True)
        (self.home / ".siege" / "siege.conf").write_text(f"verbose = true\ncolor = off\nlimit = {max(255, self.users)}\nprotocol = HTTP/1.1\nlogging = false\nfailures = 1000000000\n")
        with subprocess.Popen(["stdbuf", "-oL", "-eL", *self.command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, errors="replace") as running:
            for line in running.stdout:
                self.lines.append((time.monotonic(), line))

    def answers(self, began):
        found = ((at, self.LINE.search(line)) for at, line in self.lines)
        return [Answer(at - began, int(match[1]), float(match[2])) for at, match in found if match]

    def printed(self):
        kept = [self.COLOUR.sub("", line) for _, line in self.lines]
        each = [line for line in kept if self.LINE.search(line)]
        rest = [line for line in kept if not self.LINE.search(line)]
        command = " ".join(self.command[:-1]) + f" '{self.command[-1]}'"
        return f"$ {command}\n" + "".join(each[:20]) + f"… {max(0, len(each) - 40)} lines …\n" + "".join(each[-20:]) + "".join(rest)


class Changeable:
    """Customers who place an order and cancel it at once, over and over."""

    def __init__(self, request, users, seconds):
        self.request, self.seconds, self.found, self.lock = request, seconds, [], threading.Lock()
        self.threads = [threading.Thread(target=self.visit, daemon=True) for _ in range(users)]

    def visit(self):
        customer, until = Customer(self.request), time.monotonic() + self.seconds
        while time.monotonic() < until:
            status, waited = customer.ask()
            with self.lock:
                self.found.append(Answer(time.monotonic(), status, waited))
            if not status:
                time.sleep(0.05)  # nobody is there

    def start(self):
        for thread in self.threads:
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join()

    def answers(self, began):
        return [dataclasses.replace(answer, at=answer.at - began) for answer in self.found]

    def printed(self):
        return ""
