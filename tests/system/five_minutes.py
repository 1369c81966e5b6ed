"""README's first five minutes, as every shop has to have them, whatever it is kept in."""
from eventually import eventually
from paying import payments, problem

WAITS = {"product.start_after_ms": 1500}


def walk_through(shop):
    """The ids of the orders. In a fresh shop, with WAITS."""
    first = shop.order()
    one = first["id"]
    assert (first["paymentStatus"], first["amount"]) == ("Paid", 4500)
    assert shop.wait_order(one, "Completed")["productId"] > 0
    assert shop.on_hand() == 99
    eventually(lambda: [entry["type"] for entry in shop.page_of(one)["timeline"]][-1] == "Produced", what="the customer is told")
    two = shop.order("Latte", 2)["id"]
    assert shop.cancel(two).json()["status"] == "Canceled"
    assert problem(shop.ask_order("Latte", method="test-insufficient"), 402)["member"] == "paymentMethod"
    three = shop.order("Tea", 3)["id"]
    shop.wait_order(three, "Completed")
    assert shop.cancel(three).status_code == 409
    four = shop.order("Mocha", 101)["id"]
    shop.wait_order(four, "Out of stock")
    shop.receive(50, "Mocha")
    shop.wait_order(four, "Completed")
    once = shop.ask_order(**{"Idempotency-Key": "monday-1"})
    again = shop.ask_order(**{"Idempotency-Key": "monday-1"})
    assert once.status_code == again.status_code == 201 and once.json() == again.json()
    assert shop.ask_order(qty=2, **{"Idempotency-Key": "monday-1"}).status_code == 422
    counter = shop["product"].post("/products", json={"productName": "Ame", "qty": 1, "orderId": one})
    assert (counter.status_code, counter.json()["status"]) == (201, "Producing")
    found = shop["product"].get("/products/search/findByOrderId", params={"orderId": two}).json()["_embedded"]["products"]
    assert found[0]["status"] == "Canceled"
    paid = shop["order"].get(f"/orders/{one}").json()["paymentId"]
    refunded = shop["payment"].put(f"/payments/{paid}", json={"status": "Refunded", "reason": "it was cold"})
    assert (refunded.status_code, refunded.json().get("status")) == (200, "Refunded"), refunded.text
    assert shop["payment"].get("/payments/4711").status_code == 404
    assert len(payments(shop, "Refunded")) == 2
    sums = {row["status"]: row for row in shop["payment"].get("/payments/summary").json()["sums"]}
    assert sums["Declined"]["count"] == 1
    return [one, two, three, four, once.json()["id"]]
