"""A service that can't start says why in one sentence, ends with a status that isn't 0, and touches nothing."""
import hashlib
import os
import shutil
import socket
import sqlite3

import pytest

from checksums import changed
from shop import SERVICES, flags, run_program

SQL_SERVICES = ("order", "product", "customercenter")


def checksums(directory):
    """Of everything but locks, which say who looked last."""
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(directory.rglob("*")) if path.is_file() and "lock" not in path.name}


def refused(shop, name, *says, extra=(), status=1):
    """Asserts that the service doesn't start, and says these words about it. Status 2: a setting made no sense."""
    told = run_program(name, *flags(shop.settings_of(name)), *extra)
    assert told.returncode == status, f"status {told.returncode}: {told.stderr}"
    sentences = [line for line in told.stderr.splitlines() if line.startswith("coffeeshop")] or told.stderr.splitlines()
    assert sentences, "it says nothing"
    for words in says:
        assert str(words) in sentences[-1], told.stderr
    return sentences[-1]


def kept_file(shop, name):
    """The file that holds a service's data: the largest that bears its name and is no lock."""
    found = [path for path in shop.data[name].rglob(f"*{name}*") if path.is_file() and "lock" not in path.name]
    return max(found, key=lambda path: path.stat().st_size)


def with_data(open_shop, name):
    """A shop in which the service ran once and ended."""
    shop = open_shop().start(name)
    shop.stop(name)
    return shop


@pytest.mark.parametrize("name", SERVICES)
def test_a_directory_of_something_else_is_left_alone(open_shop, name):
    shop = open_shop()
    thesis = shop.data[name] / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("All my work.")
    refused(shop, name, shop.data[name])
    assert [path.name for path in shop.data[name].iterdir()] == ["thesis.txt"]
    assert thesis.read_text() == "All my work."


@pytest.mark.parametrize("name", SERVICES)
def test_a_corrupt_file_is_left_as_it_is(open_shop, name):
    shop = with_data(open_shop, name)
    path = kept_file(shop, name)
    path.write_bytes(b"This is not what you think it is. " * 4000)
    before = path.read_bytes()
    refused(shop, name, path.name)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", SQL_SERVICES)
def test_a_database_of_another_program_is_left_as_it_is(open_shop, name):
    shop = with_data(open_shop, name)
    path = kept_file(shop, name)
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    before = path.read_bytes()
    refused(shop, name, path.name)
    assert path.read_bytes() == before


def test_a_database_of_another_service_is_left_as_it_is(open_shop):
    shop = with_data(open_shop, "order")
    shop.start("product")
    shop.stop("product")
    shutil.copy(kept_file(shop, "order"), kept_file(shop, "product"))
    path = kept_file(shop, "product")
    before = path.read_bytes()
    refused(shop, "product", path.name)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", SQL_SERVICES)
def test_a_database_of_a_newer_version_is_left_as_it_is(open_shop, name):
    shop = with_data(open_shop, name)
    path = kept_file(shop, name)
    with changed(path) as newer:
        newer.execute("PRAGMA user_version = 9999")
    before = path.read_bytes()
    refused(shop, name, path.name, "newer")
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", SERVICES)
def test_a_shop_of_several_cells_is_refused_without_kafka(open_shop, name):
    shop = open_shop()
    refused(shop, name, "shop.cells is 16", "leave it at 1", extra=("--shop.cells=16",))
    assert not list(shop.data[name].glob(f"*{name}*"))


@pytest.mark.parametrize("name", SQL_SERVICES)
def test_a_database_made_with_another_number_of_cells_is_left_as_it_is(open_shop, name):
    shop = with_data(open_shop, name)
    path = kept_file(shop, name)
    with changed(path) as other:
        other.execute("UPDATE meta SET value = '16' WHERE name = 'cells'")
    before = path.read_bytes()
    refused(shop, name, path.name, "was made with shop.cells=16, and it is 1 now: set it to 16")
    assert path.read_bytes() == before


def test_a_directory_of_a_newer_version_is_left_as_it_is(open_shop):
    shop = with_data(open_shop, "order")
    (shop.data["order"] / "coffeeshop.format").write_text("999\n")
    before = checksums(shop.data["order"])
    refused(shop, "order", "newer")
    assert checksums(shop.data["order"]) == before


@pytest.mark.parametrize("name", (*SERVICES, "gateway"))
def test_a_port_in_use_is_named(open_shop, name):
    shop = open_shop()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", shop.ports[name]))
        taken.listen()
        refused(shop, name, shop.ports[name])


@pytest.mark.parametrize("name", SERVICES)
def test_data_in_use_is_not_opened_twice(open_shop, name):
    shop, other = open_shop().start(name), open_shop()
    other.data[name] = shop.data[name]
    refused(other, name, "use")
    assert shop[name].get("/readyz").status_code == 200


def test_a_directory_that_can_not_be_made_is_named(open_shop):
    shop = open_shop()
    (shop.directory / "file").write_text("")
    shop.data["order"] = shop.directory / "file" / "data"
    refused(shop, "order", shop.data["order"])


@pytest.mark.parametrize("setting, says", [
    ("--order.brew=1", "order.brew"), ("--nonsense", "nonsense"), ("--http.request_ms=0", "http.request_ms"), ("--http.request_ms=soon", "http.request_ms"),
    ("--http.max_body=99999999999999999999", "http.max_body"), ("--order.listen=nowhere", "order.listen"), ("--order.product_url=ftp://x", "order.product_url"),
    ("--log.level=loud", "log.level"), ("--config=/no/such/file", "/no/such/file"), ("extra", "extra"),
    ("--store.sql=nonsense", "store.sql: the address of PostgreSQL can't be read"), ("--store.sql=postgresql:///shop?nosuch=1", "nosuch"),
])
def test_a_setting_that_makes_no_sense_is_named(open_shop, setting, says):
    shop = open_shop()
    refused(shop, "order", says, extra=[setting], status=2)
    assert not shop.data["order"].exists()


def test_the_view_is_not_told_to_be_made_anew_where_that_is_no_help(open_shop):
    away = refused(open_shop({"store.sql": "host=127.0.0.1 port=1 user=shop", "start.wait_ms": 0}), "customercenter", "can't be reached")
    assert "made anew" not in away
    shop = open_shop()
    shop.start("customercenter")
    shop.stop("customercenter")
    (shop.data["customercenter"] / "customercenter.db").write_bytes(b"nothing that was written" * 1000)
    for more in ("-wal", "-shm"):
        (shop.data["customercenter"] / f"customercenter.db{more}").unlink(missing_ok=True)
    refused(shop, "customercenter", "the view itself can be made anew by `coffeeshop view rebuild`")


def test_flag_beats_environment_beats_file(open_shop, tmp_path):
    config = tmp_path / "shop.conf"
    config.write_text("# the shop\nhttp.idle_ms = 11000\nlog.level = warning\nquery_ms = 1111\n")
    told = run_program("settings", "order", f"--config={config}", "--http.idle_ms=13000",
                       env={**os.environ, "COFFEESHOP_HTTP_IDLE_MS": "12000", "COFFEESHOP_LOG_LEVEL": "error"})
    assert told.returncode == 0, told.stderr
    values = dict(line.split(" = ", 1) for line in told.stdout.splitlines() if " = " in line)
    assert (values["http.idle_ms"], values["log.level"], values["query_ms"]) == ("13000", "error", "1111")


def test_a_menu_that_can_not_be_read_is_named(open_shop, tmp_path):
    menu = tmp_path / "menu.json"
    menu.write_text("{")
    refused(open_shop({"menu": menu}), "order", menu)


def test_an_unknown_command_is_named():
    told = run_program("brew")
    assert told.returncode == 2
    assert "brew" in told.stderr


@pytest.mark.parametrize("methods, says", [("x" * 33 + " card", "more than 32 characters"), ("  ", "names no way to pay")])
def test_ways_to_pay_that_payment_would_not_take_are_refused_at_start(open_shop, methods, says):
    shop = open_shop({"order.payment_methods": methods})
    refused(shop, "order", "order.payment_methods", says)
    assert not (shop.data["order"] / "order.db").exists()


@pytest.mark.parametrize("zone", ["Asia", "zone.tab", "tzdata.zi", "Mars/Olympus", "../zoneinfo/UTC"])
def test_what_is_no_timezone_is_refused(open_shop, zone):
    refused(open_shop({"timezone": zone}), "payment", f"timezone {zone} isn't known")


@pytest.mark.parametrize("name, setting", [("order", "menu"), ("payment", "payment.provider_secret_file"), ("payment", "payment.provider_ca_file")])
def test_a_pipe_in_place_of_a_file_is_refused_not_waited_for(open_shop, tmp_path, name, setting):
    pipe, secret = tmp_path / "pipe", tmp_path / "secret"
    os.mkfifo(pipe)
    secret.write_text("x" * 32)
    secret.chmod(0o600)
    provided = {"payment.provider": "http", "payment.provider_url": "http://127.0.0.1:1", "payment.provider_secret_file": secret}
    refused(open_shop({**provided, setting: pipe}), name, pipe, "it is no file")
