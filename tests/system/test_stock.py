"""The stock keeper's service: never below zero, exactly once, however many ask at the same time."""
import threading
import unicodedata
import uuid

import pytest

from eventually import eventually

MENU = ("Americano", "Latte", "Cappuccino", "Mocha", "Tea")


def reduce(shop, qty=1, item="Americano", reservation=None):
    body = {"productName": item, "qty": qty, **({"reservationId": reservation} if reservation else {})}
    answer = shop["stock"].post("/stocks/reduce", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def release(shop, reservation):
    return shop["stock"].post("/stocks/release", json={"reservationId": reservation})


@pytest.fixture
def stock(open_shop):
    """Only the stock service, its shelf full."""
    return open_shop().start("stock")


@pytest.mark.parametrize("item", MENU)
def test_every_menu_item_starts_at_a_hundred(stock, item):
    assert stock.on_hand(item) == 100


def test_a_hundred_and_fifty_at_once_get_a_hundred(stock):
    answers = []

    def customer():
        answers.append(reduce(stock))

    threads = [threading.Thread(target=customer) for _ in range(150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 50 + [True] * 100
    assert stock.on_hand() == 0


def test_more_than_there_is_is_not_given_and_nothing_is_taken(stock):
    assert reduce(stock, 101) is False
    assert stock.on_hand() == 100
    assert reduce(stock, 100) is True
    assert stock.on_hand() == 0


def test_what_is_not_kept_is_not_given(stock):
    assert reduce(stock, item="Nope") is False


def test_a_reservation_is_deducted_once(stock):
    mine = str(uuid.uuid4())
    assert [reduce(stock, 10, reservation=mine) for _ in range(5)] == [True] * 5
    assert stock.on_hand() == 90


def test_a_reservation_asked_for_at_once_is_deducted_once(stock):
    mine, answers = str(uuid.uuid4()), []
    threads = [threading.Thread(target=lambda: answers.append(reduce(stock, 10, reservation=mine))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 20
    assert stock.on_hand() == 90


def test_a_reservation_is_remembered_after_a_crash(stock):
    mine = str(uuid.uuid4())
    reduce(stock, 10, reservation=mine)
    stock.restart("stock")
    assert reduce(stock, 10, reservation=mine) is True
    assert stock.on_hand() == 90


def test_a_release_gives_back_once(stock):
    mine = str(uuid.uuid4())
    reduce(stock, 10, reservation=mine)
    first, second = release(stock, mine), release(stock, mine)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == {"reservationId": mine, "released": True}
    assert stock.on_hand() == 100


def test_a_reservation_that_was_released_is_not_given_again(stock):
    mine = str(uuid.uuid4())
    reduce(stock, 10, reservation=mine)
    release(stock, mine)
    assert reduce(stock, 10, reservation=mine) is False
    assert stock.on_hand() == 100


def test_a_reduction_that_comes_after_its_release_is_refused(stock):
    mine = str(uuid.uuid4())
    assert release(stock, mine).status_code == 200
    assert reduce(stock, 10, reservation=mine) is False
    assert stock.on_hand() == 100


def test_a_batch_is_answered_one_by_one(stock):
    asked = [{"productName": "Tea", "qty": 60}, {"productName": "Tea", "qty": 60}, {"productName": "Latte", "qty": 1}]
    answer = stock["stock"].post("/stocks/reduce", json=asked)
    assert (answer.status_code, answer.json()) == (200, [True, False, True])
    assert (stock.on_hand("Tea"), stock.on_hand("Latte")) == (40, 99)


def test_a_batch_may_name_a_reservation_twice(stock):
    mine = str(uuid.uuid4())
    asked = [{"productName": "Tea", "qty": 10, "reservationId": mine}] * 2
    assert stock["stock"].post("/stocks/reduce", json=asked).json() == [True, True]
    assert stock.on_hand("Tea") == 90


def test_goods_that_arrive_are_added(stock):
    stock.receive(25, "Mocha")
    assert stock.on_hand("Mocha") == 125


def test_the_stock_keeper_counts_and_sets(stock):
    row = stock.stock_of("Latte")
    answer = stock["stock"].patch(f"/stocks/{row['id']}", json={"qty": 3})
    assert (answer.status_code, answer.json()["qty"]) == (200, 3)
    assert stock.on_hand("Latte") == 3


def test_a_count_that_others_overtook_is_refused_and_nothing_changes(stock):
    row = stock.stock_of("Latte")
    path = f"/stocks/{row['id']}"
    seen = stock["stock"].get(path).headers["ETag"]
    assert reduce(stock, 30, "Latte") is True
    answer = stock["stock"].patch(path, json={"qty": 98}, headers={"If-Match": seen})
    assert (answer.status_code, answer.json()["member"], answer.json()["qty"]) == (412, "If-Match", 70)
    assert stock["stock"].delete(path, headers={"If-Match": seen}).status_code == 412
    assert stock["stock"].put(f"{path}/lowMark", json={"qty": 5}, headers={"If-Match": seen}).status_code == 412
    assert stock.on_hand("Latte") == 70


def test_a_correction_of_what_is_as_it_was_read_is_made_and_tells_the_new_edition(stock):
    path = f"/stocks/{stock.stock_of('Latte')['id']}"
    seen = stock["stock"].get(path).headers["ETag"]
    marked = stock["stock"].put(f"{path}/lowMark", json={"qty": 5}, headers={"If-Match": seen})
    assert marked.status_code == 200 and marked.headers["ETag"] != seen
    assert stock["stock"].patch(path, json={"qty": 98}, headers={"If-Match": seen}).status_code == 412
    set_ = stock["stock"].patch(path, json={"qty": 98}, headers={"If-Match": f'"0-0", {marked.headers["ETag"]}'})
    assert (set_.status_code, set_.json()["qty"]) == (200, 98)
    assert stock["stock"].get(path).headers["ETag"] == set_.headers["ETag"]
    assert stock["stock"].delete(path, headers={"If-Match": set_.headers["ETag"]}).status_code == 204


def test_an_if_match_that_is_no_tag_is_refused(stock):
    path = f"/stocks/{stock.stock_of('Latte')['id']}"
    assert stock["stock"].patch(path, json={"qty": 98}, headers={"If-Match": "1"}).status_code == 400
    assert stock["stock"].patch(path, json={"qty": 98}, headers={"If-Match": "*"}).status_code == 200
    assert stock["stock"].patch("/stocks/999999", json={"qty": 1}, headers={"If-Match": "*"}).status_code == 404


def test_a_correction_by_a_difference_keeps_what_was_sold_while_the_keeper_counted(stock):
    path = f"/stocks/{stock.stock_of('Latte')['id']}"
    assert reduce(stock, 30, "Latte") is True
    answer = stock["stock"].patch(path, json={"change": -2, "reason": "두 잔을 쏟았음"})
    assert (answer.status_code, answer.json()["qty"]) == (200, 68)
    assert stock["stock"].patch(path, json={"change": "3"}).json()["qty"] == 71
    newest, before = stock["stock"].get(f"{path}/movements").json()["_embedded"]["movements"][:2]
    assert (newest["type"], newest["qty"], newest["onHand"], newest["reason"]) == ("StockCorrected", 3, 71, None)
    assert (before["type"], before["qty"], before["onHand"], before["reason"]) == ("StockCorrected", -2, 68, "두 잔을 쏟았음")


def test_a_difference_never_leaves_less_than_nothing(stock):
    path = f"/stocks/{stock.stock_of('Latte')['id']}"
    answer = stock["stock"].patch(path, json={"change": -101})
    assert (answer.status_code, answer.json()["member"], answer.json()["qty"]) == (409, "change", 100)
    assert "100" in answer.json()["detail"]
    assert stock["stock"].patch(path, json={"change": 1_000_000_000}).status_code == 409
    assert stock.on_hand("Latte") == 100


@pytest.mark.parametrize("body, member", [
    ({"qty": 98, "change": -2}, "change"), ({}, "qty"), ({"reason": "x"}, "qty"), ({"change": 1.5}, "change"),
    ({"change": -1_000_000_001}, "change"), ({"qty": -1}, "qty"), ({"change": "two"}, "change")])
def test_a_correction_says_one_thing(stock, body, member):
    answer = stock["stock"].patch(f"/stocks/{stock.stock_of('Latte')['id']}", json=body)
    assert (answer.status_code, answer.json()["member"]) == (422, member)
    assert stock.on_hand("Latte") == 100


def test_a_difference_repeated_with_its_key_is_made_once(stock):
    path, key = f"/stocks/{stock.stock_of('Latte')['id']}", {"Idempotency-Key": str(uuid.uuid4())}
    first = stock["stock"].patch(path, json={"change": -2}, headers=key)
    second = stock["stock"].patch(path, json={"change": -2}, headers=key)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.text == second.text
    assert stock["stock"].patch(path, json={"change": -3}, headers=key).status_code == 422
    assert stock.on_hand("Latte") == 98


def test_an_item_of_the_menu_can_not_be_kept_twice(stock):
    row = stock.stock_of("Latte")
    answer = stock["stock"].post("/stocks", json={"productName": "Latte", "qty": 5})
    assert answer.status_code == 409
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["existing"] == f"{stock.url('stock')}/stocks/{row['id']}"
    assert stock.on_hand("Latte") == 100


def test_an_item_that_is_no_longer_kept_can_be_kept_again_under_a_new_id(stock):
    row = stock.stock_of("Latte")
    assert stock["stock"].delete(f"/stocks/{row['id']}").status_code == 204
    assert stock["stock"].get(f"/stocks/{row['id']}").status_code == 404
    answer = stock["stock"].post("/stocks", json={"productName": "Latte", "qty": 5})
    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] > row["id"]
    assert stock.on_hand("Latte") == 5


def test_goods_of_what_is_not_kept_can_not_be_received(stock):
    answer = stock["stock"].post("/stocks/receive", json={"productName": "Nope", "qty": 1})
    assert answer.status_code == 404


def test_more_goods_than_can_be_counted_are_refused(stock):
    stock.receive(1_000_000_000 - 100)
    answer = stock["stock"].post("/stocks/receive", json={"productName": "Americano", "qty": 1})
    assert answer.status_code == 409
    assert stock.on_hand() == 1_000_000_000


def test_releases_may_come_in_a_batch(stock):
    reduce(stock, 10, reservation="one")
    reduce(stock, 20, reservation="two")
    answer = stock["stock"].post("/stocks/release", json=[{"reservationId": "one"}, {"reservationId": "two"}])
    assert (answer.status_code, [each["released"] for each in answer.json()]) == (200, [True, True])
    assert stock.on_hand() == 100


def test_a_release_may_name_its_item_and_goes_back_to_where_it_was_taken_from(stock):
    """The name says where to look for the reservation; it is no condition, and nothing is ever given back to another row."""
    for at, named in enumerate(({}, {"productName": "americano"}, {"item": "Ame"}, {"productName": None}, {"productName": "Latte"})):
        reservation = f"named-{at}"
        assert reduce(stock, 10, reservation=reservation) is True
        for _ in range(2):
            answer = stock["stock"].post("/stocks/release", json={"reservationId": reservation, **named})
            assert (answer.status_code, answer.json()) == (200, {"reservationId": reservation, "released": True}), named
        assert (stock.on_hand(), stock.on_hand("Latte")) == (100, 100)


@pytest.mark.parametrize("name", ["", " ", "a\tb", "x" * 65, 7])
def test_a_release_that_names_what_can_be_no_item_is_refused_and_gives_nothing_back(stock, name):
    reduce(stock, 10, reservation="kept")
    answer = stock["stock"].post("/stocks/release", json={"reservationId": "kept", "productName": name})
    assert answer.status_code == 422 and "productName" in answer.text
    batch = stock["stock"].post("/stocks/release", json=[{"reservationId": "kept"}, {"reservationId": "other", "productName": name}])
    assert batch.status_code == 422 and "[1].productName" in batch.text
    assert stock.on_hand() == 90


def test_stock_that_is_not_kept_can_not_be_changed(stock):
    assert stock["stock"].patch("/stocks/999999", json={"qty": 1}).status_code == 404
    assert stock["stock"].delete("/stocks/999999").status_code == 404


def test_an_unknown_reservation_can_be_released(stock):
    assert release(stock, "never-seen").status_code == 200


def test_out_of_stock_is_told_to_the_customer(own_shop):
    own_shop.set_stock(1)
    order = own_shop.order(qty=2)
    own_shop.wait_order(order["id"], "Out of stock")
    eventually(lambda: own_shop.page_of(order["id"])["orderStatus"] == "Out of stock")
    assert own_shop.on_hand() == 1


def test_an_order_out_of_stock_is_made_when_the_goods_arrive(own_shop):
    own_shop.set_stock(0)
    order = own_shop.order(qty=2)
    own_shop.wait_order(order["id"], "Out of stock")
    own_shop.receive(10)
    own_shop.wait_order(order["id"], "Completed")
    assert own_shop.on_hand() == 8


def test_an_order_out_of_stock_can_be_canceled_and_stays_so_when_the_goods_arrive(own_shop):
    own_shop.set_stock(0)
    order = own_shop.order(qty=2)
    own_shop.wait_order(order["id"], "Out of stock")
    assert own_shop.cancel(order["id"]).status_code == 200
    own_shop.receive(10)
    own_shop.wait_order(own_shop.order()["id"], "Completed")
    assert own_shop.get_order(order["id"])["status"] == "Canceled"
    assert own_shop.on_hand() == 9


def test_a_counter_ticket_without_stock_says_so(own_shop):
    own_shop.set_stock(0)
    answer = own_shop["product"].post("/products", json={"productName": "Americano", "qty": 1})
    assert (answer.status_code, answer.json()["status"]) == (201, "Out of stock")


def test_two_hundred_orders_of_a_hundred_cups_make_a_hundred(own_shop):
    ids = []
    threads = [threading.Thread(target=lambda: ids.extend(own_shop.order("Tea")["id"] for _ in range(20))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def counted():
        statuses = [order["status"] for order in own_shop.all("orders")]
        return (statuses.count("Completed"), statuses.count("Out of stock")) == (100, 100)

    eventually(counted, what="a hundred are made and a hundred wait")
    assert own_shop.on_hand("Tea") == 0


@pytest.mark.parametrize("kept, asked", [("CAFFÈ MOCHACCINO", "caffè mochaccino"), ("Éclair", "e\u0301CLAIR"),
                                         ("아몬드", unicodedata.normalize("NFD", "아몬드")), ("Straße", "STRASSE")])
def test_a_name_is_one_row_however_it_is_typed(stock, kept, asked):
    first = stock["stock"].post("/stocks", json={"productName": kept, "qty": 5})
    assert first.status_code == 201
    again = stock["stock"].post("/stocks", json={"productName": asked, "qty": 5})
    assert (again.status_code, again.json()["existing"]) == (409, f"{stock.url('stock')}/stocks/{first.json()['id']}")
    assert stock["stock"].post("/stocks/receive", json={"productName": asked, "qty": 2}).json()["qty"] == 7
    assert reduce(stock, 3, asked) is True
    found = stock["stock"].get("/stocks/search/findByProductName", params={"productName": asked}).json()
    assert (found["id"], found["qty"], found["productName"]) == (first.json()["id"], 4, kept)


def test_the_menu_is_found_however_it_is_typed(own_shop):
    for given in (unicodedata.normalize("NFD", "아메리카노"), "AMERICANO", " americano "):
        assert own_shop["order"].post("/orders", json={"productName": given, "qty": 1}).json()["productName"] == "Americano"
        assert own_shop["product"].post("/products", json={"productName": given, "qty": 1}).json()["productName"] == "Americano"
    decomposed = unicodedata.normalize("NFD", "가" * 64)  # 128 code points of 64 characters
    assert own_shop["stock"].post("/stocks", json={"productName": decomposed, "qty": 1}).json()["productName"] == "가" * 64
