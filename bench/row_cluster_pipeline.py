"""The whole shop on Kafka, PostgreSQL and Redis, beside the embedded one: rate, CPU of ours and of the servers, memory.

The servers share the cores with the shop, the load and the reference.
"""

from statistics import median

import processes
from bench import Result, at_least, at_most, spread
from engines import Engines
from row_pipeline import CONNECTIONS, run
from shop import SERVICES

RATE = 5_000
PSS_MB = 60


def measure(bench):
    with Engines(bench.directory) as engines:
        engines.need_kafka()
        with bench.shop("embedded") as embedded, bench.shop("cluster", **engines.settings) as ours:
            embedded.start(*SERVICES)
            ours.start(*SERVICES)
            most = dict.fromkeys(SERVICES, 0)

            def ours_once():
                result = run(bench, ours)
                for name in SERVICES:
                    most[name] = max(most[name], processes.pss_bytes(processes.tree(ours.running[name].pid)) / 1e6)
                return result

            before = engines.kept()
            pairs, foreign = bench.interleaved(lambda: run(bench, embedded), ours_once)
            after = engines.kept()
    rates = [here["rate"] for _, here in pairs]
    costs = [sum(here["cpu_us"].values()) for _, here in pairs]
    yield Result(f"orders through the whole pipeline on all three servers, {CONNECTIONS} customers", spread(rates, "{:,.0f}") + "/s",
                 f">= {RATE:,}/s", **at_least(median(rates), RATE), foreign=foreign,
                 reference=f"embedded: {median(there['rate'] for there, _ in pairs):,.0f}/s",
                 ratio=spread([here["rate"] / there["rate"] for there, here in pairs]))
    yield Result("CPU per order, our processes", spread(costs, "{:.0f}") + " us", "-", None, foreign=foreign,
                 reference=f"embedded: {median(sum(there['cpu_us'].values()) for there, _ in pairs):.0f} us")
    orders = sum(here["orders"] for _, here in pairs)
    each = {name: (after[name] - before[name]) / orders for name in after}
    yield Result("what an order leaves", " + ".join(f"{name} {size / 1000:.1f} kB" for name, size in each.items()), "-", None)
    largest = max(most, key=most.get)
    yield Result("memory of the largest service under load", f"{most[largest]:.1f} MB Pss ({largest})", f"<= {PSS_MB} MB",
                 **at_most(most[largest], PSS_MB), reference=", ".join(f"{name} {size:.0f}" for name, size in most.items()))
