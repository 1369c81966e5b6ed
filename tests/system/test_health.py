"""Health and metrics of every service, and how it begins and ends."""
import os
import re
import signal
import threading

import httpx
import pytest

from door import assert_problem
from eventually import eventually
from shop import ROOT, SERVICES, client, run_program


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_works_is_up(shop, service):
    answer = shop[service].get("/actuator/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "UP")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_works_is_alive_and_ready(shop, service, path):
    assert shop[service].get(path).status_code == 200


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_are_prometheus_text(shop, service):
    shop[service].get("/readyz")
    answer = shop[service].get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    samples = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    assert samples
    for line in samples:
        assert re.fullmatch(r'[a-zA-Z_:][\w:]*(\{[^{}]*\})? (-?[\d.]+(e[+-]?\d+)?|[+-]Inf|NaN)', line), line


@pytest.mark.parametrize("service", SERVICES)
def test_help_names_every_setting_with_its_default(service):
    told = run_program(service, "--help")
    assert told.returncode == 0
    assert f"{service}.listen" in told.stdout and "127.0.0.1:808" in told.stdout


def test_the_program_without_a_command_says_what_there_is():
    told = run_program()
    assert told.returncode != 0
    for name in (*SERVICES, "gateway", "up"):
        assert name in told.stdout + told.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_sigterm_ends_a_service_with_status_0(open_shop, service):
    shop = open_shop().start(service)
    assert shop.stop(service) == {service: 0}


def test_sigint_ends_a_service_too(open_shop):
    shop = open_shop().start("order")
    assert shop.stop("order", how=signal.SIGINT) == {"order": 0}


def test_sigterm_loses_no_request(open_shop):
    """Customers order on connections of their own while the service is told to stop: each hears 201, or was never let in."""
    shop = open_shop({"drain_ms": 500}).start("order")
    acknowledged, broken, lock = [], [], threading.Lock()
    enough = threading.Event()

    def customer():
        with client(shop.url("order"), timeout=10.0) as http:
            while True:
                try:
                    answer = http.post("/orders", json={"productName": "Tea", "qty": 1})
                except httpx.ConnectError:
                    return  # not let in any more
                except httpx.TransportError as error:
                    with lock:
                        broken.append(error)
                    return
                with lock:
                    if answer.status_code == 201:
                        acknowledged.append(answer.json()["id"])
                    elif answer.status_code != 503:
                        broken.append(answer.text)
                    if len(acknowledged) > 200:
                        enough.set()
                if answer.status_code == 503:
                    return

    customers = [threading.Thread(target=customer) for _ in range(8)]
    for each in customers:
        each.start()
    assert enough.wait(20)
    assert shop.stop("order") == {"order": 0}
    for each in customers:
        each.join()
    assert broken == []
    shop.start("order")
    assert set(acknowledged) <= {order["id"] for order in shop.all("orders")}


def test_a_service_that_is_told_to_stop_is_not_ready_first(open_shop):
    shop = open_shop({"drain_ms": 3000}).start("order")
    with client(shop.url("order")) as http:
        os.kill(shop.running["order"].pid, signal.SIGTERM)
        eventually(lambda: http.get("/readyz").status_code == 503, within=2)
        assert http.post("/orders", json={"productName": "Tea", "qty": 1}).status_code == 201
    assert shop.stop("order") == {"order": 0}


def test_two_sigterms_are_no_harm(open_shop):
    shop = open_shop().start("order")
    os.kill(shop.running["order"].pid, signal.SIGTERM)
    assert shop.stop("order") == {"order": 0}


def test_the_version_is_told():
    told = run_program("version")
    assert told.returncode == 0
    assert (ROOT / "VERSION").read_text().strip() in told.stdout


def test_a_service_that_hangs_is_said_not_to_answer_after_a_moment(open_shop):
    """The gateway's own patience for answers is longer than this test's."""
    shop = open_shop({"gateway.health_ms": 100, "gateway.answer_ms": 3_600_000}).start("product", "order", "gateway")
    kitchen = shop.running["product"].process
    kitchen.send_signal(signal.SIGSTOP)
    try:
        for path in ("/health/product", "/ops/product/metrics"):
            assert_problem(shop["gateway"].get(path), 503)
            assert shop["gateway"].get(path.replace("product", "order")).status_code == 200
    finally:
        kitchen.send_signal(signal.SIGCONT)
    eventually(lambda: shop["gateway"].get("/health/product").status_code == 200, what="it is well as soon as it answers")
