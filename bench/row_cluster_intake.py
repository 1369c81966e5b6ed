"""Taking orders with PostgreSQL, beside the embedded engine."""

from statistics import median

import tools
from bench import Result, at_least, spread
from engines import Engines

TARGET = 0.5


def measure(bench):
    with Engines(bench.directory) as engines, bench.shop("embedded") as embedded, \
            bench.shop("postgres", **engines.only("store__")) as ours:
        embedded.start("order")
        ours.start("order")
        for connections in (64, 256):
            pairs, foreign = bench.interleaved(
                lambda n=connections: tools.wrk(embedded.addresses["order"], n, bench.seconds, "order"),
                lambda n=connections: tools.wrk(ours.addresses["order"], n, bench.seconds, "order"))
            ratios = [here["rate"] / there["rate"] for there, here in pairs]
            yield Result(f"durable POST /orders on PostgreSQL, {connections} connections",
                         f"{median(here['rate'] for _, here in pairs):,.0f}/s", f"ratio >= {TARGET}", **at_least(median(ratios), TARGET),
                         reference=f"embedded: {median(there['rate'] for there, _ in pairs):,.0f}/s", ratio=spread(ratios), foreign=foreign,
                         details={"rounds": pairs})
