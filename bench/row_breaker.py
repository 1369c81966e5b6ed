"""The circuit breaker: what it costs a call while it is closed, and how soon it refuses one while it is open."""

import subprocess
from statistics import median

import tools
from bench import Result, at_most, spread
from shop import Trouble

CLOSED_NS = 100
REFUSED = 1.2
CONNECTIONS = 64
STATE = 'coffeeshop_breaker_state{service="payment"}'


def measure(bench):
    yield closed(bench)
    yield refused(bench)


def closed(bench):
    def nanoseconds():
        ran = subprocess.run([f"{bench.build}/bench/breaker_bench"], capture_output=True, text=True, check=True)
        return float(ran.stdout)

    costs = [nanoseconds() for _ in range(bench.rounds)]
    return Result("the breaker, a call while it is closed", spread(costs, "{:.0f}") + " ns CPU", f"<= {CLOSED_NS} ns",
                  **at_most(median(costs), CLOSED_NS))


def refused(bench):
    """Payment isn't there, so order's breaker is open: the orders of wrk are refused, beside looking for one that
    there isn't. Once a sleep window one of them is let through, and finds out that payment still isn't there."""
    with bench.shop("breaker-open", paid=True) as shop:
        shop.start("order")
        order = shop.addresses["order"]
        tools.wrk(order, CONNECTIONS, 1, "refused")
        if shop.metrics("order")[STATE] != 1:
            raise Trouble("the breaker is not open")
        pairs, foreign = bench.interleaved(lambda: tools.wrk(order, CONNECTIONS, bench.seconds, "missing"),
                                           lambda: tools.wrk(order, CONNECTIONS, bench.seconds, "refused"))
    ratios = [theirs["rate"] / ours["rate"] for theirs, ours in pairs]
    return Result(f"an order refused by an open breaker, {CONNECTIONS} connections",
                  f"{median(1e6 / ours['rate'] for _, ours in pairs):.1f} us", f"ratio <= {REFUSED}",
                  **at_most(median(ratios), REFUSED),
                  reference=f"404: {median(1e6 / theirs['rate'] for theirs, _ in pairs):.1f} us",
                  ratio=spread(ratios), foreign=foreign, details={"rounds": pairs})
