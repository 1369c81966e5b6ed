"""The customer's view: it converges, can be searched, followed and rebuilt."""
import shutil
import json
import threading

from eventually import eventually
from rules import check_rules, followed
from shop import PATIENT, read_stream


def test_a_page_shows_the_whole_way_of_an_order(shop):
    order = shop.wait_order(shop.order("Mocha", 2)["id"], "Completed")
    page = eventually(lambda: (lambda page: page if page["productStatus"] == "Completed" and page["orderStatus"] == "Completed"
                               else None)(shop.page_of(order["id"])))
    assert {"id", "orderId", "orderStatus", "productId", "productStatus", "productName", "qty", "timeline"} <= page.keys()
    assert (page["orderId"], page["productId"], page["productName"], page["qty"]) == (order["id"], order["productId"], "Mocha", 2)
    types = [entry["type"] for entry in page["timeline"]]
    assert types.index("Ordered") < types.index("ProductionStarted") < types.index("Produced")
    assert all({"at", "type", "status"} <= entry.keys() for entry in page["timeline"])


def test_a_canceled_order_stays_visible(patient_shop):
    order = patient_shop.order()
    patient_shop.cancel(order["id"])
    page = eventually(lambda: (lambda page: page if page["orderStatus"] == "Canceled" else None)(patient_shop.page_of(order["id"])))
    assert "OrderCanceled" in [entry["type"] for entry in page["timeline"]]


def test_a_page_can_be_read_by_its_own_id(shop):
    page = shop.page_of(shop.order()["id"])
    answer = shop["customercenter"].get(f"/mypages/{page['id']}")
    assert (answer.status_code, answer.json()["orderId"]) == (200, page["orderId"])


def test_a_search_for_an_order_that_is_not_there_is_empty(shop):
    answer = shop["customercenter"].get("/mypages/search/findByOrderId", params={"orderId": 999_999_999})
    assert (answer.status_code, answer.json()["_embedded"]["mypages"]) == (200, [])


def test_the_view_converges_to_its_owners(own_shop):
    own_shop.set_stock(30)
    ids = [own_shop.order(qty=2)["id"] for _ in range(25)]
    for each in ids[::4]:
        own_shop.cancel(each)
    check_rules(own_shop, ids, stock_set={"Americano": 30})


def test_the_view_can_be_thrown_away_and_rebuilt(own_shop):
    own_shop.data["customercenter"] = own_shop.directory / "view"
    own_shop.stop("customercenter")
    own_shop.start("customercenter")
    ids = [own_shop.order()["id"] for _ in range(10)]
    before = check_rules(own_shop, ids).pages
    own_shop.kill("customercenter")
    shutil.rmtree(own_shop.directory / "view")
    own_shop.start("customercenter")
    after = check_rules(own_shop, ids).pages
    for each in ids:
        assert after[each][0]["timeline"] == before[each][0]["timeline"]


def test_the_stream_tells_every_change(open_shop):
    shop = open_shop(PATIENT).start()
    order = shop.order()
    shop.page_of(order["id"])
    shop.cancel(order["id"])
    url = shop.url("customercenter") + "/mypages/stream"
    eventually(lambda: shop.page_of(order["id"])["orderStatus"] == "Canceled")
    told = read_stream(url, after=0, enough=lambda events: any("Canceled" in event.data for event in events))
    ids = [int(event.id) for event in told]
    assert ids == sorted(set(ids))


def test_the_stream_is_resumed_where_it_was_left(own_shop):
    for _ in range(3):  # what happens to an order within one commit of the view is one change
        order = own_shop.order()
        eventually(lambda: own_shop.page_of(order["id"])["orderStatus"] == "Completed")
    url = own_shop.url("customercenter") + "/mypages/stream"
    whole = read_stream(url, after=0)
    assert len(whole) >= 3
    middle = whole[len(whole) // 2]
    rest = read_stream(url, after=middle.id)
    assert [event.id for event in rest] == [event.id for event in whole if int(event.id) > int(middle.id)]
    assert [event.data for event in rest] == [event.data for event in whole if int(event.id) > int(middle.id)]


def test_a_follower_of_the_stream_hears_what_happens_later(own_shop):
    first = own_shop.order()
    eventually(lambda: own_shop.page_of(first["id"])["orderStatus"] == "Completed")
    url = own_shop.url("customercenter") + "/mypages/stream"
    newest = read_stream(url, after=0)[-1].id
    heard = []
    listener = threading.Thread(target=lambda: heard.extend(
        read_stream(url, after=newest, enough=lambda events: any("Completed" in event.data for event in events))))
    listener.start()
    own_shop.order("Latte")
    listener.join(20)
    assert not listener.is_alive()
    assert heard and all(int(event.id) > int(newest) for event in heard)


def test_several_orders_are_followed_over_one_connection_and_nobody_elses(open_shop):
    shop = open_shop(PATIENT).start()
    mine, others = [shop.order()["id"] for _ in range(3)], [shop.order("Latte")["id"] for _ in range(2)]
    for each in mine + others:
        shop.page_of(each)
    url = shop.url("customercenter") + "/mypages/stream?" + "&".join(f"orderId={each}" for each in mine)
    first = read_stream(url)
    assert [json.loads(event.data)["orderId"] for event in first] == mine
    for each in (mine[2], others[0], mine[0]):
        assert shop.cancel(each).status_code == 200
        eventually(lambda: shop.page_of(each)["orderStatus"] == "Canceled")
    rest = read_stream(url, after=first[-1].id)
    last = {json.loads(event.data)["orderId"]: json.loads(event.data)["orderStatus"] for event in rest}
    assert last == {mine[0]: "Canceled", mine[2]: "Canceled"}
    ids = [int(event.id) for event in first + rest]
    assert ids == sorted(set(ids))


def test_no_more_orders_are_followed_than_a_device_has_under_way(own_shop):
    ask = own_shop["customercenter"].get
    assert ask("/mypages/stream?" + "&".join(f"orderId={n}" for n in range(1, 22))).status_code == 400
    assert ask("/mypages/stream?orderId=1&orderId=x").status_code == 400


def test_the_menu_says_what_is_sold_out(own_shop):
    def row():
        menu = own_shop["customercenter"].get("/menu").json()["_embedded"]["menu"]
        return next(each for each in menu if each["name"] == "Tea")

    eventually(lambda: row()["soldOut"] is False, what="stock has been heard of")
    own_shop.set_stock(1, "Tea")
    own_shop.wait_order(own_shop.order("Tea")["id"], "Completed")
    eventually(lambda: row()["soldOut"] is True, what="tea is sold out")
    own_shop.receive(5, "Tea")
    eventually(lambda: row()["soldOut"] is False, what="there is tea again")


def test_what_is_kept_again_after_a_removal_is_sold_again_after_a_rebuild_too(own_shop):
    def sold_out():
        menu = own_shop["customercenter"].get("/menu").json()["_embedded"]["menu"]
        return next(each["soldOut"] for each in menu if each["name"] == "Latte")

    for _ in range(3):
        own_shop.receive(1, "Latte")
    assert own_shop["stock"].delete(f"/stocks/{own_shop.stock_of('Latte')['id']}").status_code == 204
    eventually(lambda: sold_out() is True, what="what isn't kept is sold out")
    assert own_shop["stock"].post("/stocks", json={"productName": "Latte", "qty": 5}).status_code == 201
    eventually(lambda: sold_out() is False, what="there are five")
    own_shop.data["customercenter"] = own_shop.directory / "view"  # an empty one, made of the feeds from their beginning
    own_shop.restart("customercenter")
    newest = own_shop["stock"].get(f"/stocks/{own_shop.stock_of('Latte')['id']}/movements").json()["_embedded"]["movements"][0]
    eventually(lambda: followed(own_shop, "stock") >= newest["position"], what="the new view has heard all of it")
    assert sold_out() is False
