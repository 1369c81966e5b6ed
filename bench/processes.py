"""What processes cost, from /proc: CPU by thread, memory, and how much of the CPU somebody else took."""

import gzip
import os
import platform
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
KERNEL_THREAD = 0x00200000  # PF_KTHREAD: the disk's and the network's, working for us


def _stat(path):
    """The fields of a stat file after the command's name, and the name."""
    text = Path(path).read_text()
    head, _, rest = text.rpartition(")")
    return head.partition("(")[2], rest.split()


def _cpu(fields, with_children=True):
    return sum(int(field) for field in fields[11:15 if with_children else 13]) / TICK


def _all_stats():
    stats = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stats[int(entry)] = _stat(f"/proc/{entry}/stat")[1]
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
    return stats


def tree(root, stats=None):
    """`root` and all processes below it."""
    stats = stats or _all_stats()
    children = {}
    for pid, fields in stats.items():
        children.setdefault(int(fields[1]), []).append(pid)
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        if pid in stats:
            found.append(pid)
            todo += children.get(pid, [])
    return found


def threads_cpu(pid):
    """CPU seconds of every thread of a process: {thread id: (name, seconds)}."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        name, fields = _stat(f"/proc/{pid}/task/{task}/stat")
        found[int(task)] = (name, _cpu(fields, with_children=False))
    return found


def pss_bytes(pids):
    """Proportional set size: memory that processes share is counted once. All of `pids` have to be alive."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def anonymous_bytes(pid):
    """Memory that a process has allocated; pages of files that it reads don't count, the kernel takes them back."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def _interrupts_are_apart():
    """Whether this kernel keeps the time of interrupts out of the processes that were interrupted (it seldom does)."""
    wanted = "CONFIG_IRQ_TIME_ACCOUNTING=y"
    if os.path.exists("/proc/config.gz"):
        return wanted in gzip.open("/proc/config.gz", "rt").read()
    configuration = Path(f"/boot/config-{platform.release()}")
    return configuration.exists() and wanted in configuration.read_text()


class Foreign:
    """CPU taken, between start and end, by processes that are not below this one, in cores.

    That is all the CPU time of the machine, without our process tree and without the kernel's threads, with what the
    host of a virtual machine took away (steal). Loopback works in interrupts; they are counted with the processes that
    they interrupted, which are ours when nobody else works.
    """

    INTERRUPTS_COUNT = 0 if _interrupts_are_apart() else 1

    def __init__(self):
        self._busy, self._ours, self._all = self._now()

    @staticmethod
    def _now():
        user, nice, system, idle, iowait, irq, softirq, steal = (
            int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
        stats = _all_stats()
        ours = sum(_cpu(stats[pid]) for pid in tree(os.getpid(), stats))
        kernel = sum(_cpu(fields) for fields in stats.values() if int(fields[6]) & KERNEL_THREAD)
        total = user + nice + system + idle + iowait + irq + softirq + steal
        busy = user + nice + system + steal + Foreign.INTERRUPTS_COUNT * (irq + softirq)
        return busy / TICK, ours + kernel, total / TICK

    def cores(self):
        busy, ours, total = self._now()
        seconds = (total - self._all) / os.cpu_count()
        return max(0.0, (busy - self._busy - (ours - self._ours)) / seconds) if seconds > 0 else 0.0
