"""A PostgreSQL of the tests' own, on loopback, in a directory of its own, with its fsync on; each test has a database of its own in it."""
import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from eventually import eventually
from shop import free_port

OLDEST = 15
PASSWORD = "opensesame-4711"
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _programs():
    """Where the newest that is new enough has its programs; None: there is none."""
    found = [(int(path.parts[4]), path.parent) for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return max(found)[1] if found and max(found)[0] >= OLDEST else None


class Postgres:
    """The server. It runs as the tests' user, or as nobody when that is root, and ends with the tests, however they end.

    `tls` is a certificate and its key."""

    def __init__(self, directory=None, settings=None, tls=None):
        self.programs = _programs()
        if self.programs is None:
            why = f"there is no PostgreSQL {OLDEST} or later on this machine; tools/setup test installs it"
            pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
        self.directory = Path(directory or tempfile.mkdtemp(prefix="coffeeshop-postgres-"))
        self.settings = {"shared_buffers": "16MB", "max_connections": 60, "recovery_init_sync_method": "syncfs", **(settings or {})}
        self.port, self.process, self.databases = free_port(), None, 0
        user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self.become = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        (self.directory / "password").write_text(PASSWORD)
        for file, name in zip(tls or (), ("ssl_cert_file", "ssl_key_file")):
            self.settings |= {"ssl": "on", name: shutil.copy(file, self.directory)}
        if user:
            for path in (self.directory, *self.directory.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)
        made = self._run("initdb", "-D", "data", "-U", "shop", "--pwfile=password", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8",
                         "--no-sync", "-N")
        assert made.wait(60) == 0, self.log()
        self.start()

    def _run(self, program, *arguments):
        with (self.directory / "log").open("ab") as log:
            return subprocess.Popen([self.programs / program, *arguments], cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT), start_new_session=True, **self.become)

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def launch(self):
        """Starts it and doesn't wait."""
        self.process = self._run("postgres", "-D", "data", "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.directory),
                                 *(f"--{name}={value}" for name, value in self.settings.items()))

    def start(self):
        self.launch()
        ask = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]

        def answers():
            assert self.process.poll() is None, self.log()[-2000:]
            return subprocess.run(ask, check=False).returncode == 0

        eventually(answers, within=60, what="PostgreSQL answers")

    def halt(self, how=signal.SIGINT):
        """As by an operator who can't wait (SIGINT), or as by the loss of power (SIGQUIT); it is gone then."""
        self.process.send_signal(how)
        assert self.process.wait(60) is not None

    def _all(self):
        """It and its servants, each of which is a process of its own session."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def _tell_all(self, what):
        for pid in self._all():
            with contextlib.suppress(ProcessLookupError):  # a servant whose client has just gone
                os.kill(pid, what)

    def freeze(self):
        """It accepts and doesn't answer."""
        self._tell_all(signal.SIGSTOP)

    def thaw(self):
        self._tell_all(signal.SIGCONT)

    def make_database(self, template="template0"):
        self.databases += 1
        name = f"shop{self.databases}"
        self.sql("postgres", f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE {template}")
        return Database(self, name)

    def sql(self, database, text):
        """Rows of texts, as psql says them."""
        told = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "shop",
                               "-d", database, "-c", text], env={**os.environ, "PGPASSWORD": PASSWORD}, capture_output=True, text=True, timeout=60,
                              check=False)
        assert told.returncode == 0, told.stderr
        return [line.split("|") for line in told.stdout.splitlines()]

    def close(self):
        if self.process and self.process.poll() is None:
            self.thaw()
            self.halt(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)


class Database:
    """One of its databases: a shop's."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.url = f"postgresql://shop@127.0.0.1:{server.port}/{name}"
        self.environment = {**os.environ, "PGPASSWORD": PASSWORD}

    def sql(self, text):
        return self.server.sql(self.name, text)

    def number(self, text):
        return int(self.sql(text)[0][0])
