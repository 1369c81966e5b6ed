"""A shop to measure: services started one by one on free ports of loopback, in a data directory of its own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import processes

SERVICES = ("order", "product", "stock", "customercenter")
PAID = (*SERVICES, "payment")  # of a shop in which one pays before an order exists
START_S = 20
STOP_S = 20


class Trouble(Exception):
    """The measurement can't go on; the text says why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(address, path, timeout=60):
    with urllib.request.urlopen(f"http://{address}{path}", timeout=timeout) as answer:
        return answer.read().decode()


class Shop:
    """Settings are those of the pipeline's own speed: no time for brewing, and goods that never run out."""

    SETTINGS = {"product.start_after_ms": 0, "product.brew_ms": 0, "stock.opening": 1_000_000_000,
                "stop_ms": 15_000, "query_ms": 60_000, "log.level": "warning"}

    def __init__(self, program, directory, paid=False, **settings):
        self.program = program
        self.paid = paid
        self.directory = directory
        self.data = os.path.join(directory, "data")
        self.addresses = {name: f"127.0.0.1:{free_port()}" for name in (*PAID, "gateway")}
        self.settings = {**self.SETTINGS, **{name.replace("__", "."): value for name, value in settings.items()}}
        self.running = {}
        os.makedirs(directory, exist_ok=True)

    def flags(self, program):
        """All settings that this program knows."""
        listed = subprocess.run([self.program, program, "--help"], capture_output=True, text=True, check=True).stdout
        known = set(re.findall(r"^ +--([a-z0-9_.]+)=", listed, re.MULTILINE))
        wanted = {**self.settings, "data": self.data}
        for name, address in self.addresses.items():
            wanted[f"{name}.listen"] = address
        for name in known:
            target = re.fullmatch(r"[a-z]+\.([a-z]+)_url", name)
            if target and target[1] in self.addresses:
                wanted[name] = "http://" + self.addresses[target[1]]
        if not self.paid:
            wanted |= {"order.payment_url": "", "customercenter.payment_url": ""}
        return [f"--{name}={value}" for name, value in wanted.items() if name in known]

    def start(self, *names):
        for name in names:
            log = open(os.path.join(self.directory, f"{name}.log"), "ab")
            self.running[name] = subprocess.Popen([self.program, name, *self.flags(name)], stdout=log, stderr=log)
            log.close()
        for name in names:
            if name != "up":
                self.wait_ready(name)
        return self

    def wait_ready(self, name, deadline_s=START_S):
        path = "/" if name == "gateway" else "/readyz"
        deadline = time.monotonic() + deadline_s
        while time.monotonic() < deadline:
            process = self.running.get(name)
            if process and process.poll() is not None:
                raise Trouble(f"{name} ended with status {process.returncode}; see {self.directory}/{name}.log")
            try:
                get(self.addresses[name], path)
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.002)
        raise Trouble(f"{name} was not ready after {deadline_s} s; see {self.directory}/{name}.log")

    def stop(self, *names):
        """Stops these services, or all that run. One that does not stop is killed and reported."""
        stopping = {name: self.running.pop(name) for name in names or list(self.running)}
        for process in stopping.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        late = []
        for name, process in stopping.items():
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                late.append(name)
        if late:
            raise Trouble(f"{', '.join(late)} did not stop within {STOP_S} s")

    def remove(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def metrics(self, name):
        """{'coffeeshop_follower_position{producer="order"}': 17.0, …}"""
        lines = (line.rpartition(" ") for line in get(self.addresses[name], "/metrics").splitlines()
                 if line and not line.startswith("#"))
        return {key: float(value) for key, _, value in lines}

    def cpu(self):
        """CPU seconds so far: {(service, thread's name): seconds}."""
        spent = {}
        for name, process in self.running.items():
            for pid in processes.tree(process.pid):
                for thread, seconds in processes.threads_cpu(pid).values():
                    spent[name, thread] = spent.get((name, thread), 0.0) + seconds
        return spent

    def pids(self):
        return [pid for process in self.running.values() for pid in processes.tree(process.pid)]
