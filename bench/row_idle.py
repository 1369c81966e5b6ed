"""An open shop without customers: how soon it is ready, and what it occupies."""

import time
from statistics import median

import processes
from bench import Result, at_most, spread
from shop import PAID

PSS_MB = 40
READY_S = 0.5
SETTLE_S = 1


def measure(bench):
    ready, occupied = [], []
    foreign = processes.Foreign()
    for number in range(bench.rounds):
        with bench.shop(f"idle-{number}", paid=True) as shop:
            began = time.monotonic()
            shop.start("up")
            for name in (*PAID, "gateway"):
                shop.wait_ready(name)
            ready.append(time.monotonic() - began)
            time.sleep(SETTLE_S)
            occupied.append(processes.pss_bytes(shop.pids()) / 1e6)
    cores = foreign.cores()
    yield Result("coffeeshop up, idle: all services and the gateway", spread(occupied, "{:.1f}") + " MB Pss",
                 f"<= {PSS_MB} MB", **at_most(median(occupied), PSS_MB))
    yield Result("from starting it to the last one ready", spread(ready) + " s", f"<= {READY_S} s",
                 **at_most(median(ready), READY_S), foreign=cores)
