"""What becomes of an order."""
import re
import threading
from concurrent.futures import ThreadPoolExecutor

from eventually import eventually
from shop import client

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_an_order_is_requested_first(shop):
    order = shop.order("Latte", 2)
    assert order["status"] == "Requested"
    assert order["productId"] is None
    assert (order["productName"], order["qty"]) == ("Latte", 2)


def test_an_order_has_every_member_of_its_representation(shop):
    order = shop.order("Latte", 2)
    assert {"id", "productId", "productName", "qty", "status", "amount", "currency", "createdAt", "updatedAt"} <= order.keys()
    assert TIME.fullmatch(order["createdAt"]) and TIME.fullmatch(order["updatedAt"])


def test_an_order_costs_its_quantity_times_the_menus_price(shop):
    menu = shop["customercenter"].get("/menu").json()["_embedded"]["menu"]
    latte = next(row for row in menu if row["name"] == "Latte")
    order = shop.order("Latte", 3)
    assert order["amount"] == 3 * latte["price"]
    assert order["currency"] == "KRW"


def test_an_order_is_made_and_completed(shop):
    placed = shop.order("Mocha", 2)
    done = shop.wait_order(placed["id"], "Completed")
    assert isinstance(done["productId"], int)
    assert done["updatedAt"] >= placed["createdAt"]


def test_who_has_ordered_finds_the_order_however_many_look_at_others(patient_shop):
    first = patient_shop.order()["id"]
    enough = threading.Event()

    def look():
        with client(patient_shop.url("order"), timeout=10.0) as http:
            while not enough.is_set():
                assert http.get(f"/orders/{first}").status_code == 200

    def order_and_look():
        with client(patient_shop.url("order"), timeout=10.0) as http:
            placed = (http.post("/orders", json={"productName": "Latte", "qty": 1}).json()["id"] for _ in range(50))
            return [http.get(f"/orders/{order}").status_code for order in placed]

    with ThreadPoolExecutor(12) as many:
        looking = [many.submit(look) for _ in range(8)]
        seen = [many.submit(order_and_look) for _ in range(4)]
        try:
            assert [status for one in seen for status in one.result()] == [200] * 200
        finally:
            enough.set()
        for one in looking:
            one.result()


def test_the_ticket_of_a_completed_order_is_completed(shop):
    order = shop.wait_order(shop.order("Mocha")["id"], "Completed")
    ticket = shop["product"].get(f"/products/{order['productId']}").json()
    assert ticket["status"] == "Completed"
    assert (ticket["orderId"], ticket["atCounter"], ticket["productName"], ticket["qty"]) == (order["id"], False, "Mocha", 1)


def test_a_completed_order_took_its_stock_once(shop):
    before = shop.on_hand("Tea")
    shop.wait_order(shop.order("Tea", 3)["id"], "Completed")
    assert shop.on_hand("Tea") == before - 3


def test_an_order_shows_that_it_is_in_production(slow_shop):
    order = slow_shop.wait_order(slow_shop.order()["id"], "Producing")
    assert slow_shop.ticket_of(order["id"])["status"] == "Producing"


def test_an_order_waits_while_the_customer_may_change_their_mind(patient_shop):
    order = patient_shop.order()
    assert patient_shop.ticket_of(order["id"])["status"] == "Ready"
    assert patient_shop.get_order(order["id"])["status"] == "Requested"


def test_ids_grow_and_are_never_shared(shop):
    ids = [shop.order()["id"] for _ in range(5)]
    assert ids == sorted(set(ids))


def test_a_product_name_may_be_in_any_letter_case(shop):
    assert shop.order("aMeRiCaNo")["productName"] == "Americano"


def test_ame_is_an_americano(shop):
    assert shop.order("Ame")["productName"] == "Americano"


def test_an_item_is_a_product_name_too(shop):
    answer = shop["order"].post("/orders", json={"item": "Americano", "qty": 1})
    assert answer.status_code == 201
    assert answer.json()["productName"] == "Americano"


def test_numbers_may_be_sent_as_strings(shop):
    answer = shop["order"].post("/orders", json={"productName": "Americano", "qty": "2"})
    assert answer.status_code == 201
    assert answer.json()["qty"] == 2


def test_what_is_not_on_the_menu_is_refused_with_what_is(shop):
    answer = shop["order"].post("/orders", json={"productName": "Nope", "qty": 1})
    assert answer.status_code == 422
    assert {"Americano", "Latte", "Cappuccino", "Mocha", "Tea"} <= set(answer.json()["menu"])


def test_a_barista_makes_the_coffee_in_manual_mode(open_shop):
    shop = open_shop({"product.mode": "manual"}).start()
    order = shop.order()
    ticket = shop.ticket_of(order["id"])
    before = shop.on_hand()
    started = shop["product"].patch(f"/products/{ticket['id']}", json={"status": "Producing"})
    assert started.status_code == 200, started.text
    eventually(lambda: shop.get_order(order["id"])["status"] == "Producing")
    assert shop.on_hand() == before - 1
    done = shop["product"].patch(f"/products/{ticket['id']}", json={"status": "Completed"})
    assert done.status_code == 200, done.text
    shop.wait_order(order["id"], "Completed")


def test_a_barista_can_not_complete_what_was_not_started(open_shop):
    shop = open_shop({"product.mode": "manual"}).start()
    ticket = shop.ticket_of(shop.order()["id"])
    answer = shop["product"].patch(f"/products/{ticket['id']}", json={"status": "Completed"})
    assert answer.status_code == 409
    assert shop["product"].get(f"/products/{ticket['id']}").json()["status"] == "Ready"


def test_a_ticket_made_at_the_counter_is_produced_at_once(slow_shop):
    before = slow_shop.on_hand()
    answer = slow_shop["product"].post("/products", json={"productName": "Americano", "qty": 2})
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "Producing"
    assert slow_shop.on_hand() == before - 2


def test_counter_tickets_that_note_the_same_order_are_tickets_of_their_own(slow_shop):
    body = {"orderId": 1, "status": "Requested", "productName": "Ame", "qty": 1}
    before = slow_shop.on_hand()
    ids = [slow_shop["product"].post("/products", json=body).json()["id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert slow_shop.on_hand() == before - 3


def test_a_counter_ticket_leaves_the_order_that_it_notes_alone(patient_shop):
    order = patient_shop.order()
    answer = patient_shop["product"].post("/products", json={"orderId": order["id"], "productName": "Ame", "qty": 1})
    assert answer.status_code == 201
    assert answer.json()["atCounter"] is True and answer.json()["orderId"] == order["id"], "the note stays, and is known for one"
    # A later order's ticket shows that product's feed was read past the counter's ticket.
    later = patient_shop.order()
    eventually(lambda: patient_shop.page_of(later["id"])["productStatus"] == "Ready" or patient_shop.ticket_of(later["id"]))
    assert patient_shop.get_order(order["id"])["status"] == "Requested"


def test_a_correlation_id_travels_with_the_order(shop):
    order = shop.order(**{"X-Correlation-ID": "table-7"})
    shop.wait_order(order["id"], "Completed")
    for service in ("order", "product"):
        mine = [event for _, event in shop.events(service) if event.get("subject") == str(order["id"])]
        assert mine, service
        assert {event["correlationid"] for event in mine} == {"table-7"}
