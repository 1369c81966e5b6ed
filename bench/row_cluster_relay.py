"""The relay to Kafka, beside a bare librdkafka loop that sends messages of the same sizes (bench/kafka_bench.c)."""

import subprocess
from statistics import median

from bench import Result, at_least, spread
from engines import Engines
from shop import Trouble

TARGET = 0.7
EVENTS = 100_000


def measure(bench):
    if subprocess.run(["ninja", "-C", bench.build, "--quiet", "bench/kafka_bench"], check=False).returncode:
        raise Trouble("bench/kafka_bench can't be compiled")
    with Engines(bench.directory) as engines:
        engines.need_kafka()
        ran, foreign = bench.undisturbed(lambda: subprocess.run(
            [f"{bench.build}/bench/kafka_bench", f"127.0.0.1:{engines.ports['kafka']}", str(EVENTS), str(max(3, bench.rounds))],
            capture_output=True, text=True, check=False))
    if ran.returncode:
        raise Trouble(f"kafka_bench: {ran.stderr.strip()}")
    rounds = [[float(word) for word in line.split()] for line in ran.stdout.splitlines() if line[:1].isdigit()]
    ratios = [ratio for _, _, _, ratio, *_ in rounds]
    yield Result("events relayed to Kafka", f"{median(row[2] for row in rounds):,.0f}/s", f"ratio >= {TARGET}", **at_least(median(ratios), TARGET),
                 reference=f"bare librdkafka: {median(row[1] for row in rounds):,.0f}/s", ratio=spread(ratios), foreign=foreign)
