"""What tools/kafka and tools/engines share: servers that run in a directory of their own, and are stopped by what is noted there."""
import ctypes
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

USER = "nobody"  # who a server runs as that root starts: none of them is to be root's


class CannotRun(Exception):
    """Why it can't be started here, in a sentence."""


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def own(path):
    """Gives a directory with all that is in it to whoever the servers run as."""
    if os.geteuid() != 0:
        return
    user = pwd.getpwnam(USER)
    for each in (path, *path.rglob("*")):
        os.chown(each, user.pw_uid, user.pw_gid, follow_symlinks=False)


def step_down():
    """Becomes the servers' user for good, when this is root."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(USER)
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)


def check_reachable(directory):
    """Every directory above may be passed by the servers' user."""
    if os.geteuid() != 0:
        return
    for above in directory.resolve().parents:
        if not above.stat().st_mode & 0o001:
            raise CannotRun(f"root's servers run as {USER}, who may not pass {above}: put {directory} elsewhere, or be another user")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_taken(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A server of one directory. What runs is noted in DIR/pid: the process's id, and when it began, so that another process that was given
    the id since is never taken for it."""

    def __init__(self, name, directory, port):
        self.name, self.directory, self.port = name, Path(directory).absolute(), port
        self.note, self.log = self.directory / "pid", self.directory / "log"

    def began(self, pid):
        """When a process began, in ticks since the system's start; None: it doesn't run."""
        try:
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return None if words[0] == "Z" else words[19]
        except OSError:
            return None

    def pid(self):
        """Of the server that runs in this directory; None: there is none."""
        try:
            pid, began = self.note.read_text().split()
        except (OSError, ValueError):
            return None
        return int(pid) if self.began(pid) == began else None

    def start(self, command, is_ready, within=60, **environment):
        """Starts it unless it runs, and returns when it is ready."""
        if self.pid() is None:
            if is_taken(self.port):
                raise CannotRun(f"{self.name} can't listen on port {self.port} of 127.0.0.1: somebody else does")
            own(self.directory)
            with open(self.log, "wb") as log:
                process = subprocess.Popen([str(word) for word in command], cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           start_new_session=True, preexec_fn=step_down, env={**os.environ, **environment})
            self.note.write_text(f"{process.pid} {self.began(process.pid)}\n")
        deadline = time.monotonic() + within
        while not is_ready():
            if self.pid() is None or time.monotonic() > deadline:
                told = self.log.read_text(errors="replace")[-2000:]
                self.stop()
                raise CannotRun(f"{self.name} doesn't come up; {self.log} ends so:\n{told}")
            time.sleep(0.05)

    def stop(self, how=signal.SIGTERM, within=30):
        """Ends it if it runs. Whether it did."""
        pid = self.pid()
        if pid is None:
            return False
        os.kill(pid, how)
        deadline = time.monotonic() + within
        while self.pid() == pid:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        self.note.unlink(missing_ok=True)
        return True


def ran(command, what, user=False, **options):
    """Runs a command to its end; CannotRun, with the end of what it said, when it failed."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", preexec_fn=step_down if user else None, **options)
    if done.returncode != 0:
        raise CannotRun(f"{what} failed:\n{done.stdout[-2000:]}")


def main(run):
    try:
        run(sys.argv[1:])
    except CannotRun as why:
        sys.exit(f"{Path(sys.argv[0]).name}: {why}")
