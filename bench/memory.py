"""Whether a process's memory stays flat while it works a backlog off."""

import time

import processes

FLAT_BYTES = 16 << 20
EVERY_S = 0.05


def watch(process, is_done, deadline_s):
    """Samples what the process has allocated until the work is done: [bytes], evenly spaced. TimeoutError after
    `deadline_s`."""
    samples = []
    deadline = time.monotonic() + deadline_s
    while not is_done():
        samples.append(processes.anonymous_bytes(process.pid))
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done after {deadline_s} s")
        time.sleep(EVERY_S)
    return samples


def growth(samples):
    """Bytes by which it grew after the first quarter of the time, when buffers and caches have their size."""
    early = max(samples[:len(samples) // 4 + 1], default=0)
    return max(0, max(samples, default=0) - early)
