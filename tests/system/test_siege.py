"""`make siege` at its shortest: what its pictures say is so, but for how long things took on this machine."""
import os
import re
import subprocess
import xml.etree.ElementTree

import pytest

from shop import PROGRAM, ROOT


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    directory = tmp_path_factory.mktemp("siege")
    done = subprocess.run([ROOT / "bench" / "siege" / "run", "siege", "paying", "cancel"], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "SECONDS": "24", "SIEGE_DIR": str(directory), "BENCH_DIR": str(directory), "COFFEESHOP": str(PROGRAM)})
    assert done.returncode in (0, 1), done.stderr[-2000:]
    return {name: (directory / f"{name}.txt").read_text() for name in ("siege", "paying", "cancel")}, directory


@pytest.mark.parametrize("name", ["siege", "paying", "cancel"])
def test_the_breaker_opens_while_the_other_is_slow_and_closes_when_it_is_well(told, name):
    seconds = re.findall(r"^ +(\d+) +(\d+) +(\d+) +(\d+)  (\S*)$", told[0][name], re.M)
    assert len(seconds) == 24
    states = [state for second in seconds for state in second[4].split("/") if state]
    assert states[0] == "closed" and "open" in states and states[-1] == "closed", states
    first_open = next(i for i, second in enumerate(seconds) if "open" in second[4])
    assert 6 <= first_open < 24, "never before the other was slow"
    assert sum(int(second[2]) for second in seconds[first_open:]) > 0, "some were refused"
    assert sum(int(second[1]) for second in seconds[-3:]) > 0, "and in the end all are served again"


@pytest.mark.parametrize("name", ["siege", "paying", "cancel"])
def test_what_was_refused_has_taken_nothing(told, name):
    taken = re.search(r"(?:gone from the shelf|payments that were taken): ([\d,]+); for [^:]*: ([\d,]+)", told[0][name])
    assert taken[1] == taken[2]
    assert (taken[1] != "0") == (name != "cancel")


@pytest.mark.parametrize("name", ["siege", "paying", "cancel"])
def test_the_memory_of_who_asks_stays_flat(told, name):
    assert re.search(r"^yes +(?:order|product)'s memory grew by [\d.]+ MiB", told[0][name], re.M), told[0][name]


@pytest.mark.parametrize("name", ["siege", "paying", "cancel"])
def test_the_picture_can_be_drawn(told, name):
    picture = xml.etree.ElementTree.parse(told[1] / f"{name}.svg").getroot()
    words = " ".join(node.text or "" for node in picture.iter() if node.tag.endswith("text"))
    assert "open" in words and "closed" in words and "answers a second" in words


def test_the_seeds_own_command_was_run(told):
    printed = (told[1] / "siege.siege.txt").read_text()
    assert printed.startswith("$ siege -c10 -t24S -r10 -v --content-type application/json ")
    assert """ POST {"orderId":1, "status":"Requested", "productName":"Ame", "qty":1}'""" in printed.splitlines()[0]


def test_a_run_that_isnt_there_is_refused():
    done = subprocess.run([ROOT / "bench" / "siege" / "run", "castle"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "castle" in done.stderr and "siege, siege-100, paying, cancel" in done.stderr
