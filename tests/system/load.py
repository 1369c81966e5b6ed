"""Customers under load: seeded, bounded, and sure of what they were told."""
import random
import threading
import time
import uuid

import httpx

from shop import client


class Customers:
    """Threads that order and cancel until told to stop. A customer who got no answer, or 503, asks again with the same
    Idempotency-Key, so at the end every key stands for exactly one order."""

    def __init__(self, shop, seed, threads=4, items=("Americano", "Latte", "Tea"), cancels=0.2, pace=0.004):
        self.url = shop.url("order")
        self.seed, self.items, self.cancels, self.pace = seed, items, cancels, pace
        self.acknowledged, self.canceled, self.problems = {}, set(), []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self.problems, self.problems[:3]

    def go_on(self, seconds):
        """Lets them order for so long; ends early, for the test to fail, when one of them has a problem."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.problems:
            self._stop.wait(min(0.05, max(0.0, deadline - time.monotonic())))

    def _run(self, number):
        chance = random.Random(self.seed * 1000 + number)
        with client(self.url, timeout=5.0) as http:
            while not self._stop.is_set() and not self.problems:
                self._visit(http, chance)
                self._stop.wait(self.pace)

    def _visit(self, http, chance):
        key = str(uuid.UUID(int=chance.getrandbits(128)))
        body = {"productName": chance.choice(self.items), "qty": chance.randint(1, 3)}
        answer = self._until_answered(http, "POST", "/orders", json=body, headers={"Idempotency-Key": key})
        if answer is None:
            return
        if answer.status_code != 201:
            self.problems.append(f"POST /orders: {answer.status_code} {answer.text}")
            return
        order = answer.json()["id"]
        with self._lock:
            if order in self.acknowledged and self.acknowledged[order] != key:
                self.problems.append(f"two keys were given order {order}")
            self.acknowledged[order] = key
        if chance.random() < self.cancels:
            self._cancel(http, order)

    def _cancel(self, http, order):
        try:
            answer = http.patch(f"/orders/{order}", json={"status": "Canceled"})
        except httpx.TransportError:
            return  # unknown; check_rules() accepts both, as long as all services agree
        if answer.status_code == 200:
            with self._lock:
                self.canceled.add(order)
        elif answer.status_code not in (409, 503):
            self.problems.append(f"cancel: {answer.status_code} {answer.text}")

    def _until_answered(self, http, method, path, **request):
        """Asks until there is an answer other than 503; a customer who is told to stop still hears the answer if there is one."""
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            try:
                answer = http.request(method, path, **request)
                if answer.status_code != 503:
                    return answer
            except httpx.TransportError:
                pass
            self._stop.wait(0.05)
            if self._stop.is_set() and time.monotonic() > deadline - 25:
                return None
        self.problems.append(f"{method} {path}: no answer for 40 s")
        return None
