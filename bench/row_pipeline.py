"""The whole shop at full speed: customers order again as soon as they have their 201, until all is completed.

The rate counts from the first order to the moment when the last one is Completed in the view, so a backlog doesn't
flatter it. Where the CPU went is told by service and thread in results.json.
"""

import json
from statistics import median

from bench import Result, at_least, at_most, spread
from shop import SERVICES, Trouble, get

RATE = 20_000
CPU_US = 65
CONNECTIONS = 256


def check_all_completed(shop):
    """The first and the last of all pages when sorted by status: if both are Completed, all are."""
    for order in ("asc", "desc"):
        pages = json.loads(get(shop.addresses["customercenter"], f"/mypages?size=1&sort=orderStatus,{order}"))
        page = next(iter(pages["_embedded"].values()))[0]
        if page["orderStatus"] != "Completed":
            raise Trouble(f"order {page['orderId']} is {page['orderStatus']} after all had been completed")


def run(bench, shop):
    before = shop.cpu()
    result = bench.load(shop, connections=CONNECTIONS)
    after = shop.cpu()
    check_all_completed(shop)
    result["cpu_us"] = {key: (seconds - before.get(key, 0)) * 1e6 / result["orders"] for key, seconds in after.items()}
    return result


def by_service(cpu_us):
    return {name: sum(us for (service, _), us in cpu_us.items() if service == name) for name in SERVICES}


def measure(bench):
    with bench.shop("intake-alone") as alone, bench.shop("pipeline") as shop:
        alone.start("order")
        shop.start(*SERVICES)
        pairs, foreign = bench.interleaved(lambda: bench.load(alone, watched=False, connections=CONNECTIONS),
                                           lambda: run(bench, shop))
    rates = [whole["rate"] for _, whole in pairs]
    intake = median(order["answer_rate"] for order, _ in pairs)
    costs = [sum(whole["cpu_us"].values()) for _, whole in pairs]
    shares = {name: median(by_service(whole["cpu_us"])[name] for _, whole in pairs) for name in SERVICES}
    waits = {key: median(whole["completed"][key] for _, whole in pairs) / 1000 for key in ("p50", "p99")}
    details = [{**whole, "cpu_us": {f"{service}/{thread}": us for (service, thread), us in whole["cpu_us"].items()}}
               for _, whole in pairs]
    yield Result("orders through the whole pipeline, closed loop", spread(rates, "{:,.0f}") + "/s", f">= {RATE:,}/s",
                 **at_least(median(rates), RATE), reference=f"intake alone: {intake:,.0f}/s",
                 ratio=f"{median(rates) / intake:.2f}", foreign=foreign, details={"rounds": details, "waits_ms": waits})
    yield Result("CPU per order, all services together", spread(costs, "{:.0f}") + " us", f"<= {CPU_US} us",
                 **at_most(median(costs), CPU_US), foreign=foreign,
                 reference=", ".join(f"{name} {us:.0f}" for name, us in shares.items()))
