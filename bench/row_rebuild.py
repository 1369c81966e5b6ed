"""The customers' view is made anew from all events of order, product and stock: `coffeeshop view rebuild`."""

import json
import subprocess
import time

import memory
import processes
from bench import Result, at_least, at_most
from shop import Trouble, get

RATE = 100_000
DEADLINE_S = 1800
PRODUCERS = ("order", "product", "stock")


def pages(shop):
    return json.loads(get(shop.addresses["customercenter"], "/mypages?size=1"))["page"]["totalElements"]


def rebuild(bench, shop):
    """(seconds, [bytes]) of the command; the service goes on running and changes over to the new view."""
    command = [bench.program, "view", "rebuild", *shop.flags("customercenter")]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        samples = memory.watch(process, lambda: process.poll() is not None, DEADLINE_S)
    finally:
        if process.poll() is None:
            process.kill()
        said = process.communicate()[0]
    if process.returncode:
        raise Trouble(f"coffeeshop view rebuild failed: {said.strip()}")
    return time.monotonic() - began, samples


def measure(bench):
    shop = bench.grown_shop(bench.orders)
    events = sum(shop.metrics(name)["coffeeshop_feed_position"] for name in PRODUCERS)
    before = pages(shop)
    foreign = processes.Foreign()
    seconds, samples = rebuild(bench, shop)
    cores = foreign.cores()
    if pages(shop) != before:
        raise Trouble(f"the rebuilt view has {pages(shop)} orders, the old one had {before}")
    yield Result(f"view rebuild, {events:,.0f} events", f"{events / seconds:,.0f} events/s", f">= {RATE:,}/s",
                 **at_least(events / seconds, RATE), foreign=cores)
    yield Result("its memory after the first quarter", f"+{memory.growth(samples) / 2**20:.1f} MiB", "flat (<= 16 MiB)",
                 **at_most(memory.growth(samples), memory.FLAT_BYTES), details={"peak": max(samples, default=0)})
