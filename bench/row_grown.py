"""A shop with a past: the same pipeline in an empty shop and in one that has had millions of orders."""

from statistics import median

from bench import Result, at_least, spread
from shop import SERVICES

TARGET = 0.9
CONNECTIONS = 256


def compare(bench, orders):
    def empty():
        with bench.shop("empty") as shop:
            shop.start(*SERVICES)
            return bench.load(shop, connections=CONNECTIONS)["rate"]

    grown = bench.grown_shop(orders)
    pairs, foreign = bench.interleaved(empty, lambda: bench.load(grown, connections=CONNECTIONS)["rate"])
    ratios = [after / before for before, after in pairs]
    return Result(f"throughput after {orders:,} orders", f"{median(after for _, after in pairs):,.0f}/s",
                  f"ratio >= {TARGET}", **at_least(median(ratios), TARGET), ratio=spread(ratios), foreign=foreign,
                  reference=f"empty shop: {median(before for before, _ in pairs):,.0f}/s", details={"rounds": pairs})


def measure(bench):
    yield compare(bench, bench.orders)
    if bench.full:
        yield compare(bench, 10 * bench.orders)
