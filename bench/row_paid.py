"""Paying first: an order that is authorised before it exists, beside one that is paid at the counter."""

from statistics import median

import tools
from bench import Result, at_least, at_most, spread
from shop import PAID, SERVICES

INTAKE = 0.6
PIPELINE = 0.7
CPU_US = 18
LATER_MS = 2.5


def measure(bench):
    yield from intake(bench)
    yield from pipeline(bench)
    yield latency(bench)


def intake(bench):
    with bench.shop("paid-not") as counter, bench.shop("paid-first", paid=True) as paid:
        counter.start("order")
        paid.start("order", "payment")
        for connections in (64, 256):
            pairs, foreign = bench.interleaved(
                lambda n=connections: tools.wrk(counter.addresses["order"], n, bench.seconds, "order"),
                lambda n=connections: tools.wrk(paid.addresses["order"], n, bench.seconds, "order"))
            ratios = [ours["rate"] / theirs["rate"] for theirs, ours in pairs]
            yield Result(f"durable POST /orders with payment, {connections} connections",
                         f"{median(ours['rate'] for _, ours in pairs):,.0f}/s", f"ratio >= {INTAKE}",
                         **at_least(median(ratios), INTAKE),
                         reference=f"without: {median(theirs['rate'] for theirs, _ in pairs):,.0f}/s",
                         ratio=spread(ratios), foreign=foreign, details={"rounds": pairs})


def run(bench, shop):
    """With the microseconds of CPU an order that each service took."""
    before = shop.cpu()
    result = bench.load(shop, connections=256)
    result["cpu_us"] = dict.fromkeys(PAID, 0.0)
    for (service, thread), seconds in shop.cpu().items():
        result["cpu_us"][service] += (seconds - before.get((service, thread), 0)) * 1e6 / result["orders"]
    return result


def pipeline(bench):
    with bench.shop("pipeline-not") as counter, bench.shop("pipeline-paid", paid=True) as paid:
        counter.start(*SERVICES)
        paid.start(*PAID)
        pairs, foreign = bench.interleaved(lambda: run(bench, counter), lambda: run(bench, paid))
    ratios = [ours["rate"] / theirs["rate"] for theirs, ours in pairs]
    more = [sum(ours["cpu_us"].values()) - sum(theirs["cpu_us"].values()) for theirs, ours in pairs]
    shares = {name: median(ours["cpu_us"][name] - theirs["cpu_us"][name] for theirs, ours in pairs) for name in PAID}
    yield Result("orders through the whole pipeline, with payment", f"{median(ours['rate'] for _, ours in pairs):,.0f}/s",
                 f"ratio >= {PIPELINE}", **at_least(median(ratios), PIPELINE),
                 reference=f"without: {median(theirs['rate'] for theirs, _ in pairs):,.0f}/s", ratio=spread(ratios), foreign=foreign)
    yield Result("CPU that payment adds to an order", spread(more, "{:.0f}") + " us", f"<= {CPU_US} us",
                 **at_most(median(more), CPU_US), foreign=foreign,
                 reference=", ".join(f"{name} {us:+.0f}" for name, us in shares.items()), details={"rounds": pairs})


def latency(bench):
    def one_at_a_time(shop):
        return bench.load(shop, connections=1, sample=1, window=1)["completed"]["p50"] / 1000

    with bench.shop("latency-not") as counter, bench.shop("latency-paid", paid=True) as paid:
        counter.start(*SERVICES)
        paid.start(*PAID)
        pairs, foreign = bench.interleaved(lambda: one_at_a_time(counter), lambda: one_at_a_time(paid))
    later = [ours - theirs for theirs, ours in pairs]
    return Result("how much later one order at a time is Completed, p50", spread(later, "{:.1f}") + " ms", f"<= {LATER_MS} ms",
                  **at_most(median(later), LATER_MS), foreign=foreign,
                  reference=f"without: {median(theirs for theirs, _ in pairs):.1f} ms", details={"rounds": pairs})
