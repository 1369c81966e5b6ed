"""The commands of the original README, by the real httpie and siege, exactly as printed: only host and port are this machine's."""
import json
import os
import pty
import re
import subprocess

import pytest

from eventually import eventually
from shop import PATIENT, QUICK

PRINTED = {
    "place": 'http POST localhost:8081/orders productName="Americano" qty=1',
    "place an item": 'http http://localhost:8081/orders item="Americano" qty=1',
    "show": "http GET http://localhost:8081/orders/1",
    "cancel 1": 'http PATCH http://localhost:8081/orders/1 status="Canceled"',
    "cancel 2": 'http PATCH http://localhost:8081/orders/2 status="Canceled"',
    "place at the gateway": 'http POST http://10.0.232.104:8080/orders productName="Americano" qty=1',
    "tea at the gateway": 'http POST http://10.0.101.221:8080/orders productName="Tea" qty=3',
    "siege": """siege -c10 -t60S -r10 -v --content-type "application/json" """
             """'http://10.0.209.210:8080/products POST {"orderId":1, "status":"Requested", "productName":"Ame", "qty":1}'""",
}


def command(shop, name, service):
    """The printed command, sent to a service of this shop."""
    return re.sub(r"(?:localhost|10\.[\d.]+):\d+", f"localhost:{shop.ports[service]}", PRINTED[name])


def in_terminal(line, tmp_path, timeout=60):
    """Runs a command line as a person does, at a terminal: httpie would read a body from anything else."""
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    terminal, other_end = pty.openpty()
    try:
        done = subprocess.run(line, shell=True, stdin=other_end, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
                              env={**environment, "HOME": str(tmp_path), "HTTPIE_CONFIG_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"})
    finally:
        os.close(terminal)
        os.close(other_end)
    return done


def http(shop, name, tmp_path, service="order"):
    """The status and the JSON of the answer to a printed httpie command."""
    line = command(shop, name, service).replace("http ", "http --print=hb ", 1)
    told = in_terminal(line, tmp_path)
    head, _, body = told.stdout.partition("\n\n")
    assert re.match(r"HTTP/1\.1 \d+", head), told.stdout + told.stderr
    return int(head.split()[1]), json.loads(body)


def test_an_order_is_placed_as_printed(shop, tmp_path):
    status, order = http(shop, "place", tmp_path)
    assert (status, order["productName"], order["qty"], order["status"]) == (201, "Americano", 1, "Requested")


def test_the_bare_command_shows_the_order(shop, tmp_path):
    """Not a letter changed but the port: what a person sees is the answer's body."""
    told = in_terminal(command(shop, "place", "order"), tmp_path)
    assert told.returncode == 0, told.stderr
    assert '"status":"Requested"' in told.stdout.replace(" ", "")


def test_a_cancel_fails_while_the_kitchen_is_down_and_succeeds_when_it_is_back(open_shop, tmp_path):
    shop = open_shop(PATIENT).start()
    shop.order(), shop.order()
    shop.kill("product")
    status, _ = http(shop, "cancel 1", tmp_path)
    assert status == 503
    shop.start("product")

    def canceled():
        status, order = http(shop, "cancel 2", tmp_path)
        return status == 200 and order["status"] == "Canceled"

    eventually(canceled, within=20)
    assert shop.get_order(1)["status"] == "Requested"


def test_an_order_waits_for_the_kitchen_and_is_completed_when_it_is_back(open_shop, tmp_path):
    shop = open_shop(QUICK).start()
    shop.kill("product")
    status, _ = http(shop, "place an item", tmp_path)
    assert status == 201
    status, order = http(shop, "show", tmp_path)
    assert (status, order["status"]) == (200, "Requested")
    shop.start("product")
    eventually(lambda: http(shop, "show", tmp_path)[1]["status"] == "Completed")


@pytest.mark.parametrize("name, item, qty", [("place at the gateway", "Americano", 1), ("tea at the gateway", "Tea", 3)])
def test_orders_are_placed_at_the_gateway_as_printed(open_shop, tmp_path, name, item, qty):
    shop = open_shop().start("order", "gateway")
    status, order = http(shop, name, tmp_path, "gateway")
    assert (status, order["productName"], order["qty"]) == (201, item, qty)


def test_siege_finds_the_counter_available(open_shop, tmp_path):
    """The printed run, for 4 seconds instead of 60."""
    shop = open_shop().start("product", "stock", "order")
    line = command(shop, "siege", "product").replace("-t60S", "-t4S")
    told = in_terminal(line, tmp_path)
    text = told.stdout + told.stderr
    availability = re.search(r'"?[Aa]vailability"?:\s+([\d.]+)', text)
    assert availability and float(availability.group(1)) == 100.0, text[-1500:]
    tickets = shop.all("products")
    made = [ticket for ticket in tickets if ticket["status"] in ("Producing", "Completed")]
    assert len(made) == 100, "the shelf's hundred, exactly"
    assert shop.on_hand() == 0
    assert len(tickets) >= int(re.search(r'"?(?:Successful_t|successful_t|Successful t)ransactions"?:\s+(\d+)', text).group(1))
