"""The view is thrown away and made again from the events of order, product and stock."""

import glob
import os
import time

import memory
import processes
from bench import Result, at_least, at_most

RATE = 100_000
STUCK_S = 60


def positions(shop):
    """How far the view has come with each producer, and what still waits for its writer."""
    metrics = shop.metrics("customercenter")
    seen = {key: value for key, value in metrics.items() if key.startswith("coffeeshop_follower_position{")}
    return seen, metrics["coffeeshop_writer_queue_length"]


def settle(shop):
    """Stock's and product's last events may still be on their way when the last order is completed."""
    before = None
    while (now := positions(shop)) != before:
        before = now
        time.sleep(0.3)
    return now[0]


def throw_away(shop):
    shop.stop("customercenter")
    for path in glob.glob(os.path.join(shop.data, "customercenter*")):
        if not path.endswith(".lock"):
            os.unlink(path)


def rebuild(shop, goal):
    def progress():
        seen, waiting = positions(shop)
        part = sum(seen.values()) / sum(goal.values())
        return min(part, 0.999) if waiting else part

    throw_away(shop)
    began = time.monotonic()
    shop.start("customercenter")
    samples = memory.watch(shop.running["customercenter"], progress, STUCK_S)
    return sum(goal.values()) / (time.monotonic() - began), memory.growth(samples)


def measure(bench):
    shop = bench.grown_shop(bench.orders)
    goal = settle(shop)
    foreign = processes.Foreign()
    rate, growth = rebuild(shop, goal)
    cores = foreign.cores()
    yield Result(f"view rebuild, {sum(goal.values()):,.0f} events", f"{rate:,.0f} events/s", f">= {RATE:,}/s",
                 **at_least(rate, RATE), foreign=cores)
    yield Result("its memory after the first tenth", f"+{growth / 2**20:.1f} MiB", "flat (<= 16 MiB)",
                 **at_most(growth, memory.FLAT_BYTES))
