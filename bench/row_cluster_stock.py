"""Deducting by 64s through the stock service on Redis, beside redis-benchmark that calls a function which writes as many bytes.

Both one at a time, so that each waits for its own fsync.
"""

import itertools
import re
import subprocess
from statistics import median

import tools
from bench import Result, at_least, spread
from engines import Engines
from shop import Trouble

TARGET = 0.5
BATCH = 64
KEY_BYTES = 24
FUNCTION = """#!lua name=bench
redis.register_function('bench_write', function(keys, args)
    for i = 1, #args, 2 do
        redis.call('HSET', keys[1], args[i], args[i + 1])
        redis.call('ZADD', keys[2], 0, args[i])
    end
    return redis.status_reply('OK')
end)
"""


class Redis:
    def __init__(self, engines):
        self.where = ["-p", str(engines.ports["redis"]), "-a", engines.password()]

    def run(self, program, *words, **options):
        ran = subprocess.run([program, *self.where, *map(str, words)], capture_output=True, text=True, check=False, **options)
        if ran.returncode:
            raise Trouble(f"{program}: {ran.stderr.strip()}")
        return ran.stdout

    def counted(self):
        """(bytes that came in, functions called) so far."""
        told = self.run("redis-cli", "INFO", "all")
        return int(re.search(r"total_net_input_bytes:(\d+)", told)[1]), int(re.search(r"cmdstat_fcall:calls=(\d+)", told)[1])

    def benchmark(self, entries, size, seconds):
        """Calls a second of the bare function."""
        pairs = itertools.chain.from_iterable((f"bench-{n:03}-__rand_int__", "x" * size) for n in range(entries))
        calls = ["-c", 1, "-r", 10**9, "--csv", "FCALL", "bench_write", 2, "{bench}:data", "{bench}:names", *pairs]
        rate = float(self.run("redis-benchmark", "-n", 200, *calls).splitlines()[-1].split(",")[1].strip('"'))
        told = self.run("redis-benchmark", "-n", max(200, int(rate * seconds)), *calls)
        self.run("redis-cli", "UNLINK", "{bench}:data", "{bench}:names")
        return float(told.splitlines()[-1].split(",")[1].strip('"'))


def measure(bench):
    numbers = itertools.count()
    with Engines(bench.directory) as engines, bench.shop("stock", **engines.only("stock__")) as shop:
        redis = Redis(engines)
        redis.run("redis-cli", "CONFIG", "SET", "maxmemory", "4gb")
        redis.run("redis-cli", "-x", "FUNCTION", "LOAD", "REPLACE", input=FUNCTION)
        shop.start("stock")

        def ours():
            return tools.wrk(shop.addresses["stock"], 1, bench.seconds, "reduce", BATCH, f"run{next(numbers)}")

        before = redis.counted()
        ours()
        after = redis.counted()
        bytes_each = (after[0] - before[0]) / max(1, after[1] - before[1])
        size = max(1, int(bytes_each / BATCH) - 2 * KEY_BYTES)
        pairs, foreign = bench.interleaved(lambda: redis.benchmark(BATCH, size, bench.seconds), ours)
    ratios = [here["rate"] / there for there, here in pairs]
    yield Result(f"deducting {BATCH} at once, one after the other", f"{median(here['rate'] for _, here in pairs):,.0f}/s", f"ratio >= {TARGET}",
                 **at_least(median(ratios), TARGET), ratio=spread(ratios), foreign=foreign,
                 reference=f"redis-benchmark FCALL, {bytes_each:,.0f} bytes: {median(there for there, _ in pairs):,.0f}/s", details={"rounds": pairs})
