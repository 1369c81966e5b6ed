"""Reservations: an id is its caller's own; nobody but the kitchen takes or gives back what is an order's."""
import pytest

from eventually import eventually

KITCHEN = {"X-Caller": "product"}


@pytest.fixture
def street(open_shop):
    """A shop with its gateway."""
    return open_shop().start("order", "product", "stock", "customercenter", "gateway")


def ways(shop):
    """How a stranger may ask: through the gateway, also as somebody else, and at the service's own port."""
    return [(shop["gateway"], {}), (shop["gateway"], KITCHEN), (shop["stock"], {}), (shop["stock"], {"X-Caller": "order"})]


def attempts(order):
    return [f"o{order}.{attempt}" for attempt in range(1, 4)]


def test_a_stranger_can_not_release_what_is_not_ordered_yet(street):
    for each, headers in ways(street):
        for reservation in attempts(1):
            answer = each.post("/stocks/release", json={"reservationId": reservation}, headers=headers)
            assert (answer.status_code, answer.json()) == (200, {"reservationId": reservation, "released": False})
        assert each.post("/stocks/release", json=[{"reservationId": "o1.1"}], headers=headers).json()[0]["released"] is False
    street.wait_order(street.order()["id"], "Completed")
    assert street.on_hand() == 99


def test_a_stranger_can_not_take_what_an_order_will(street):
    taken = {"productName": "Americano", "qty": 7, "reservationId": "o1.1"}
    for each, headers in ways(street):
        assert each.post("/stocks/reduce", json=taken, headers=headers).json() is True
        assert each.post("/stocks/reduce", json=[taken], headers=headers).json() == [True]
    assert street.on_hand() == 93  # they are all clients: one of them took it
    street.wait_order(street.order(qty=2)["id"], "Completed")
    assert street.on_hand() == 91


def test_what_was_made_is_not_given_back_to_anybody(street):
    order = street.order(qty=5)["id"]
    street.wait_order(order, "Completed")
    for each, headers in ways(street):
        for reservation in attempts(order):
            assert each.post("/stocks/release", json={"reservationId": reservation}, headers=headers).json()["released"] is False
    assert street.on_hand() == 95


def test_what_is_being_made_is_not_given_back_to_anybody(open_shop):
    shop = open_shop({"product.brew_ms": 3_600_000}).start("order", "product", "stock", "customercenter", "gateway")
    order = shop.order(qty=5)["id"]
    shop.wait_order(order, "Producing")
    for each, headers in ways(shop):
        assert each.post("/stocks/release", json={"reservationId": f"o{order}.1"}, headers=headers).json()["released"] is False
    assert shop.on_hand() == 95


def test_a_clients_reservation_is_given_back_once_and_is_no_orders(street):
    order = street.order("Tea", 2)["id"]
    street.wait_order(order, "Completed")
    body = {"productName": "Tea", "qty": 3, "reservationId": f"o{order}.1"}
    assert street["gateway"].post("/stocks/reduce", json=body).json() is True
    assert street.on_hand("Tea") == 95
    given_back = street["gateway"].post("/stocks/release", json={"reservationId": f"o{order}.1"}).json()
    assert given_back == {"reservationId": f"o{order}.1", "released": True}
    assert street.on_hand("Tea") == 98
    row = street.stock_of("Tea")
    movements = street["stock"].get(f"/stocks/{row['id']}/movements").json()["_embedded"]["movements"]
    told = [(each["type"], each["reservationId"], each["orderId"]) for each in movements[:3]]
    assert told == [("StockReleased", f"client:o{order}.1", None), ("StockReduced", f"client:o{order}.1", None),
                    ("StockReduced", f"o{order}.1", order)]
    page = eventually(lambda: (lambda page: page if page["orderStatus"] == "Completed" else None)(street.page_of(order)))
    assert [entry["type"] for entry in page["timeline"]].count("StockReduced") == 1


def test_the_longest_id_of_a_client_is_kept_and_shown(street):
    mine = "x" * 64
    body = {"productName": "Tea", "qty": 1, "reservationId": mine}
    assert street["gateway"].post("/stocks/reduce", json=body).json() is True
    movements = street["stock"].get(f"/stocks/{street.stock_of('Tea')['id']}/movements").json()["_embedded"]["movements"]
    assert movements[0]["reservationId"] == f"client:{mine}"
    assert street["gateway"].post("/stocks/release", json={"reservationId": mine}).json()["released"] is True
    assert street["gateway"].post("/stocks/reduce", json={**body, "reservationId": mine + "x"}).status_code == 422
