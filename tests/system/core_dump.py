"""What a process leaves behind when it is aborted, and what it would: its memory without what is left out of core dumps."""
import os
import re
import signal

WITH_CORES = {"before": 'ulimit -c unlimited; exec "$@"'}


def leaves_a_core(process):
    """Whether the process, aborted, leaves a core dump: as the kernel says, wherever this machine puts it."""
    os.kill(process.pid, signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    assert os.WTERMSIG(status) == signal.SIGABRT
    return os.WCOREDUMP(status)


MUCH = 1 << 20  # what is left out and is larger is a sanitizer's


def mappings(pid):
    """(begin, end, whether it may be read, whether a core dump has it: madvise(2), MADV_DONTDUMP)."""
    with open(f"/proc/{pid}/smaps") as told:
        for line in told:
            if found := re.match(r"([0-9a-f]+)-([0-9a-f]+) (r?)", line):
                begin, end, readable = int(found[1], 16), int(found[2], 16), found[3] == "r"
            elif line.startswith("VmFlags:"):
                flags = line.split()[1:]
                if "io" not in flags and "pf" not in flags:  # the kernel's own
                    yield begin, end, readable, "dd" not in flags


def memory_of(pid):
    """What a core dump of the running process would have, and what is left out of it: ([bytes], [bytes])."""
    dumped, left_out = [], []
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for begin, end, readable, is_dumped in mappings(pid):
            if readable and (is_dumped or end - begin < MUCH):
                memory.seek(begin)
                (dumped if is_dumped else left_out).append(memory.read(end - begin))
    return dumped, left_out
