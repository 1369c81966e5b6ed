"""Looking orders up: GET /orders/{id}, beside nginx that answers 201 without looking."""

from statistics import median

import tools
from bench import Result, at_least, spread

TARGET = 0.45
ORDERS = 1000


def measure(bench):
    def look(address):
        return tools.wrk(address, 64, bench.seconds, "look", ORDERS)

    with tools.Reference(bench.directory) as nginx, bench.shop("reads") as shop:
        shop.start("order")
        bench.load(shop, watched=False, orders=ORDERS)
        pairs, foreign = bench.interleaved(lambda: look(nginx.address), lambda: look(shop.addresses["order"]))
        ratios = [ours["rate"] / theirs["rate"] for theirs, ours in pairs]
        yield Result("GET /orders/{id}, 64 connections", f"{median(ours['rate'] for _, ours in pairs):,.0f}/s",
                     f"ratio >= {TARGET}", **at_least(median(ratios), TARGET),
                     reference=f"nginx return 201: {median(theirs['rate'] for theirs, _ in pairs):,.0f}/s",
                     ratio=spread(ratios), foreign=foreign, details={"rounds": pairs})
