"""A whole shop in one file: exported, verified, imported elsewhere; interrupted anywhere, and gone on with; damaged, and refused."""
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from eventually import eventually
from moving import MANY, a_shop_with_everything, add_many_orders, everything_told, lines_of, move, place_of, as_rows
from rules import check_rules
from shop import PAID, PROGRAM, Process, Shop, flags, read_stream, run_program
from test_disk_full import SmallDisk

KILL_AT = PROGRAM.resolve().parent / "tests" / "lib" / "libkill_at.so"
SANITIZED = not KILL_AT.exists()  # a sanitizer keeps what was freed


@pytest.fixture
def full(open_shop):
    return a_shop_with_everything(open_shop)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A stopped shop and its export, for tests that change neither."""
    shops = []

    def open_one(settings=None, **options):
        shops.append(Shop(tmp_path_factory.mktemp("kept"), settings, **options))
        return shops[-1]

    shop, _ = a_shop_with_everything(open_one)
    shop.stop()
    file = shop.directory / "shop.jsonl"
    move("export", shop, file)
    yield shop, file
    shop.close()


def test_a_shop_that_has_moved_goes_on_as_if_nothing_had_been(full, open_shop, tmp_path):
    shop, ids = full
    before = as_rows(everything_told(shop))
    followed = read_stream(shop.url("customercenter") + "/mypages/stream", after=0)[-1].id
    answered = shop.ask_order("Tea", **{"Idempotency-Key": "monday-1"}).json()
    feeds = {name: shop.events(name) for name in ("order", "product", "stock", "payment")}
    shop.stop()
    file = tmp_path / "shop.jsonl"
    move("export", shop, file)
    other = open_shop(services=PAID)
    move("import", other, file)
    again = tmp_path / "again.jsonl"
    move("export", other, again)
    assert again.read_bytes() == file.read_bytes()

    other.start("order", "stock", "customercenter", "payment")  # the kitchen asks again for those who wait
    for collection, rows in as_rows(everything_told(other)).items():
        assert rows == before[collection], collection
    other.start("product")
    assert [row["id"] for row in other.all("products")] == [row["id"] for row in before["products"]]
    for name, events in feeds.items():
        assert other.events(name)[:len(events)] == events, name
        assert other.events(name, after=events[-3][0])[:2] == events[-2:], name
    repeated = other.ask_order("Tea", **{"Idempotency-Key": "monday-1"}).json()
    assert {**repeated, "_links": None} == {**answered, "_links": None}
    assert other.ask_order("Latte", **{"Idempotency-Key": "monday-1"}).status_code == 422
    assert other.order("Americano")["id"] == max(order["id"] for order in before["orders"]) + 1
    other.receive(51, "Mocha")
    other.wait_order(ids["waiting"], "Completed")
    heard = read_stream(other.url("customercenter") + "/mypages/stream", after=followed, enough=lambda events: len(events) >= 3)
    assert {json.loads(event.data)["orderId"] for event in heard} <= {ids["waiting"], before["orders"][-1]["id"] + 1}
    check_rules(other, [order["id"] for order in before["orders"]], received={"Tea": 7, "Mocha": 51})
    shop.stop()


def test_an_export_changes_nothing(kept, tmp_path):
    shop, file = kept
    again = tmp_path / "again.jsonl"
    move("export", shop, again)
    assert again.read_bytes() == file.read_bytes()
    assert again.stat().st_mode & 0o777 == 0o600


def test_a_shop_that_was_killed_is_exported_with_all_that_it_has_acknowledged(open_shop, tmp_path):
    shop = open_shop(services=PAID).start()
    ids = [shop.order("Americano")["id"] for _ in range(20)]
    shop.kill()
    move("export", shop, tmp_path / "shop.jsonl")
    other = open_shop(services=PAID)
    move("import", other, tmp_path / "shop.jsonl")
    check_rules(other.start(), ids)


def test_a_file_says_what_it_is_and_that_it_is_complete(kept):
    _, file = kept
    lines = [json.loads(line) for line in lines_of(file)]
    assert {name: lines[0][name] for name in ("coffeeshop", "format", "cells")} == {"coffeeshop": "archive", "format": 1, "cells": 1}
    assert [service["name"] for service in lines[0]["services"]] == ["order", "product", "stock", "customercenter", "payment"]
    assert all(service["epoch"] > 0 for service in lines[0]["services"] if service["name"] != "customercenter")
    assert lines[-1]["complete"] is True and lines[-1]["lines"] == len(lines)


def test_an_export_that_was_cut_off_anywhere_goes_on_and_is_the_same(kept, tmp_path):
    shop, file = kept
    whole = file.read_bytes()
    again = tmp_path / "again.jsonl"
    partial = tmp_path / "again.jsonl.partial"
    ends = [0]
    for line in lines_of(file):
        ends.append(ends[-1] + len(line))
    cuts = [*ends[:4], *(end + 7 for end in ends[2:-1:17]), *ends[5::13], len(whole) - 1, len(whole)]
    for cut in cuts:
        partial.write_bytes(whole[:cut])
        told = move("export", shop, again)
        assert again.read_bytes() == whole, f"cut off at {cut}"
        assert ("going on behind line" in told.stderr) == (cut >= ends[1])
        again.unlink()


def test_what_was_damaged_behind_an_interrupted_export_is_written_again(kept, tmp_path):
    shop, file = kept
    whole = file.read_bytes()
    again = tmp_path / "again.jsonl"
    (tmp_path / "again.jsonl.partial").write_bytes(whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:9000])
    move("export", shop, again)
    assert again.read_bytes() == whole


def test_an_export_doesn_t_go_on_with_that_of_another_shop(kept, open_shop, tmp_path):
    shop, file = kept
    other = open_shop(services=PAID)
    move("import", other, file)
    other.start("order").stop()
    (tmp_path / "again.jsonl.partial").write_bytes(file.read_bytes()[:9000])
    move("export", other, tmp_path / "again.jsonl", says="not of this shop as it is now")
    assert not (tmp_path / "again.jsonl").exists()


@pytest.mark.parametrize("what", ["export", "import"])
def test_a_shop_that_runs_is_left_alone(kept, open_shop, tmp_path, what):
    _, file = kept
    shop = open_shop().start("stock")
    move(what, shop, file if what == "import" else tmp_path / "no.jsonl", says="is in use by another stock service")
    assert not (tmp_path / "no.jsonl").exists()
    assert shop.on_hand("Americano") == 100


def test_an_import_adds_to_nothing(kept, open_shop):
    _, file = kept
    shop = open_shop().start()
    shop.order("Americano")
    shop.stop()
    move("import", shop, file, says="keeps something here already")
    shop.start()
    assert [order["id"] for order in shop.all("orders")] == [1]


def test_a_file_is_not_written_over(kept):
    shop, file = kept
    before = file.read_bytes()
    move("export", shop, file, says="is there already")
    assert file.read_bytes() == before


def test_a_lost_database_is_no_shop_without_it(kept, open_shop, tmp_path):
    _, file = kept
    shop = open_shop()
    move("import", shop, file)
    (shop.data["order"] / "product.db").unlink()
    move("export", shop, tmp_path / "no.jsonl", says="what product has kept")


def refused(open_shop, file, *says):
    """Nothing of it is imported, and the sentence names the line."""
    shop = open_shop()
    told = move("import", shop, file, says=says[0])
    for words in says[1:]:
        assert words in told.stderr.splitlines()[-1], told.stderr
    assert not shop.data["order"].exists()


def test_a_flipped_bit_is_found_where_it_is(kept, open_shop, tmp_path):
    _, file = kept
    lines = lines_of(file)
    for at in (1, 2, len(lines) // 2, len(lines) - 1, len(lines)):
        line = lines[at - 1]
        for where in (1, len(line) // 2, len(line) - 5):
            damaged = tmp_path / "damaged.jsonl"
            damaged.write_bytes(b"".join([*lines[:at - 1], line[:where] + bytes([line[where] ^ 1]) + line[where + 1:], *lines[at:]]))
            refused(open_shop, damaged, f"line {at}:", "checksum doesn't fit")


def test_a_line_that_is_missing_doubled_or_out_of_place_is_found(kept, open_shop, tmp_path):
    _, file = kept
    lines = lines_of(file)
    damaged = tmp_path / "damaged.jsonl"
    for at, those in ((10, [*lines[:9], *lines[10:]]), (11, [*lines[:10], *lines[9:]]), (10, [*lines[:9], lines[10], lines[9], *lines[11:]])):
        damaged.write_bytes(b"".join(those))
        refused(open_shop, damaged, f"line {at}:", "checksum doesn't fit")


def test_a_file_that_was_cut_off_is_refused(kept, open_shop, tmp_path):
    _, file = kept
    lines = lines_of(file)
    short = tmp_path / "short.jsonl"
    short.write_bytes(b"".join(lines[:-1]))
    refused(open_shop, short, f"ends behind line {len(lines) - 1}", "isn't complete")
    short.write_bytes(file.read_bytes()[:-1])
    refused(open_shop, short, f"line {len(lines)}:", "the file ends in the middle of it")
    short.write_bytes(b"")
    refused(open_shop, short, "isn't complete")
    short.write_bytes(file.read_bytes() + lines[-1])
    refused(open_shop, short, f"line {len(lines) + 1}:")


def test_a_pipe_is_refused_at_once_and_nothing_is_touched(open_shop, tmp_path):
    os.mkfifo(tmp_path / "named")  # nobody ever writes into it
    target = open_shop(services=PAID)
    for pipe in (tmp_path / "named", "/dev/stdin"):
        move("import", target, pipe, says="is not a file: it is read twice", input="")
    assert not target.data["order"].exists() or not list(target.data["order"].iterdir())


def test_what_is_no_archive_is_said(open_shop, tmp_path):
    recipe = tmp_path / "recipe.txt"
    recipe.write_text("take two eggs\n")
    refused(open_shop, recipe, "line 1:")
    refused(open_shop, tmp_path / "nowhere", "can't be read")


def run_until_killed(arguments, at, near):
    """Killed instead of its `at`th step that makes something durable; true when it came to its end before."""
    environment = {**os.environ, "LD_PRELOAD": str(KILL_AT), "KILL_AT": str(at), "KILL_NEAR": str(near)}
    done = subprocess.run([str(PROGRAM), *arguments], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode == 0


def is_half(shop, file, whole):
    """Whether what is there is known for half an import. If it isn't, it is all there, or nothing of it yet."""
    told = run_program("export", str(file), *place_of(shop))
    if told.returncode == 1:
        assert any(words in told.stderr for words in ("half of an import", "there is no shop", "start the service first")), told.stderr
        return "half of an import" in told.stderr
    assert file.read_bytes() == whole or b"Americano" not in file.read_bytes()
    return False


@pytest.mark.skipif(not KILL_AT.exists(), reason="a sanitizer comes first")
def test_an_import_that_is_killed_at_any_step_is_known_for_half_and_goes_on(kept, open_shop, tmp_path):
    _, file = kept
    whole = file.read_bytes()
    half, at = 0, 1
    while True:
        shop = open_shop(services=PAID)
        if run_until_killed(["import", str(file), *place_of(shop)], at, file):
            break
        half += is_half(shop, tmp_path / f"half{at}.jsonl", whole)
        told = run_program("import", str(file), *place_of(shop))
        assert told.returncode == 0 or "keeps something here already" in told.stderr, told.stderr
        again = tmp_path / f"again{at}.jsonl"
        move("export", shop, again)
        assert again.read_bytes() == whole, f"killed at step {at}"
        at += 7
    assert half > 3


def test_a_disk_that_is_full_is_said_and_an_import_goes_on_when_there_is_room(kept, open_shop, tmp_path):
    _, file = kept
    disk = SmallDisk(tmp_path / "disk")
    if not disk.mounted:
        pytest.skip("only root can mount a small disk")
    try:
        shop = open_shop(services=PAID)
        shop.data["order"] = disk.path
        (disk.path / "lost+found").write_bytes(bytes((24 << 20) - (1 << 20)))
        move("import", shop, file, says="full")
        disk.empty(None)
        move("import", shop, file)
        move("export", shop, tmp_path / "again.jsonl")
        assert (tmp_path / "again.jsonl").read_bytes() == file.read_bytes()
    finally:
        disk.close()


def test_an_export_onto_a_full_disk_goes_on_when_there_is_room(kept, tmp_path):
    shop, file = kept
    disk = SmallDisk(tmp_path / "disk")
    if not disk.mounted:
        pytest.skip("only root can mount a small disk")
    try:
        disk.fill(None)
        target = disk.path / "shop.jsonl"
        told = move("export", shop, target, says="No space left on device")
        assert "the same command goes on" in told.stderr
        disk.empty(None)
        move("export", shop, target)
        assert target.read_bytes() == file.read_bytes()
    finally:
        disk.close()


def most_memory(arguments, log):
    """Runs the program to its end; how much memory it has had at most, in MiB. (What wait4() says includes this process's own, before the exec.)"""
    running, most = Process(arguments, log), [0]

    def is_over():
        told = Path(f"/proc/{running.pid}/status").read_text() if running.is_running() else ""
        most.extend(int(line.split()[1]) for line in told.splitlines() if line.startswith("VmHWM:"))
        return not running.is_running()

    eventually(is_over, within=120, what="it has come to its end")
    assert running.stop() == 0, log.read_text()
    return max(most) / 1024


def kill_in_the_middle(arguments, log, is_there):
    running = Process(arguments, log)
    eventually(is_there, within=60, every=0.002, what="it is in the middle")
    assert running.is_running(), log.read_text()
    running.stop(signal.SIGKILL)


def test_a_large_shop_moves_in_little_memory_and_through_kills(open_shop, tmp_path):
    shop, _ = a_shop_with_everything(open_shop)
    shop.stop()
    add_many_orders(shop)
    file, partial = tmp_path / "shop.jsonl", tmp_path / "shop.jsonl.partial"
    kill_in_the_middle(["export", str(file), *place_of(shop)], tmp_path / "export.log", lambda: partial.exists() and partial.stat().st_size > 10 << 20)
    assert not file.exists()
    assert most_memory(["export", str(file), *place_of(shop)], tmp_path / "export.log") < 40 or SANITIZED
    assert "going on behind line" in (tmp_path / "export.log").read_text()
    assert len(lines_of(file)) > 2 * MANY

    other = open_shop(services=PAID)
    filled = other.data["order"] / "order.db"
    kill_in_the_middle(["import", str(file), *place_of(other)], tmp_path / "import.log", lambda: filled.exists() and filled.stat().st_size > 8 << 20)
    assert "half of an import" in run_program("order", *flags(other.settings_of("order"))).stderr
    assert most_memory(["import", str(file), *place_of(other)], tmp_path / "import.log") < 60 or SANITIZED
    assert "going on behind line" in (tmp_path / "import.log").read_text()
    move("export", other, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("what", ["export", "import"])
def test_a_command_line_that_makes_no_sense_is_answered_with_how_it_is_used(what):
    for words in ([what], [what, "--data=x"], [what, ""]):
        told = run_program(*words)
        assert (told.returncode, told.stdout.startswith(f"coffeeshop {what} FILE")) == (2, True)
    assert run_program(what, "--help").returncode == 0
    assert run_program(what, "x", "--no.such=1").returncode == 2
