"""Something else answers at a peer's address: a captive portal, another program, another service of the shop. What it says is not
believed, whatever its status; what came of the question is unknown, and once the peer is there again all is done exactly once."""
import httpx
import pytest

from eventually import eventually
from line import PAGE, Answer
from rules import check_rules
from shop import PAID, PATIENT, SLOW_BREW, flags, run_program

HAL, JSON, PROBLEM = "application/hal+json", "application/json", "application/problem+json"
# Nobody is given a rest while a test goes through all answers.
NO_BREAKER = {"breaker.volume": 1_000_000}
ANYBODY = {
    "a page": Answer(),
    "a redirection": Answer(302, "text/html", b"", "Location: http://127.0.0.1:1/login"),
    "nothing": Answer(200, None, b""),
    "no JSON": Answer(200, JSON, PAGE),
    "an object of another shape": Answer(200, JSON, {"status": "UP"}),
    "an object in a list": Answer(200, JSON, [{"status": "UP"}]),
    "null": Answer(200, JSON, None),
    "no content": Answer(204, None, b""),
    "created": Answer(201, JSON, {"id": 1}),
    "a page for a proxy": Answer(407),
    "no such page": Answer(404),
    "a page for a conflict": Answer(409),
    "a page for what can't be worked on": Answer(422),
    "too large a page": Answer(413),
    "too many requests": Answer(429),
    "a page without a service": Answer(503),
    "a bad gateway": Answer(502),
    "a problem of another status": Answer(409, PROBLEM, {"type": "about:blank", "title": "Gone", "status": 410}),
    "not the type of a problem": Answer(409, JSON, {"type": "about:blank", "title": "Conflict", "status": 409}),
}


def shop_over(open_shop, lines, consumer, peer, settings):
    """A shop in which one service reaches another by a line."""
    shop = open_shop({**NO_BREAKER, **settings})
    line = lines(shop, peer)
    shop.settings[f"{consumer}.{peer}_url"] = line.url
    return shop.start(), line


def is_unknown(answer):
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"].startswith(PROBLEM)
    assert answer.json()["type"] == "outcome-unknown", answer.text
    return True


# ---- order asks product to cancel ----

def cancelled_id(request):
    return int(request.target.partition("orderId=")[2])


def ticket(**members):
    """What product would say of the order that is asked about, but for these members."""
    return Answer(200, HAL, lambda request: {"id": 1, "orderId": cancelled_id(request), "productName": "Americano", "qty": 1,
                                             "status": "Canceled", **members})


CANCELS = {
    **ANYBODY,
    "a ticket that isn't cancelled": ticket(status="Ready"),
    "a ticket without a status": ticket(status=None),
    "another order's ticket": ticket(orderId=999),
    "a ticket of no order": ticket(orderId=None),
    "the ticket in a list": Answer(200, JSON, lambda request: [{"id": 1, "orderId": cancelled_id(request), "status": "Canceled"}]),
    "the ticket as a text": Answer(200, "text/plain", lambda request: {"id": 1, "orderId": cancelled_id(request), "status": "Canceled"}),
    "the ticket as a redirection": Answer(302, HAL, lambda request: {"id": 1, "orderId": cancelled_id(request), "status": "Canceled"}),
    "the ticket cut short": Answer(200, HAL, lambda request: b'{"id":1,"orderId":%d,"status":"Canceled"' % cancelled_id(request)),
}


def test_a_cancel_that_something_else_answers_is_unknown_and_the_order_stays(open_shop, lines):
    shop, line = shop_over(open_shop, lines, "order", "product", PATIENT)
    orders = {what: shop.order()["id"] for what in CANCELS}
    for each in orders.values():
        shop.ticket_of(each)
    for what, answer in CANCELS.items():
        line.says(answer)
        assert is_unknown(shop.cancel(orders[what])), what
        assert line.wait_asked(f"orderId={orders[what]}").method == "PUT"
        assert shop.get_order(orders[what])["status"] == "Requested", what
    line.says(None)
    assert {each["status"] for each in shop.all("products")} == {"Ready"}, "nothing came through"
    for each in orders.values():
        assert shop.cancel(each).status_code == 200
    check_rules(shop, orders.values())
    assert {order["status"] for order in shop.all("orders")} == {"Canceled"}


def test_a_cancel_that_was_done_and_got_anothers_answer_becomes_known(open_shop, lines):
    """The kitchen did what it was asked, and a stranger's page came back: the order isn't left between."""
    shop, line = shop_over(open_shop, lines, "order", "product", PATIENT)
    order = shop.order()["id"]
    ticket_id = shop.ticket_of(order)["id"]
    line.says(Answer(done=True))
    assert is_unknown(shop.cancel(order))
    assert shop["product"].get(f"/products/{ticket_id}").json()["status"] == "Canceled"
    assert shop.get_order(order)["status"] == "Requested", "nobody has told it yet"
    line.says(None)
    shop.wait_order(order, "Canceled")
    check_rules(shop, [order])


# ---- payment asks order whether it is over ----

def order_of(**members):
    """What order would say, but for these members."""
    return Answer(200, HAL, lambda request: {"id": int(request.target.rpartition("/")[2]), "status": "Completed", **members})


ORDERS = {
    **ANYBODY,
    "another order": order_of(id=999),
    "an order without a status": order_of(status=None),
    "the order in a list": Answer(200, JSON, [{"id": 1, "status": "Completed"}]),
    "the order as a text": Answer(200, "text/plain", {"id": 1, "status": "Completed"}),
    "the order cut short": Answer(200, HAL, b'{"id":1,"status":"Completed"'),
    "another status's problem": Answer(404, PROBLEM, {"type": "about:blank", "title": "Conflict", "status": 409}),
}


def test_nothing_is_given_back_because_of_what_something_else_says_of_its_order(open_shop, lines):
    shop = open_shop(NO_BREAKER, services=PAID)
    line = lines(shop, "order")
    shop.settings["payment.order_url"] = line.url
    order = shop.start().order()
    shop.wait_order(order["id"], "Completed")
    payment = eventually(lambda: (found := shop.all("payments"))[0]["status"] == "Captured" and found[0], what="it is taken")
    path = f"/payments/{payment['id']}"
    for what, answer in ORDERS.items():
        line.says(answer)
        refused = shop["payment"].put(path, json={"status": "Refunded"})
        assert refused.status_code == 503 and "nothing was given back" in refused.json()["detail"], what
        assert shop["payment"].get(path).json() == payment, what
    line.says(None)
    assert shop["payment"].put(path, json={"status": "Refunded"}).status_code == 200


@pytest.mark.parametrize("other", ["stock", "product", "customercenter", "payment"])
def test_another_service_at_orders_address_gives_nothing_back_and_payment_says_so(open_shop, other):
    """A wrong port in the settings: that service knows no such path, which doesn't say that there is no such order."""
    shop = open_shop(SLOW_BREW, services=PAID).start()
    order = shop.order()["id"]
    shop.wait_order(order, "Producing")
    eventually(lambda: shop.all("payments")[0]["status"] == "Captured", what="it is taken")
    shop.stop("payment")
    shop.settings["payment.order_url"] = shop.url(other)
    shop.launch("payment")
    trouble = {"status": "DOWN", "reason": "another service answers at the address of order: look at payment.order_url"}
    eventually(lambda: says_ready(shop, "payment") == (503, trouble), what="payment says what is wrong")
    refused = shop["payment"].put("/payments/1", json={"status": "Refunded", "reason": "x"})
    assert refused.status_code == 503 and "order can't be asked" in refused.json()["detail"], refused.text
    assert shop.all("payments")[0]["status"] == "Captured"
    del shop.settings["payment.order_url"]
    shop.restart("payment")
    refused = shop["payment"].put("/payments/1", json={"status": "Refunded", "reason": "x"})
    assert refused.status_code == 409, refused.text
    assert shop.get_order(order)["status"] == "Producing"


def says_ready(shop, name):
    """What a service says of itself; None: it isn't there yet."""
    try:
        answer = shop[name].get("/readyz")
    except httpx.TransportError:
        return None
    return answer.status_code, answer.json()


def test_another_service_that_has_said_nothing_does_not_make_payment_give_up_what_order_has_used(open_shop, lines):
    """customercenter's feed is empty: who takes it for order's has heard all of it, and knows of no order."""
    shop = open_shop({**PATIENT, "payment.authorization_ms": 2000}, services=PAID)
    line = lines(shop, "customercenter")
    shop.settings["payment.order_url"] = line.url
    newest = {"producer": "customercenter", "epoch": 0, "position": 0}
    line.says(Answer(200, JSON, newest))
    shop.launch(*PAID)
    for name in PAID:
        eventually(lambda: says_ready(shop, name), what=f"{name} answers")
    eventually(lambda: (placed := shop.ask_order()).status_code == 201, what="an order is paid")
    line.wait_asked("/events/newest", times=3, within=30)  # from when it is due on, once a second
    assert {each["status"] for each in shop.all("payments")} == {"Authorized"}
    del shop.settings["payment.order_url"]
    shop.restart("payment")
    eventually(lambda: {each["status"] for each in shop.all("payments")} == {"Captured"}, what="it is taken")


# ---- product asks stock ----

def booleans(n):
    """As many answers as there were questions, and `n` more."""
    return Answer(200, JSON, lambda request: [True] * (len(request.json()) + n))


STOCKS = {
    **ANYBODY,
    "one yes for all": Answer(200, JSON, True),
    "too few answers": booleans(-1),
    "too many answers": booleans(1),
    "answers that aren't boolean": Answer(200, JSON, lambda request: [1] * len(request.json())),
    "answers as texts": Answer(200, JSON, lambda request: ["true"] * len(request.json())),
    "the answers as a page": Answer(200, "text/html", lambda request: [True] * len(request.json())),
    "the answers cut short": Answer(200, JSON, lambda request: b"[true"),
    "the answers with more behind": Answer(200, JSON, lambda request: b"[true] [true]"),
}


def test_what_something_else_says_of_stock_makes_no_coffee_and_takes_none(open_shop, lines):
    shop, line = shop_over(open_shop, lines, "product", "stock", {})
    ids = []
    for what, answer in STOCKS.items():
        line.says(answer)
        ids.append(shop.order("Latte")["id"])
        wait_asked_for(line, f"o{ids[-1]}.1")
        counter = shop["product"].post("/products", json={"productName": "Latte", "qty": 1})
        assert counter.status_code == 503, (what, counter.text)
        assert {shop.get_order(each)["status"] for each in ids} == {"Requested"}, what
        assert shop.on_hand("Latte") == 100, what
    assert {each["status"] for each in shop.all("products")} == {"Ready"}, "a counter ticket without an answer is none"
    line.says(None)
    for each in ids:
        shop.wait_order(each, "Completed")
    check_rules(shop, ids)
    assert shop.on_hand("Latte") == 100 - len(ids)


def wait_asked_for(line, reservation):
    """Until a question about this reservation was answered."""
    eventually(lambda: any(reservation.encode() in each.body for each in list(line.asked)), what=f"{reservation} is asked for")


def test_what_stock_did_while_something_else_answered_is_done_once(open_shop, lines):
    """Stock takes the cups, and a stranger's page comes back, or a stranger's no: asked again, it says what it said."""
    shop, line = shop_over(open_shop, lines, "product", "stock", {})
    line.says(Answer(done=True))
    ids = [shop.order("Mocha", qty)["id"] for qty in (1, 2, 3)]
    eventually(lambda: shop.on_hand("Mocha") == 94, what="stock has taken them")
    line.says(booleans(1))
    ids.append(shop.order("Mocha", 4)["id"])
    wait_asked_for(line, f"o{ids[-1]}.1")
    assert {shop.get_order(each)["status"] for each in ids} == {"Requested"}
    line.says(None)
    for each in ids:
        shop.wait_order(each, "Completed")
    check_rules(shop, ids)
    assert shop.on_hand("Mocha") == 90


def released(change):
    """What stock would say of each release that is asked for, changed."""
    return Answer(200, JSON, lambda request: change([{"reservationId": each["reservationId"], "released": True} for each in request.json()]))


RELEASES = {
    **ANYBODY,
    "nothing of any": released(lambda releases: []),
    "one too many": released(lambda releases: [*releases, {"reservationId": "o999.1", "released": True}]),
    "one too few": released(lambda releases: releases[1:]),
    "of others": released(lambda releases: [{**each, "reservationId": "o999.1"} for each in releases]),
    "without whether": released(lambda releases: [{"reservationId": each["reservationId"]} for each in releases]),
    "yes to all": released(lambda releases: [True] * len(releases)),
}


def test_a_release_that_something_else_confirms_is_asked_for_again(open_shop, lines):
    """The counter's client got no answer, stock had taken the cup: it goes back to the shelf, whoever says that it has."""
    shop, line = shop_over(open_shop, lines, "product", "stock", {})
    for what, answer in RELEASES.items():
        line.says(Answer(done=True))
        counter = shop["product"].post("/products", json={"productName": "Tea", "qty": 5})
        assert counter.status_code == 503, (what, counter.text)
        line.says(answer)
        line.wait_asked("/stocks/release")
        assert shop.all("products") == []
    line.says(None)
    eventually(lambda: shop.on_hand("Tea") == 100, what="all is given back")
    check_rules(shop)


def test_releases_answered_in_another_order_are_not_believed(open_shop, lines):
    shop, line = shop_over(open_shop, lines, "product", "stock", {})
    line.says(Answer(done=True))
    ids = [shop.order("Tea", qty)["id"] for qty in (1, 2)]
    eventually(lambda: shop.on_hand("Tea") == 97, what="stock has taken them")
    line.says(Answer())
    for each in ids:
        assert shop.cancel(each).status_code == 200
    shop.kill("product")
    line.says(released(lambda releases: releases[::-1] if len(releases) == 2 else []))
    shop.start("product")
    asked = line.wait_asked("/stocks/release")
    assert [each["reservationId"] for each in asked.json()] == [f"o{each}.1" for each in ids], "both in one call"
    assert [each["productName"] for each in asked.json()] == ["Tea", "Tea"], "each says where it was reserved"
    line.says(None)
    eventually(lambda: shop.on_hand("Tea") == 100, what="both are given back")
    check_rules(shop, ids)


# ---- feeds ----

def feed(*frames, producer=None, status=200):
    headers = [f"Feed-Producer: {producer}", "Feed-Epoch: 17"] if producer else []
    return Answer(status, "text/event-stream", "".join(f"id: {n}\ndata: {frame}\n\n" for n, frame in enumerate(frames, 1)).encode(), *headers)


NOBODYS_EVENT = '{"specversion":"1.0","type":"ProductCanceled","data":{"id":1,"orderId":1,"status":"Canceled"}}'
FEEDS = {
    **ANYBODY,
    "nobody's events": feed(NOBODYS_EVENT, "nonsense"),
    "another service's events": feed(NOBODYS_EVENT, "nonsense", producer="stock"),
    "a refusal": Answer(409, PROBLEM, {"type": "about:blank", "title": "Conflict", "status": 409}),
    "another service's refusal": feed(producer="stock", status=409),
    "events that are gone": feed(status=410),
}


def test_a_feed_that_something_else_answers_is_asked_for_again_and_nothing_of_it_is_taken(open_shop, lines):
    """By a follower that has never heard of the producer, and by one that has: nothing sticks."""
    shop = open_shop({**NO_BREAKER, "feed.silence_ms": 2000})
    line = lines(shop, "product")
    shop.settings["order.product_url"] = line.url
    line.says(Answer())
    shop.start()
    for begun in (False, True):
        for what, answer in FEEDS.items():
            line.says(answer)
            shop.kill("order")
            shop.launch("order")  # which asks at once
            line.wait_asked("/events", times=2)
            names_itself = any(each.startswith("Feed-Producer") for each in answer.headers)
            assert shop["order"].get("/readyz").status_code == (503 if names_itself else 200), what
        order = shop.order()["id"]
        shop.page_of(order)
        assert shop.get_order(order)["status"] == "Requested"
        line.says(None)
        shop.wait_order(order, "Completed")
        assert shop["order"].get("/dead-letters").json()["_embedded"]["deadLetters"] == [], begun
    shop.restart("order")
    check_rules(shop, [1, 2])


@pytest.mark.parametrize("other", ["stock", "order", "customercenter"])
def test_another_service_at_the_kitchens_address_is_found_out_and_harms_nothing(open_shop, lines, other):
    """A wrong port in the settings: it is a service of this shop, with a feed and problems of the same form."""
    shop = open_shop({**NO_BREAKER, **PATIENT})
    shop.settings["order.product_url"] = shop.url(other)
    shop.start("product", "stock", "customercenter").launch("order")
    trouble = {"status": "DOWN", "reason": "another service answers at the address of product: look at order.product_url"}
    eventually(lambda: says_ready(shop, "order") == (503, trouble), what="order says what is wrong")
    order = shop.order()["id"]
    ticket_id = shop.ticket_of(order)["id"]
    assert is_unknown(shop.cancel(order))
    feeds = shop["order"].get("/feeds").json()["_embedded"]["feeds"]
    assert [(each["source"], each["epoch"], each["position"], each["state"]) for each in feeds] == [("product", "0", 0, "another service")]
    shop.stop("order")
    del shop.settings["order.product_url"]
    shop.start("order")
    assert shop["product"].get(f"/products/{ticket_id}").json()["status"] == "Ready"
    assert shop.cancel(order).status_code == 200
    check_rules(shop, [order])


def test_another_service_at_stocks_address_makes_no_coffee(open_shop):
    shop = open_shop(NO_BREAKER)
    shop.settings["product.stock_url"] = shop.url("order")
    shop.start("order", "stock", "customercenter").launch("product")
    eventually(lambda: "look at product.stock_url" in str(says_ready(shop, "product")), what="product says what is wrong")
    order = shop.order()["id"]
    shop.ticket_of(order)
    counter = shop["product"].post("/products", json={"productName": "Tea", "qty": 1})
    assert counter.status_code == 503, counter.text
    assert (shop.get_order(order)["status"], shop.all("products")[0]["status"]) == ("Requested", "Ready")
    shop.stop("product")
    del shop.settings["product.stock_url"]
    shop.start("product")
    shop.wait_order(order, "Completed")
    check_rules(shop, [order])


@pytest.mark.parametrize("other", ["stock", "customercenter"])  # which has said a lot, and nothing at all
def test_a_view_is_not_built_of_another_services_events(open_shop, other):
    shop = open_shop({"feed.silence_ms": 500}).start()
    told = rebuilt_with(shop, shop.url(other))
    assert f"product can't be followed at {shop.url(other)}" in told, told


def test_of_what_something_else_says_no_view_is_built(open_shop, lines):
    shop = open_shop({"feed.silence_ms": 500}).start()
    line = lines(shop, "product")
    line.says(Answer())
    assert f"{line.url} does not say how far its events are" in rebuilt_with(shop, line.url)


def rebuilt_with(shop, product_url):
    """What a rebuild says that finds something else at the kitchen's address; the view stays as it is."""
    order = shop.order()["id"]
    shop.wait_order(order, "Completed")
    eventually(lambda: shop.page_of(order)["orderStatus"] == "Completed")
    before = shop.all("mypages")
    settings = {**shop.settings_of_all(), "customercenter.product_url": product_url}
    done = run_program("view", "rebuild", *flags(settings))
    assert done.returncode == 1, done
    assert shop.all("mypages") == before
    shop.restart("customercenter")
    assert shop.all("mypages") == before
    return done.stderr
