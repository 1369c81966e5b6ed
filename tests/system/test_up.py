"""`coffeeshop up` as it is started in the world: from a login that is gone, a cron job, a container, beside another shop."""
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from eventually import eventually
from shop import PROGRAM, SERVICES, Process, flags, free_port

ALL = (*SERVICES, "gateway")


def listens(shop):
    """Where everything listens, and nothing else: how the services find each other is up to the program."""
    return {"data": shop.directory / "data", **{f"{name}.listen": f"127.0.0.1:{port}" for name, port in shop.ports.items()}}


def children_of(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def start(shop, settings, **options):
    up = Process(["up", *flags(settings)], shop.directory / "up.log", **options)
    shop.running["up"] = up
    return up


def wait_open(shop, up, within=30):
    def is_open():
        assert up.is_running(), up.output()[-2000:]
        return all(is_ready(shop, name) for name in ALL)

    eventually(is_open, within=within, what="every service is ready")


def is_ready(shop, name):
    try:
        return shop[name].get("/readyz").status_code == 200
    except OSError:
        return False


def test_services_that_were_moved_are_found_by_the_others(open_shop):
    shop = open_shop()
    up = start(shop, {**listens(shop), "product.start_after_ms": 0, "product.brew_ms": 0})
    wait_open(shop, up)
    placed = shop["gateway"].post("/orders", json={"productName": "Americano", "qty": 1})
    assert placed.status_code == 201
    assert shop.wait_order(placed.json()["id"], "Completed")
    assert shop.page_of(placed.json()["id"])


def test_an_address_that_was_given_beats_one_that_follows(open_shop, tmp_path):
    config = tmp_path / "shop.conf"
    config.write_text("stock.listen = 127.0.0.1:9083\norder.listen = 0.0.0.0:9081\nproduct.order_url = http://elsewhere:80\n")
    told = subprocess.run([str(PROGRAM), "settings", f"--config={config}"], capture_output=True, text=True, timeout=30, check=True)
    values = dict(line.split(" = ", 1) for line in told.stdout.splitlines() if " = " in line)
    assert values["product.stock_url"] == values["customercenter.stock_url"] == "http://127.0.0.1:9083"
    assert values["product.order_url"] == "http://elsewhere:80"
    assert values["gateway.order_url"] == "http://127.0.0.1:9081", "who listens everywhere is asked at loopback"
    assert values["order.product_url"] == "http://127.0.0.1:8082"


def test_one_service_alone_reads_the_shops_file_as_the_whole_shop_does(open_shop):
    shop = open_shop()
    config = shop.directory / "shop.conf"
    config.write_text("".join(f"{name} = {value}\n" for name, value in listens(shop).items() if name != "data"))
    settings = {"data": shop.directory / "data", "config": config}
    for name in ("order", "product", "stock"):
        shop.running[name] = Process([name, *flags(settings), *(flags({"product.start_after_ms": 0, "product.brew_ms": 0}) if name == "product" else ())],
                                     shop.directory / f"{name}.log")
    for name in ("order", "product", "stock"):
        shop.wait_ready(name)
    assert shop.wait_order(shop.order()["id"], "Completed")


def test_a_shop_is_not_called_open_when_another_one_answers_at_its_addresses(open_shop):
    shop, other = open_shop(), open_shop()
    wait_open(shop, start(shop, shop.settings_of_all()))
    other.ports = shop.ports
    up = start(other, other.settings_of_all())
    assert up.process.wait(60) == 1
    assert "can't start" in up.output()
    assert "is open" not in up.output()
    other.running.clear()
    assert is_ready(shop, "order")


@pytest.mark.parametrize("name", SERVICES)
def test_a_port_in_use_is_found_before_anything_is_begun(open_shop, name):
    """Else the others would follow the feed of whoever answers there, and keep what it said."""
    shop = open_shop()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", shop.ports[name]))
        taken.listen()
        up = start(shop, shop.settings_of_all())
        assert up.process.wait(60) == 1
    assert f"{name} can't start: can't listen on 127.0.0.1:{shop.ports[name]}" in up.output()
    assert {path.name for path in (shop.directory / "data").iterdir()} == {"coffeeshop.format", "shop.lock"}
    shop.running.clear()


def test_closed_standard_streams_harm_nothing(open_shop):
    shop = open_shop()
    up = start(shop, {**shop.settings_of_all(), "log.level": "debug"}, before='exec "$@" <&- >&- 2>&-')
    wait_open(shop, up)
    for pid in (up.pid, *children_of(up.pid)):
        assert [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)] == ["/dev/null"] * 3, "else a data file or a socket is taken for the log"
    assert shop.wait_order(shop.order()["id"], "Completed")


def test_a_log_that_nobody_reads_any_more_is_no_reason_to_stop(open_shop):
    shop = open_shop()
    reader, writer = os.pipe()
    up = start(shop, shop.settings_of_all(), output=writer)
    os.close(writer)
    os.close(reader)
    wait_open(shop, up)
    pid = children_of(up.pid)[0]
    os.kill(pid, signal.SIGKILL)  # whose end is logged
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), what="the supervisor has noticed")
    wait_open(shop, up)
    assert shop.wait_order(shop.order()["id"], "Completed")


def test_a_log_whose_reader_stands_still_holds_nobody_up(open_shop):
    shop = open_shop().start("stock")
    shop.stop("stock")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    while True:  # until the pipe is full
        try:
            os.write(writer, b"." * 4096)
        except BlockingIOError:
            break
    os.set_blocking(writer, True)
    shop.settings["log.level"] = "debug"
    shop.start("stock", output=writer)
    os.close(writer)
    shop.wait_ready("stock")
    assert shop["stock"].post("/stocks/reduce", json={"productName": "Tea", "qty": 1}).json() is True
    assert shop.stop("stock") == {"stock": 0}
    os.close(reader)


def test_a_strict_umask_shuts_nobody_out_of_the_pages(open_shop):
    shop = open_shop()
    up = start(shop, shop.settings_of_all(), umask=0o077)
    wait_open(shop, up)
    page = shop["gateway"].get("/", headers={"Accept": "text/html"})
    assert page.status_code == 200 and "<html" in page.text
    assert shop["gateway"].post("/orders", json={"productName": "Tea", "qty": 1}).status_code == 201


def test_variables_that_kubernetes_sets_for_a_service_are_no_settings(open_shop):
    shop = open_shop()
    links = {"COFFEESHOP_PORT": "tcp://10.0.0.1:80", "COFFEESHOP_SERVICE_HOST": "10.0.0.1", "COFFEESHOP_SERVICE_PORT": "80",
             "COFFEESHOP_SERVICE_PORT_HTTP": "80", "COFFEESHOP_PORT_80_TCP": "tcp://10.0.0.1:80", "COFFEESHOP_PORT_80_TCP_PROTO": "tcp",
             "COFFEESHOP_PORT_80_TCP_PORT": "80", "COFFEESHOP_PORT_80_TCP_ADDR": "10.0.0.1", "COFFEESHOP_ORDER_SERVICE_HOST": "10.0.0.2",
             "COFFEESHOP_ORDER_PORT": "tcp://10.0.0.2:8080"}
    shop.start("order", env={**os.environ, **links})
    assert shop.order()["id"] == 1


def test_a_mistyped_variable_is_still_named(open_shop):
    told = subprocess.run([str(PROGRAM), "order", *flags(open_shop().settings_of("order"))], capture_output=True, text=True, timeout=30,
                          env={**os.environ, "COFFEESHOP_PRODUCT_BREWMS": "0"})
    assert told.returncode == 2
    assert "COFFEESHOP_PRODUCT_BREWMS" in told.stderr


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="only root makes a network of its own, with Debian's iproute2")
def test_a_shop_that_listens_everywhere_names_the_address_that_a_phone_can_use(open_shop):
    """In a network namespace, where 'everywhere' is nowhere but here."""
    shop = open_shop()
    port = free_port()
    settings = {**listens(shop), "gateway.listen": f"0.0.0.0:{port}"}
    network = "ip link set lo up && ip link add phones type veth peer name table && ip address add 192.0.2.7/24 dev phones && ip link set phones up"
    up = start(shop, settings, before=f"exec unshare --net /bin/sh -c '{network} && exec \"$@\"' sh \"$@\"")
    eventually(lambda: "is open" in up.output() or not up.is_running(), within=30, what="it says that it is open")
    assert f"http://192.0.2.7:{port}/" in up.output()
    assert f"is open: http://127.0.0.1:{port}/" in up.output()
