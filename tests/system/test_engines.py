"""The servers that the shop can run on past one machine, as tools/ starts and stops them."""
import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from eventually import eventually
from shop import ROOT, Process, free_port, is_alive

TOOLS = ROOT / "tools"


def tool(*words, tools=TOOLS, **options):
    return subprocess.run([str(tools / words[0]), *(str(word) for word in words[1:])], capture_output=True, text=True, timeout=300, **options)


@pytest.fixture(scope="module")
def jars():
    """Kafka's class path."""
    told = tool("kafka", "jars")
    if told.returncode != 0:
        assert os.environ.get("CI") != "true", told.stderr
        pytest.skip(told.stderr.strip())
    return told.stdout.strip()


def topics(jars, port, *words):
    told = subprocess.run(["java", "-Xmx64m", "-cp", jars, "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", f"127.0.0.1:{port}", *words],
                          capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout.split()


def pid_in(directory):
    return int((directory / "pid").read_text().split()[0])


@pytest.fixture
def directory(tmp_path_factory):
    """A directory that a server may use that isn't root's, and no server is left in it."""
    made = Path(tempfile.mkdtemp(prefix="coffeeshop-engine-"))
    made.chmod(0o755)
    yield made / "here"
    tool("kafka", "stop", made / "here")
    shutil.rmtree(made)


def test_a_kafka_is_started_once_keeps_what_it_has_and_is_stopped_alone(jars, directory):
    port = free_port()
    other = subprocess.Popen(["sleep", "600"])
    try:
        assert tool("kafka", "start", directory, port).returncode == 0
        first = pid_in(directory)
        topics(jars, port, "--create", "--topic", "coffee", "--partitions", "3")
        assert tool("kafka", "start", directory, port).returncode == 0
        assert pid_in(directory) == first
        told = tool("kafka", "start", directory, free_port())
        assert told.returncode == 1 and "runs already" in told.stderr
        assert tool("kafka", "stop", directory).returncode == 0
        assert not is_alive(first)
        assert tool("kafka", "start", directory, port).returncode == 0
        assert "coffee" in topics(jars, port, "--list")
        # what is noted is somebody else's by now: a process that was given the id since
        running, note = pid_in(directory), directory / "pid"
        kept = note.read_text()
        note.write_text(f"{other.pid} 1\n")
        assert tool("kafka", "stop", directory).returncode == 0
        assert other.poll() is None
        note.write_text(kept)
        assert tool("kafka", "stop", directory).returncode == 0
        assert not is_alive(running)
    finally:
        other.kill()
        other.wait()


def test_a_kafka_in_the_foreground_ends_with_who_started_it(jars, directory):
    with subprocess.Popen(["/bin/sh", "-c", f"'{TOOLS}/kafka' run '{directory}' {free_port()} 2>/dev/null >&2 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as starter:
        broker = int(starter.stdout.readline())
        eventually(lambda: "kafka.Kafka" in command_of(broker), within=60, what="the broker runs")
        starter.kill()
    eventually(lambda: not is_alive(broker), what="the broker has ended")


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as words:
            return words.read().replace("\0", " ")
    except OSError:
        return ""


@pytest.mark.parametrize("maven, says", [(None, "there is no mvn"), ("echo 'no route to the repository'; exit 1", "no route to the repository")])
def test_without_the_jars_kafka_is_said_to_be_missing_and_why(tmp_path, maven, says):
    """Played by a copy of the tools that has fetched nothing yet."""
    shutil.copytree(TOOLS, tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "bin"
    path.mkdir()
    for name in ("env", "python3"):
        (path / name).symlink_to("/usr/bin/" + name)
    if maven:
        (path / "mvn").write_text(f"#!/bin/sh\n{maven}\n")
        (path / "mvn").chmod(0o755)
    told = tool("kafka", "jars", tools=tmp_path / "tools", env={"PATH": str(path)})
    assert told.returncode == 1 and "Kafka is missing" in told.stderr and says in told.stderr
    assert not (tmp_path / "build" / "kafka").exists()


def engine_pids(directory):
    return {name: pid_in(directory / name) for name in ("postgres", "redis", "kafka") if (directory / name / "pid").exists()}


def test_the_engines_are_started_once_used_by_a_shop_and_stopped(directory, open_shop):
    ports = [f"--{name}-port={free_port()}" for name in ("postgres", "redis", "kafka")]
    try:
        told = tool("engines", "start", directory, *ports)
        assert told.returncode == 0, told.stderr
        pids = engine_pids(directory)
        assert {"postgres", "redis"} <= set(pids)
        assert ("Kafka is missing" in told.stdout) == ("kafka" not in pids)
        assert os.environ.get("CI") != "true" or "kafka" in pids, told.stdout
        assert all(os.stat(f"/proc/{pid}").st_uid != 0 for pid in pids.values()), "none runs as root"
        url = re.search(r"^PostgreSQL: (\S+)$", told.stdout, re.M)[1]
        assert subprocess.run(["psql", "-X", "-A", "-t", url, "-c", "SHOW fsync"], capture_output=True, text=True, timeout=30).stdout.strip() == "on"
        again = tool("engines", "start", directory)
        assert again.stdout == told.stdout and engine_pids(directory) == pids, "what runs is left alone"
        shop = open_shop()
        for name in ("stock", "order"):
            shop.running[name] = Process([name, f"--config={directory}/shop.conf", f"--{name}.listen=127.0.0.1:{shop.ports[name]}"], shop.directory / f"{name}.log")
            shop.wait_ready(name)
        assert shop.on_hand("Americano") == 100
        assert shop.order()["id"] == 1
        kept = {path.name for path in (directory / "shop").iterdir()}
        assert {"stock.lock", "order.lock"} <= kept and not {"stock.lmdb", "order.db"} & kept
        on_topic = shop["order"].get("/events").status_code == 404 if "kafka" in pids else "kafka" not in (directory / "shop.conf").read_text()
        assert on_topic, "events go through Kafka, where there is one"
        shop.stop("stock", "order")
    finally:
        stopped = tool("engines", "stop", directory)
    assert stopped.stdout.count("is stopped") == len(pids)
    assert not any(is_alive(pid) for pid in pids.values())
    assert tool("engines", "stop", directory).stdout == ""


def test_a_shop_may_be_opened_beside_the_engines(open_shop):
    shop = open_shop()
    (shop.directory / "data" / "engines").mkdir(parents=True)
    shop.start("stock")


def test_a_port_that_somebody_has_is_said(directory):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = tool("kafka", "start", directory, taken.getsockname()[1])
    assert told.returncode == 1 and ("somebody else does" in told.stderr or "Kafka is missing" in told.stderr)
