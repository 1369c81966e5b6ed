"""The kitchen was away while orders were taken, and comes back to all of them at once."""

import subprocess
from statistics import median

import memory
import processes
import tools
from bench import Result, at_least, at_most
from shop import SERVICES

TARGET = 0.7
CONNECTIONS = 64
DEADLINE_S = 1800


def intake(bench, shop):
    return bench.load(shop, connections=CONNECTIONS)["answer_rate"]


def come_back(bench, shop):
    """The kitchen starts while customers go on ordering: (orders taken a second, [bytes of the kitchen])."""
    def has_caught_up():
        published = shop.metrics("order")["coffeeshop_feed_position"]
        return shop.metrics("product")['coffeeshop_follower_position{producer="order"}'] >= published

    shop.start("product")
    command = tools.load_command(bench.build, shop.addresses["order"], connections=CONNECTIONS, seconds=bench.seconds)
    customers = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        samples = memory.watch(shop.running["product"], has_caught_up, DEADLINE_S)
        out, err = customers.communicate(timeout=bench.seconds + DEADLINE_S)
    finally:
        if customers.poll() is None:
            customers.kill()
            customers.wait()
    return tools.load_result(command, customers.returncode, out, err)["answer_rate"], samples


def measure(bench):
    with bench.shop("backlog") as shop:
        shop.start(*SERVICES)
        foreign = processes.Foreign()
        before = intake(bench, shop)
        shop.stop("product")
        bench.load(shop, watched=False, orders=bench.orders, connections=256)
        meanwhile, samples = come_back(bench, shop)
        normal = median([before, intake(bench, shop)])
        cores = foreign.cores()
    growth = memory.growth(samples)
    yield Result(f"orders taken while the kitchen has {bench.orders:,} to catch up with", f"{meanwhile:,.0f}/s",
                 f"ratio >= {TARGET}", **at_least(meanwhile / normal, TARGET), ratio=f"{meanwhile / normal:.2f}",
                 reference=f"without a backlog: {normal:,.0f}/s", foreign=cores)
    yield Result("the kitchen's memory after the first quarter", f"+{growth / 2**20:.1f} MiB", "flat (<= 16 MiB)",
                 **at_most(growth, memory.FLAT_BYTES), details={"peak": max(samples, default=0)})
