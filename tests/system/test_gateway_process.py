"""nginx's processes: who they are, what they may read, and that nothing of them is left, whoever was killed."""
import contextlib
import os
import pwd
import signal
import socket
import stat
from pathlib import Path

import pytest

from door import can_connect
from eventually import eventually
from shop import Process, free_port
from test_supervisor import Street, children_of, is_alive


class Nginx:
    """The master and the workers of a gateway."""

    def __init__(self, gateway_pid):
        self.master = eventually(lambda: children_of(gateway_pid), what="nginx's master")[0]
        self.workers = eventually(lambda: children_of(self.master), what="nginx's worker")

    def alive(self):
        return [pid for pid in (self.master, *self.workers) if is_alive(pid)]


def kill(*pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # the one before it took it along
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def restart(open_door):
    """restart(door) starts the gateway of a door again, as it was."""
    running = []

    def make(door):
        running.append(Process(door.process.process.args[1:], door.directory / "again.log"))
        door.process = running[-1]
        return door.open()

    yield make
    for process in running:
        process.stop()


def user_of(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("Uid:\t")[1].split()[1])


def test_nginxs_workers_are_not_root(door):
    nginx = Nginx(door.process.pid)
    expected = pwd.getpwnam("www-data").pw_uid if os.geteuid() == 0 else os.geteuid()
    assert expected != 0
    eventually(lambda: {user_of(pid) for pid in nginx.workers} == {expected}, what="each worker has given root's rights up, soon after it was forked")


def test_the_pages_are_served_whatever_the_umask_and_the_rights_of_the_data(tmp_path, open_door):
    data = tmp_path / "door0" / "data"
    data.mkdir(parents=True)
    data.chmod(0o700)
    door = open_door(umask=0o077)
    assert door.http.get("/").status_code == 200
    assert door.http.post("/orders", content=b"x" * 60_000).status_code == 200
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give its workers another user")
def test_an_unknown_user_is_named(tmp_path):
    log = tmp_path / "log"
    gateway = Process(["gateway", f"--data={tmp_path / 'data'}", f"--gateway.listen=127.0.0.1:{free_port()}", "--gateway.user=no-such-barista"], log)
    assert gateway.process.wait(10) == 1
    assert 'gateway.user is "no-such-barista"' in log.read_text()


def test_nginx_does_not_outlive_its_gateway(open_door):
    door = open_door()
    nginx = Nginx(door.process.pid)
    door.process.stop(signal.SIGKILL)
    eventually(lambda: not nginx.alive(), within=10, what="nginx has ended")
    assert not can_connect(door.port)


def test_a_worker_does_not_outlive_its_master(open_door):
    door = open_door()
    nginx = Nginx(door.process.pid)
    kill(nginx.master)
    assert door.process.process.wait(10) == 128 + signal.SIGKILL
    assert "ended by signal 9" in door.process.output()
    eventually(lambda: not nginx.alive(), within=10, what="the worker has ended")
    assert not can_connect(door.port)


def test_a_worker_that_was_killed_is_replaced(open_door):
    door = open_door()
    nginx = Nginx(door.process.pid)
    kill(*nginx.workers)
    eventually(lambda: children_of(nginx.master) not in ([], nginx.workers), what="another worker")
    eventually(lambda: door.http.get("/orders").status_code == 200)


@pytest.mark.parametrize("who", ["the gateway", "the gateway and the master", "the master and the gateway"])
def test_a_gateway_that_was_killed_is_opened_again_at_once(open_door, restart, who):
    """The worker that is left keeps the port; the next gateway finds and ends it."""
    door = open_door()
    nginx = Nginx(door.process.pid)
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as follower:  # keeps the worker from ending by itself
        follower.sendall(b"GET /mypages/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        assert follower.recv(65536).startswith(b"HTTP/1.1 200 ")
        kill(*{"the gateway": [door.process.pid], "the gateway and the master": [door.process.pid, nginx.master], "the master and the gateway": [nginx.master, door.process.pid]}[who])
        door.process.process.wait(10)
        restart(door)
        eventually(lambda: not nginx.alive(), within=10, what="nothing of the earlier one is left")
        eventually(lambda: door.http.get("/orders").status_code == 200, within=10)
    assert door.process.is_running()


def test_two_gateways_do_not_share_a_directory(open_door):
    door = open_door()
    log = door.directory / "second.log"
    second = Process(["gateway", f"--data={door.directory / 'data'}", f"--gateway.listen=127.0.0.1:{free_port()}", "--stop_ms=500"], log)
    assert second.process.wait(10) == 1
    assert "locked by another gateway" in log.read_text()
    assert door.http.get("/orders").status_code == 200


def test_the_shop_goes_on_when_nginx_is_killed(open_shop):
    """Also within the first seconds, when a service that fails is taken for one that can't start."""
    street = Street(open_shop())
    for _ in range(2):
        gateway = street.pid_of("gateway")
        nginx = Nginx(gateway)
        kill(nginx.master)
        eventually(lambda: street.pid_of("gateway") not in (None, gateway), what="the gateway is started again")
        street.wait_ready("gateway")
        assert not nginx.alive()
    placed = street.shop["gateway"].post("/orders", json={"productName": "Americano", "qty": 1})
    assert placed.status_code == 201
    assert street.up.stop() == 0


def test_a_shop_whose_processes_were_all_killed_opens_again(open_shop):
    shop = open_shop()
    street = Street(shop)
    gateway = street.pid_of("gateway")
    nginx = Nginx(gateway)
    kill(street.up.pid, gateway, nginx.master)  # and the worker is left
    street.up.process.wait(10)
    shop.stop("up")
    assert Street(shop).shop["gateway"].get("/menu").status_code == 200


def test_the_access_log_is_where_the_gateway_was_started(open_door, tmp_path):
    here = tmp_path / "here is a blank"
    here.mkdir()
    door = open_door("--gateway.access_log=access.log", cwd=here)
    assert door.http.get("/orders/logged").status_code == 200
    eventually(lambda: "/orders/logged" in (here / "access.log").read_text(), within=5)
    assert not (door.directory / "data" / "gateway" / "access.log").exists()


def test_an_access_log_that_can_not_be_written_is_refused_with_a_sentence(tmp_path):
    log = tmp_path / "log"
    gateway = Process(["gateway", f"--data={tmp_path / 'data'}", f"--gateway.access_log={tmp_path}/none/access.log"], log)
    assert gateway.process.wait(10) == 1
    assert f'gateway.access_log is "{tmp_path}/none/access.log", which can\'t be written' in log.read_text()
