"""A busy day: orders at a fixed rate, whatever the shop's speed. Waits count from when an order was due, so a stall is
not hidden by ordering less meanwhile."""

from bench import Result, at_least, at_most
from shop import SERVICES

RATE = 15_000
HELD = 0.99
P99_MS = 50


def measure(bench):
    def run():
        with bench.shop("paced") as shop:
            shop.start(*SERVICES)
            return bench.load(shop, connections=256, rate=RATE, seconds=bench.paced_seconds)

    result, foreign = bench.undisturbed(run)
    held = result["answer_rate"] / RATE
    waits = {key: result["completed"][key] / 1000 for key in ("p50", "p99", "max")}
    yield Result(f"paced at {RATE:,}/s for {bench.paced_seconds} s", f"{result['answer_rate']:,.0f}/s", "held",
                 **at_least(held, HELD), ratio=f"{held:.2f}", foreign=foreign, details=result)
    yield Result("order to Completed in the view meanwhile, p99", f"{waits['p99']:.0f} ms", f"<= {P99_MS} ms",
                 **at_most(waits["p99"], P99_MS), foreign=foreign,
                 reference=f"p50 {waits['p50']:.0f} ms, longest {waits['max']:.0f} ms")
