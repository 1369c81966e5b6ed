"""The gateway: routes, CORS, links, and its own errors in the shop's shape."""
import pytest

from eventually import eventually
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
    page = town["gateway"].get("/orders", params={"size": 1}).json()
    for link in page["_links"].values():
        assert link["href"].startswith(town.url("gateway") + "/orders")


def test_links_follow_the_host_that_the_client_used(town):
    answer = town["gateway"].get("/orders", headers={"Host": "shop.example"})
    assert answer.json()["_links"]["self"]["href"].startswith("http://shop.example/orders")


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


def test_a_page_of_another_origin_may_ask(town):
    preflight = town["gateway"].options("/orders", headers={"Origin": "http://a.example", "Access-Control-Request-Method": "PATCH",
                                                            "Access-Control-Request-Headers": "content-type,idempotency-key"})
    assert preflight.status_code in (200, 204)
    assert preflight.headers["access-control-allow-origin"] in ("*", "http://a.example")
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    told = preflight.headers["access-control-allow-headers"].lower()
    assert told == "*" or ("content-type" in told and "idempotency-key" in told)


def test_answers_to_another_origin_can_be_read(town):
    for answer in (town["gateway"].get("/orders", headers={"Origin": "http://a.example"}),
                   town["gateway"].get("/orders/999999999", headers={"Origin": "http://a.example"})):
        assert answer.headers["access-control-allow-origin"] in ("*", "http://a.example")
        assert "location" in answer.headers.get("access-control-expose-headers", "").lower()


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
