"""What is sold: said by the view, and by order when the view is away; what isn't known of it is said to be unknown."""
import signal

import pytest

from door import assert_problem
from eventually import eventually
from serving import Quiet, Serving
from shop import SERVICES, client


def menu_of(answer):
    assert answer.status_code == 200, answer.text
    assert answer.json()["_links"]["self"]["href"].endswith("/menu")
    return {item["name"]: item for item in answer.json()["_embedded"]["menu"]}


def sold_out(answer):
    return {name: item["soldOut"] for name, item in menu_of(answer).items()}


def first_visit(shop, path="/menu", **options):
    """A client that has never been here asks the gateway."""
    with client(shop.url("gateway"), **options) as visitor:
        return visitor.get(path)


def is_all_known(shop):
    return None not in sold_out(shop["customercenter"].get("/menu")).values()


class StandIn(Serving):
    """Something at the view's address that answers everything with one status."""

    def __init__(self, port, status):
        class Answer(Quiet):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        super().__init__(Answer, port)


def test_a_first_visitor_gets_the_menu_while_the_view_is_away_and_orders_from_it(open_shop):
    shop = open_shop().start(*SERVICES, "gateway")
    eventually(lambda: is_all_known(shop), what="stock has been heard of")
    known = menu_of(first_visit(shop))
    assert not any(item["soldOut"] for item in known.values())
    shop.kill("customercenter")
    told = first_visit(shop)
    assert menu_of(told) == {name: {**item, "soldOut": None} for name, item in known.items()}
    assert told.json()["_links"]["self"]["href"] == f"{shop.url('gateway')}/menu"
    placed = shop["gateway"].post("/orders", json={"productName": "Latte", "qty": 2, "amount": 2 * known["Latte"]["price"]})
    assert placed.status_code == 201
    shop.wait_order(placed.json()["id"], "Completed")
    shop.start("customercenter")
    assert menu_of(first_visit(shop)) == known, "the view is asked again as soon as it is back"


def test_a_view_that_hangs_is_waited_for_a_moment_only(open_shop):
    shop = open_shop({"gateway.menu_ms": 100}).start(*SERVICES, "gateway")
    eventually(lambda: is_all_known(shop), what="stock has been heard of")
    view = shop.running["customercenter"].process
    view.send_signal(signal.SIGSTOP)
    try:
        assert set(sold_out(first_visit(shop)).values()) == {None}
    finally:
        view.send_signal(signal.SIGCONT)
    eventually(lambda: None not in sold_out(first_visit(shop)).values(), what="the view is asked again")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_view_that_can_not_say_is_answered_for(open_shop, status):
    shop = open_shop().start("order", "gateway")
    with StandIn(shop.ports["customercenter"], status):
        assert set(sold_out(first_visit(shop)).values()) == {None}
        assert first_visit(shop, "/mypages").status_code == status, "the menu alone is known elsewhere"


@pytest.mark.parametrize("status", [400, 404, 406, 500])
def test_what_the_view_says_is_not_asked_elsewhere(open_shop, status):
    shop = open_shop().start("order", "gateway")
    with StandIn(shop.ports["customercenter"], status):
        answer = first_visit(shop)
        assert (answer.status_code, answer.text) == (status, "{}")


def test_with_nobody_to_say_it_there_is_no_menu(open_shop):
    shop = open_shop().start("gateway")
    answer = first_visit(shop)
    assert_problem(answer, 503)
    assert int(answer.headers["retry-after"]) >= 1


def test_the_menu_can_not_be_changed_with_the_view_away_either(open_shop):
    shop = open_shop().start("order", "gateway")
    assert shop["gateway"].post("/menu", json={}).status_code == 405


def test_before_stock_has_spoken_it_is_not_known_what_is_sold_out(open_shop):
    shop = open_shop().start("order", "customercenter")
    assert set(sold_out(shop["customercenter"].get("/menu")).values()) == {None}
    assert sold_out(shop["order"].get("/menu")) == sold_out(shop["customercenter"].get("/menu"))
    shop.start("stock")
    eventually(lambda: set(sold_out(shop["customercenter"].get("/menu")).values()) == {False}, what="everything starts at 100")
