"""README's first five minutes, as every shop has to have them, whatever it is kept in."""
from paying import payments, problem

WAITS = {"product.start_after_ms": 1500}


def walk_through(shop):
    """The ids of the orders. In a fresh shop, with WAITS."""
    first = shop.order()
    assert (first["id"], first["paymentStatus"], first["amount"]) == (1, "Paid", 4500)
    assert shop.wait_order(1, "Completed")["productId"] == 1
    assert shop.on_hand() == 99
    assert [entry["type"] for entry in shop.page_of(1)["timeline"]][-1] == "Produced"
    shop.order("Latte", 2)
    assert shop.cancel(2).json()["status"] == "Canceled"
    assert problem(shop.ask_order("Latte", method="test-insufficient"), 402)["member"] == "paymentMethod"
    shop.order("Tea", 3)
    shop.wait_order(3, "Completed")
    assert shop.cancel(3).status_code == 409
    shop.order("Mocha", 101)
    shop.wait_order(4, "Out of stock")
    shop.receive(50, "Mocha")
    shop.wait_order(4, "Completed")
    once = shop.ask_order(**{"Idempotency-Key": "monday-1"})
    again = shop.ask_order(**{"Idempotency-Key": "monday-1"})
    assert once.status_code == again.status_code == 201 and once.json() == again.json()
    assert shop.ask_order(qty=2, **{"Idempotency-Key": "monday-1"}).status_code == 422
    counter = shop["product"].post("/products", json={"productName": "Ame", "qty": 1, "orderId": 1})
    assert (counter.status_code, counter.json()["status"]) == (201, "Producing")
    assert shop["product"].get("/products/search/findByOrderId", params={"orderId": 2}).json()["_embedded"]["products"][0]["status"] == "Canceled"
    refunded = shop["payment"].put("/payments/1", json={"status": "Refunded", "reason": "it was cold"})
    assert (refunded.status_code, refunded.json()["status"]) == (200, "Refunded")
    assert shop["payment"].get("/payments/4711").status_code == 404
    assert len(payments(shop, "Refunded")) == 2
    sums = {row["status"]: row for row in shop["payment"].get("/payments/summary").json()["sums"]}
    assert sums["Declined"]["count"] == 1
    return [1, 2, 3, 4, once.json()["id"]]
