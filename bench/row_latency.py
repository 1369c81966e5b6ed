"""One customer, one order at a time: from ordering to seeing it completed in the view, when brewing takes no time."""

from statistics import median

import tools
from bench import Result, at_most, spread
from shop import SERVICES

TARGETS_MS = {"p50": 10, "p99": 50}


def measure(bench):
    def least_possible():
        trip = tools.load(bench.build, nginx.address, connections=1, seconds=max(1, bench.seconds // 4))
        disk = tools.disk(bench.build, bench.directory, max(1, bench.seconds // 4))
        return {key: trip["answer"][key] + disk[key] for key in TARGETS_MS}

    with tools.Reference(bench.directory) as nginx, bench.shop("latency") as shop:
        shop.start(*SERVICES)
        pairs, foreign = bench.interleaved(least_possible,
                                           lambda: bench.load(shop, connections=1, sample=1, window=1)["completed"])
    for key, target in TARGETS_MS.items():
        ours = [after[key] / 1000 for _, after in pairs]
        least = median(before[key] / 1000 for before, _ in pairs)
        yield Result(f"order to Completed in the view, one at a time, {key}", spread(ours, "{:.1f}") + " ms",
                     f"<= {target} ms", **at_most(median(ours), target), foreign=foreign,
                     reference=f"HTTP round trip + fdatasync: {least:.2f} ms", ratio=f"{median(ours) / least:.1f}",
                     details={"rounds": pairs})
