"""The gateway: routes, CORS, links, and its own errors in the shop's shape."""
import json

import pytest

from eventually import eventually
from hostile_paths import KNOWN, NOWHERE
from raw import ask, statuses
from shop import Shop, client


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A shop with its gateway."""
    shop = Shop(tmp_path_factory.mktemp("town"))
    try:
        yield shop.start("order", "product", "stock", "customercenter", "gateway")
    finally:
        shop.close()


@pytest.mark.parametrize("path, member", [("/orders", "orders"), ("/products", "products"), ("/stocks", "stocks"), ("/mypages", "mypages"),
                                          ("/menu", "menu")])
def test_every_collection_is_behind_the_gateway(town, path, member):
    answer = town["gateway"].get(path)
    assert answer.status_code == 200
    assert isinstance(answer.json()["_embedded"][member], list)


def test_an_order_is_placed_and_canceled_through_the_gateway(open_shop):
    shop = open_shop({"product.start_after_ms": 3_600_000}).start("order", "product", "stock", "customercenter", "gateway")
    placed = shop["gateway"].post("/orders", json={"productName": "Americano", "qty": 1})
    assert placed.status_code == 201
    answer = shop["gateway"].patch(f"/orders/{placed.json()['id']}", json={"status": "Canceled"})
    assert (answer.status_code, answer.json()["status"]) == (200, "Canceled")


def test_links_and_location_follow_the_gateway(town):
    placed = town["gateway"].post("/orders", json={"productName": "Americano", "qty": 1})
    mine = f"{town.url('gateway')}/orders/{placed.json()['id']}"
    assert placed.headers["location"] == mine
    assert placed.json()["_links"]["self"]["href"] == mine
    assert town["gateway"].post("/orders", json={"productName": "Americano", "qty": 1}).status_code == 201
    page = town["gateway"].get("/orders", params={"size": 1}).json()
    assert {"self", "first", "next", "last"} <= page["_links"].keys()
    for link in page["_links"].values():
        assert link["href"].startswith(town.url("gateway") + "/orders")


def test_links_follow_the_host_that_the_client_used(town):
    answer = town["gateway"].get("/orders", headers={"Host": "till.localhost:81"})
    assert answer.json()["_links"]["self"]["href"].startswith("http://till.localhost:81/orders")


def test_a_client_can_not_forge_where_links_lead(town):
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "444", "Forwarded": "host=evil.example"}
    answer = town["gateway"].get("/orders", headers=forged)
    assert "evil.example" not in answer.text


@pytest.mark.parametrize("path", ["/events", "/metrics", "/nope", "/order", "/ordersX", "/actuator/env"])
def test_what_is_internal_is_not_there(town, path):
    answer = town["gateway"].get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == 404


@pytest.mark.parametrize("service, method, path", [
    ("order", "GET", "/events"), ("order", "GET", "/metrics"), ("order", "GET", "/dead-letters"), ("order", "POST", "/dead-letters/replay"),
    ("customercenter", "PUT", "/view/swap"), ("product", "PUT", "/products/search/cancelByOrderId?orderId=999")])
def test_a_service_keeps_inner_things_from_who_came_through_the_gateway(town, service, method, path):
    unknown = town[service].request(method, "/nowhere", headers={"X-Gateway": "1"})
    told = town[service].request(method, path, headers={"X-Gateway": "1"}, json={} if method == "POST" else None)
    assert told.status_code == unknown.status_code == 404
    assert {**told.json(), "instance": "/nowhere"} == unknown.json()


def test_what_goes_through_the_gateway_is_marked_and_only_the_figures_are_not(town):
    """The figures' upstream path is fixed, and who may read them is the gateway's to say."""
    figures = town["gateway"].get("/ops/order/metrics", headers={"X-Gateway": "1"})
    assert figures.status_code == 200 and "coffeeshop_http_requests_total" in figures.text
    assert town["gateway"].get("/health/order", headers={"X-Gateway": ""}).status_code == 200
    canceled = town["gateway"].put("/products/search/cancelByOrderId", params={"orderId": 999})
    assert canceled.status_code == 404


def test_the_view_is_streamed_through_the_gateway(town):
    order = town.order()
    town.wait_order(order["id"], "Completed")
    with town["gateway"].stream("GET", "/mypages/stream", headers={"Last-Event-ID": "0"}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        # Not buffered: the first lines come although the stream never ends.
        assert next(answer.iter_lines()) is not None


ORDER = {"productName": "Americano", "qty": 1}
FOREIGN = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


def test_a_foreign_page_changes_nothing(town):
    """Neither with a preflight, which nobody allows, nor with what a browser sends without one."""
    before = town["order"].get("/orders").json()["page"]["totalElements"]
    preflight = town["gateway"].options("/orders", headers={**FOREIGN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
    assert not [name for name in preflight.headers if name.startswith("access-control-")]
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json"}):
        answer = town["gateway"].post("/orders", content=json.dumps(ORDER), headers={**FOREIGN, **headers})
        assert 400 <= answer.status_code < 500, headers
        assert "access-control-allow-origin" not in answer.headers
    assert town["order"].get("/orders").json()["page"]["totalElements"] == before


def test_the_shops_own_page_changes_what_it_wants(town):
    for mine in ({"Origin": town.url("gateway")}, {"Origin": town.url("gateway"), "Sec-Fetch-Site": "same-origin"}, {}):
        assert town["gateway"].post("/orders", json=ORDER, headers=mine).status_code == 201


def test_a_page_of_a_listed_origin_may_order_and_read_the_answer(open_shop):
    shop = open_shop({"gateway.cors_origins": "https://a.example"}).start("order", "gateway")
    theirs = {"Origin": "https://a.example", "Sec-Fetch-Site": "cross-site"}
    preflight = shop["gateway"].options("/orders", headers={**theirs, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,idempotency-key"})
    assert preflight.headers["access-control-allow-origin"] == "https://a.example"
    assert "idempotency-key" in preflight.headers["access-control-allow-headers"]
    placed, nothing = shop["gateway"].post("/orders", json=ORDER, headers=theirs), shop["gateway"].get("/orders/999999999", headers=theirs)
    assert (placed.status_code, nothing.status_code) == (201, 404)
    for answer in (placed, nothing):
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        assert "location" in answer.headers["access-control-expose-headers"].lower()


@pytest.mark.parametrize("method, target", [*KNOWN, *NOWHERE])
def test_no_trick_finds_what_is_inner(town, method, target):
    request = f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert statuses(ask(town.ports["gateway"], request.encode("latin-1"))) in ([400], [404])


def test_a_stranger_does_not_cancel_an_order_that_is_still_to_come(town):
    last = town.order()["id"]
    assert town["gateway"].put("/products/search/cancelByOrderId", params={"orderId": last + 1}).status_code == 404
    assert town.order()["id"] == last + 1
    town.wait_order(last + 1, "Completed")


@pytest.mark.parametrize("n", [1_700, 2_500, 8_000])
@pytest.mark.parametrize("path", ["/orders", "/products", "/stocks", "/mypages", "/menu", "/"])
def test_large_cookies_hinder_nobody(town, path, n):
    assert town["gateway"].get(path, headers={"Cookie": "a=" + "b" * n}).status_code == 200


def test_a_long_request_line_is_taken(town):
    line = "GET /orders?unknown=" + "x" * (8000 - len("GET /orders?unknown= HTTP/1.1")) + " HTTP/1.1"
    assert len(line) == 8000
    assert statuses(ask(town.ports["gateway"], f"{line}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())) == [200]


@pytest.mark.parametrize("large", ["Accept", "Last-Event-ID", "Idempotency-Key", "X-Correlation-ID", "If-Match"])
@pytest.mark.parametrize("path", [10, 4000, 7900])
def test_a_head_for_which_a_service_has_no_room_is_a_problem_document(town, large, path):
    """Of any size that the gateway takes: what a service's library would say is no problem document."""
    target = "/orders?a=" + "b" * (path - 10)
    for n in [*range(100, 8100, 100), *range(8390 - path, 8410 - path)]:
        if not 0 <= n < 8100:
            continue
        request = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{large}: {'c' * n}\r\n\r\n"
        told = ask(town.ports["gateway"], request.encode())
        assert len(statuses(told)) == 1, n
        assert statuses(told) == [200] or b"application/problem+json" in told.partition(b"\r\n\r\n")[0], (n, told[:200])


def test_errors_of_a_service_come_through_as_they_are(town):
    answer = town["gateway"].post("/orders", json={"productName": "Americano", "qty": 0})
    assert answer.status_code == 422
    assert answer.json()["member"] == "qty"


def test_a_body_that_is_too_long_is_a_problem_document_at_the_gateway(town):
    answer = town["gateway"].post("/orders", content=b"x" * 2_000_000, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("away, path", [("order", "/orders"), ("product", "/products"), ("stock", "/stocks"), ("customercenter", "/mypages")])
def test_a_service_that_is_away_is_a_problem_with_retry_after(open_shop, away, path):
    shop = open_shop(services=()).start()
    shop.start("gateway")
    answer = shop["gateway"].get(path)
    assert answer.status_code == 503, f"{away}: {answer.text}"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == 503


def test_a_service_that_comes_back_is_found_again(open_shop):
    shop = open_shop().start("order", "gateway")
    assert shop["gateway"].get("/orders").status_code == 200
    shop.kill("order")
    assert shop["gateway"].get("/orders").status_code == 503
    shop.start("order")
    eventually(lambda: shop["gateway"].get("/orders").status_code == 200, within=15)


def test_the_gateway_ends_with_its_process(open_shop):
    shop = open_shop().start("gateway")
    port = shop.url("gateway")
    assert shop.stop("gateway") == {"gateway": 0}
    with client(port) as http:
        eventually(lambda: not answers(http), within=5)


def answers(http):
    try:
        return http.get("/orders").status_code > 0
    except Exception as error:
        assert "Connect" in type(error).__name__, error
        return False
