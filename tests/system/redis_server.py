"""A real Redis that one test has to itself: on loopback, durable unless told otherwise; it doesn't outlive the tests."""
import ctypes
import os
import shutil
import signal
import socket
import subprocess

import pytest

from eventually import eventually
from shop import free_port

PROGRAM = shutil.which("redis-server")
DURABLE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}


def skip_without_redis():
    if PROGRAM is None:
        assert os.environ.get("CI") != "true", "there is no redis-server; tools/setup test installs it"
        pytest.skip("there is no redis-server on this machine (tools/setup test installs it)")


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Redis:
    def __init__(self, directory, settings=None):
        skip_without_redis()
        self.directory, self.port, self.process = directory, free_port(), None
        self.directory.mkdir(parents=True)
        self.settings = {**DURABLE, **(settings or {})}
        self.url = f"redis://127.0.0.1:{self.port}"

    def start(self):
        words = [word for name, value in self.settings.items() for word in (f"--{name}", *(value.split() or [""]))]
        self.process = subprocess.Popen([PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory), "--logfile", "redis.log", *words],
                                        stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)
        eventually(self.answers, what="Redis answers")
        return self

    def answers(self):
        assert self.process.poll() is None, (self.directory / "redis.log").read_text()[-2000:]
        return self.ask("PING") in ("PONG", "NOAUTH Authentication required.")

    def ask(self, *words, password=None):
        """What redis-cli prints, without the line's end."""
        secret = {"REDISCLI_AUTH": password} if password else {}
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, timeout=30, env={**os.environ, **secret}).stdout.strip()

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait(30)

    def pause(self):
        """It hangs: what is sent is taken by the system and not answered."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def restart(self, how=signal.SIGKILL):
        self.kill(how)
        return self.start()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()

    def command(self, *words):
        """One command, by Redis's own protocol: texts are bytes, as they are."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as line, line.makefile("rb") as answer:
            line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in map(str.encode, words)))
            return _read(answer)


def _read(answer):
    kind, text = answer.read(1), answer.readline()[:-2]
    if kind == b"-":
        raise AssertionError(text.decode())
    if kind == b"$":
        return None if text == b"-1" else answer.read(int(text) + 2)[:-2]
    if kind == b"*":
        return [_read(answer) for _ in range(int(text))]
    return int(text) if kind == b":" else text
