"""Taking orders: POST /orders, answered when it is durable, beside nginx that answers 201 and does nothing."""

from statistics import median

import tools
from bench import Result, at_least, at_most, spread

CASES = (("durable POST /orders, 64 connections", "order", 64, 0.33),
         ("durable POST /orders, 256 connections", "order", 256, 0.43),
         ("the same through the gateway, 64 connections", "gateway", 64, 0.18))
P99_MS = 10


def measure(bench):
    with tools.Reference(bench.directory) as nginx, bench.shop("intake") as shop:
        shop.start("order", "gateway")
        for what, door, connections, target in CASES:
            pairs, foreign = bench.interleaved(
                lambda n=connections: tools.wrk(nginx.address, n, bench.seconds, "order"),
                lambda n=connections, to=door: tools.wrk(shop.addresses[to], n, bench.seconds, "order"))
            ratios = [ours["rate"] / theirs["rate"] for theirs, ours in pairs]
            yield Result(what, f"{median(ours['rate'] for _, ours in pairs):,.0f}/s",
                         f"ratio >= {target}", **at_least(median(ratios), target),
                         reference=f"nginx return 201: {median(theirs['rate'] for theirs, _ in pairs):,.0f}/s",
                         ratio=spread(ratios), foreign=foreign, details={"rounds": pairs})
            if (door, connections) == ("order", 64):
                p99 = [ours["p99"] / 1000 for _, ours in pairs]
                yield Result("p99 of these answers", spread(p99, "{:.1f}") + " ms",
                             f"<= {P99_MS} ms", **at_most(median(p99), P99_MS), foreign=foreign,
                             reference=f"{median(theirs['p99'] for theirs, _ in pairs) / 1000:.1f} ms")
