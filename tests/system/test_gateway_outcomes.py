"""What the gateway says of a change that got no answer: "unknown" when it may have reached the service, "nothing was done" when it can't have."""
import signal
import socket
from contextlib import contextmanager

import pytest

from door import Door, Service, assert_problem
from eventually import eventually
from shop import free_port

ORDER = {"productName": "Americano", "qty": 1}
BROWSER = {"Accept": "text/html,*/*;q=0.8"}
CHANGES = ["POST", "PATCH", "PUT", "DELETE"]
READS = ["GET", "OPTIONS"]


def type_of(answer):
    body = assert_problem(answer, 503)
    assert body["title"] == "Service Unavailable" and answer.headers["retry-after"] == "1"
    return body["type"]


def test_an_order_that_is_made_after_all_was_not_said_to_be_impossible(open_shop):
    shop = open_shop({"gateway.answer_ms": 300}).start("order", "gateway")
    order = shop.running["order"].process
    order.send_signal(signal.SIGSTOP)
    try:
        answer = shop["gateway"].post("/orders", json=ORDER)
    finally:
        order.send_signal(signal.SIGCONT)
    assert type_of(answer) == "outcome-unknown"
    assert "Idempotency-Key" in answer.json()["detail"] and answer.json()["instance"] == "/orders"
    eventually(lambda: shop["order"].get("/orders").json()["page"]["totalElements"] == 1, within=10, what="the order is there")


@pytest.fixture(scope="module")
def hasty_door(tmp_path_factory):
    """Waits for no answer longer than a moment."""
    door = Door(tmp_path_factory.mktemp("hasty"), "--gateway.answer_ms=200")
    try:
        yield door.open()
    finally:
        door.close()


@pytest.mark.parametrize("path", ["/orders/wait", "/orders/hang-up", "/orders/garbage"])
@pytest.mark.parametrize("method", CHANGES)
def test_a_change_that_may_have_reached_the_service_is_unknown(hasty_door, method, path):
    assert type_of(hasty_door.http.request(method, path, json={})) == "outcome-unknown"


@pytest.mark.parametrize("path", ["/orders/wait", "/orders/hang-up", "/orders/garbage"])
@pytest.mark.parametrize("method", READS)
def test_a_read_changes_nothing_and_its_outcome_is_not_in_doubt(hasty_door, method, path):
    assert type_of(hasty_door.http.request(method, path)) == "about:blank"


@pytest.mark.parametrize("method", CHANGES)
def test_a_change_that_no_service_took_was_not_made(open_door, method):
    refused = open_door(f"--gateway.order_url=http://127.0.0.1:{free_port()}")
    assert type_of(refused.http.request(method, "/orders", json={})) == "about:blank"


@contextmanager
def full_service():
    """A port whose queue is full: who wants to connect waits."""
    queue = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        try:
            while len(queue) < 50:
                queue.append(socket.socket())
                queue[-1].settimeout(0.3)
                queue[-1].connect(listener.getsockname())
            raise AssertionError("its queue has no end")
        except TimeoutError:
            yield listener.getsockname()[1]
        finally:
            for each in queue:
                each.close()


def test_a_change_whose_connection_never_came_about_was_not_made(open_door):
    with full_service() as port:
        door = open_door(f"--gateway.order_url=http://127.0.0.1:{port}", "--gateway.connect_ms=100")
        assert type_of(door.http.post("/orders", json={})) == "about:blank"


@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("first", [0, 1])
def test_a_change_that_one_of_two_replicas_may_have_is_unknown(open_door, method, first):
    service = Service()
    urls = [f"http://127.0.0.1:{service.server_port}", f"http://127.0.0.1:{free_port()}"]
    both = open_door(f"--gateway.order_url={urls[first]} {urls[1 - first]}", service=service)
    assert type_of(both.http.request(method, "/orders/hang-up", json={})) == "outcome-unknown"


@pytest.mark.parametrize("language, unknown, break_", [("en", "may or may not have arrived", "A short break"), ("ko", "전해졌는지", "잠시 쉬고")])
def test_a_browser_is_shown_the_page_that_fits(hasty_door, language, unknown, break_):
    browser = {**BROWSER, "Accept-Language": language}
    page = hasty_door.http.post("/orders/hang-up", headers=browser)
    assert page.status_code == 503 and page.headers["content-type"].startswith("text/html") and page.headers["retry-after"] == "1"
    assert unknown in page.text and break_ not in page.text and ">503<" in page.text
    assert break_ in hasty_door.http.get("/orders/hang-up", headers=browser).text


def test_where_the_unknown_is_said_is_no_address_of_its_own(hasty_door):
    for path in ("/.unanswered", "/.problem/outcome-unknown"):
        assert_problem(hasty_door.http.get(path), 404)
