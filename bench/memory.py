"""Whether a process's memory stays flat while it works a backlog off."""

import time

import processes

FLAT_BYTES = 16 << 20
EVERY_S = 0.2


def watch(process, progress, patience_s):
    """Samples until `progress()`, the part that is done, is 1: [(part, bytes)]. Raises TimeoutError after `patience_s`
    without progress."""
    samples = []
    last, since = -1.0, time.monotonic()
    while last < 1:
        part = progress()
        samples.append((part, processes.anonymous_bytes(process.pid)))
        if part > last:
            last, since = part, time.monotonic()
        elif time.monotonic() - since > patience_s:
            raise TimeoutError(f"stuck at {part:.0%} for {patience_s} s")
        time.sleep(EVERY_S)
    return samples


def growth(samples):
    """Bytes by which it grew after the first tenth of the work, when buffers and caches have their size."""
    early = max((size for part, size in samples if part <= 0.1), default=samples[0][1])
    return max(0, max(size for _, size in samples) - early)
