"""What the displays in the shop ask for: what is still to be made, an order's ticket and its start, the kitchen's ways, low marks, movements."""
from datetime import datetime, timedelta

from eventually import eventually
from shop import LONG_MS, PATIENT


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def open_tickets(shop):
    return shop["product"].get("/products/search/open").json()["_embedded"]["products"]


def ticket_of(shop, order_id):
    found = shop["product"].get("/products/search/findByOrderId", params={"orderId": order_id})
    assert found.status_code == 200, found.text
    return next(iter(found.json()["_embedded"]["products"]), None)


def test_a_customer_can_know_how_long_they_can_change_their_mind(open_shop):
    shop = open_shop(PATIENT).start()
    order = shop.order()
    ticket = eventually(lambda: ticket_of(shop, order["id"]), what="the order has a ticket")
    assert ticket["status"] == "Ready"
    # from when the kitchen heard of it: that is when its ticket was made
    assert moment(ticket["startsAt"]) - moment(ticket["createdAt"]) == timedelta(milliseconds=LONG_MS)
    assert moment(ticket["createdAt"]) >= moment(order["createdAt"])
    assert moment(ticket["createdAt"]) <= moment(ticket["updatedAt"])
    assert shop.cancel(order["id"]).status_code == 200
    assert ticket_of(shop, order["id"])["startsAt"] is None
    assert ticket_of(shop, 987654) is None
    for nonsense in ("", "x", "0"):
        assert shop["product"].get("/products/search/findByOrderId", params={"orderId": nonsense}).status_code == 400


def test_what_is_still_to_be_made_is_listed_oldest_first_and_nothing_else(open_shop):
    shop = open_shop({"product.mode": "manual"}).start()
    assert shop["product"].get("/products/kitchen").json() == {"mode": "manual", "startAfterMs": 0, "brewMs": 0}
    shop.set_stock(0, "Tea")
    ids = [shop.order(item)["id"] for item in ("Latte", "Tea", "Mocha", "Latte", "Latte")]
    tickets = [eventually(lambda each=each: ticket_of(shop, each)) for each in ids]
    assert all(ticket["startsAt"] is None for ticket in tickets), "a barista starts them"

    def work(ticket, status):
        return shop["product"].patch(f"/products/{ticket['id']}", json={"status": status}).status_code

    assert work(tickets[0], "Producing") == 200
    assert work(tickets[1], "Producing") == 409
    assert work(tickets[2], "Producing") == 200 and work(tickets[2], "Completed") == 200
    assert shop.cancel(ids[3]).status_code == 200
    statuses = {ticket["orderId"]: ticket["status"] for ticket in open_tickets(shop)}
    assert statuses == {ids[0]: "Producing", ids[1]: "Out of stock", ids[4]: "Ready"}
    assert [ticket["id"] for ticket in open_tickets(shop)] == sorted(ticket["id"] for ticket in open_tickets(shop))


def test_a_low_mark_is_kept_and_moves_nothing(own_shop):
    stock = own_shop.stock_of("Latte")
    assert stock["lowMark"] == 0
    answer = own_shop["stock"].put(f"/stocks/{stock['id']}/lowMark", json={"qty": 20})
    assert answer.status_code == 200 and answer.json()["lowMark"] == 20
    own_shop.restart("stock")
    assert own_shop.stock_of("Latte")["lowMark"] == 20 and own_shop.on_hand("Latte") == stock["qty"]
    put = own_shop["stock"].put
    assert put("/stocks/999/lowMark", json={"qty": 1}).status_code == 404
    assert put(f"/stocks/{stock['id']}/lowMark", json={"qty": -1}).status_code == 422
    assert put(f"/stocks/{stock['id']}/lowMark", json={}).status_code == 422


def movements_of(shop, item, **query):
    path, found = f"/stocks/{shop.stock_of(item)['id']}/movements", []
    answer = shop["stock"].get(path, params=query).json()
    while True:
        found += answer["_embedded"]["movements"]
        if "next" not in answer["_links"]:
            return found
        answer = shop["stock"].get(answer["_links"]["next"]["href"]).json()


def test_the_movements_of_an_item_say_when_why_and_for_which_order(own_shop):
    order = own_shop.order("Mocha", 2)
    own_shop.wait_order(order["id"], "Completed")
    own_shop.order("Tea")
    own_shop.receive(5, "Mocha")
    corrected = own_shop["stock"].patch(f"/stocks/{own_shop.stock_of('Mocha')['id']}", json={"qty": 90, "reason": "two broke"})
    assert corrected.status_code == 200
    found = movements_of(own_shop, "Mocha", size=2)
    assert [(each["type"], each["qty"], each["onHand"]) for each in found] == [
        ("StockCorrected", -13, 90), ("StockReceived", 5, 103), ("StockReduced", 2, 98), ("StockReceived", 100, 100)]
    assert found[0]["reason"] == "two broke" and found[2]["orderId"] == order["id"]
    assert [each["position"] for each in found] == sorted((each["position"] for each in found), reverse=True)
    assert found == movements_of(own_shop, "Mocha", size=100)


def test_movements_are_found_behind_thousands_of_others(own_shop):
    for _ in range(6):
        batch = [{"productName": "Americano", "qty": 1} for _ in range(1000)]
        own_shop.receive(1000, "Americano")
        assert own_shop["stock"].post("/stocks/reduce", json=batch).status_code == 200
    stock = own_shop.stock_of("Espresso")
    first = own_shop["stock"].get(f"/stocks/{stock['id']}/movements").json()
    assert "next" in first["_links"], "a request looks at so many events and no more"
    assert [each["type"] for each in movements_of(own_shop, "Espresso")] == ["StockReceived"]
    assert len(movements_of(own_shop, "Americano", size=100)) == 6 * 1001 + 1


def test_movements_asked_for_with_nonsense_are_refused(own_shop):
    path = f"/stocks/{own_shop.stock_of()['id']}/movements"
    for query in ({"size": 0}, {"size": 101}, {"size": "x"}, {"before": 0}, {"before": "x"}):
        assert own_shop["stock"].get(path, params=query).status_code == 400, query
    assert own_shop["stock"].get(path, params={"before": 10**15}).status_code == 200
    assert own_shop["stock"].get("/stocks/999/movements").status_code == 404
