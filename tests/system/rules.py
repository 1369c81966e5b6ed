"""The rules that must never break, checked from outside: everything is read over HTTP and held against everything else.

check_rules() first waits until the shop has caught up (rules 6 and 8 say that it does), then asserts what must hold at rest.
The numbers are those of ARCHITECTURE.md, "The nine rules". Rule 7 is payment's: paying.py adds it up.
"""
from collections import Counter, defaultdict

from eventually import eventually

AT_REST = {"Completed", "Out of stock", "Canceled"}
TOOK_STOCK = {"Producing", "Completed"}
FIRST_STOCK = 100


class Snapshot:
    """All that the services tell."""

    def __init__(self, shop):
        self.orders = {order["id"]: order for order in shop.all("orders")}
        self.tickets = shop.all("products")
        self.stocks = {row["productName"]: row["qty"] for row in shop.all("stocks")}
        self.pages = defaultdict(list)
        for page in shop.all("mypages"):
            self.pages[page["orderId"]].append(page)
        self.tickets_by_id = {ticket["id"]: ticket for ticket in self.tickets}


def check_rules(shop, acknowledged=(), *, stock_set=None, received=None, taken=None, counter_tickets=(), within=90):
    """Asserts the rules. `acknowledged` are the ids of orders that were answered 201; `stock_set` and `received` are what the
    stock keeper did per item, `taken` what was reduced directly. `counter_tickets` are the ids of tickets answered 201 at the
    counter. Returns the snapshot."""
    eventually(lambda: has_caught_up(Snapshot(shop)), within=within, every=0.2, what="the shop has caught up")
    seen = Snapshot(shop)
    no_acknowledged_order_is_lost(seen, acknowledged, counter_tickets)
    stock_was_taken_once(seen, stock_set or {}, received or {}, taken or {})
    canceled_orders_are_not_made(seen)
    orders_agree_with_their_tickets(seen)
    feeds = {name: shop.events(name) for name in ("order", "product", "stock")}
    events_are_in_order(feeds)
    production_is_announced_once_and_never_after_a_cancel(seen, feeds)
    return seen


def followed(shop, producer):
    """How far the view has come in that producer's feed."""
    label = f'coffeeshop_follower_position{{producer="{producer}"}} '
    lines = shop["customercenter"].get("/metrics").text.splitlines()
    return next(int(float(line.removeprefix(label))) for line in lines if line.startswith(label))


def wait_until_the_view_has_heard_all(shop, producers=("order", "product", "stock")):
    for producer in producers:
        newest = shop.events(producer)[-1][0]
        eventually(lambda: followed(shop, producer) >= newest, what=f"the view has heard all of {producer}")


def has_caught_up(seen):
    """Rules 6 and 8: every order ends somewhere, and the view says what the owners say."""
    waiting = [order["id"] for order in seen.orders.values() if order["status"] not in AT_REST]
    assert not waiting, f"{len(waiting)} orders still wait, the first is {seen.orders[waiting[0]]}"
    for ticket in seen.tickets:
        assert ticket["status"] in AT_REST, f"a ticket still waits: {ticket}"
    for order in seen.orders.values():
        pages = seen.pages.get(order["id"], [])
        assert len(pages) == 1, f"order {order['id']} has {len(pages)} pages"
        page = pages[0]
        assert page["orderStatus"] == order["status"], f"{page} is not {order}"
        assert (page["productName"], page["qty"]) == (order["productName"], order["qty"]), f"{page} is not {order}"
        ticket = seen.tickets_by_id.get(order["productId"])
        if ticket is not None:
            assert page["productId"] == ticket["id"] and page["productStatus"] == ticket["status"], f"{page} is not {ticket}"
    return True


def no_acknowledged_order_is_lost(seen, acknowledged, counter_tickets):
    """Rule 1."""
    lost = sorted(set(acknowledged) - set(seen.orders))
    assert not lost, f"{len(lost)} acknowledged orders are gone: {lost[:10]}"
    lost = sorted(set(counter_tickets) - set(seen.tickets_by_id))
    assert not lost, f"{len(lost)} acknowledged tickets are gone: {lost[:10]}"


def stock_was_taken_once(seen, stock_set, received, taken):
    """Rules 2, 4 and 5: what left the shelf is what was produced, to the piece."""
    produced = Counter()
    for ticket in seen.tickets:
        if ticket["status"] in TOOK_STOCK:
            produced[ticket["productName"]] += ticket["qty"]
    for item, qty in seen.stocks.items():
        expected = stock_set.get(item, FIRST_STOCK) + received.get(item, 0) - taken.get(item, 0) - produced[item]
        assert qty >= 0, f"{item}: {qty} on hand"
        assert qty == expected, f"{item}: {qty} on hand, {expected} if every produced order took its stock once"


def canceled_orders_are_not_made(seen):
    """Rule 3."""
    for order in seen.orders.values():
        tickets = tickets_of(seen, order)
        if order["status"] == "Canceled":
            assert all(ticket["status"] == "Canceled" for ticket in tickets), f"{order} has {tickets}"
        else:
            assert all(ticket["status"] != "Canceled" for ticket in tickets), f"{order} has {tickets}"


def tickets_of(seen, order):
    """The order's own ticket. Tickets of the counter may note any order's id; they are not named by it."""
    ticket = seen.tickets_by_id.get(order["productId"])
    return [ticket] if ticket else []


def orders_agree_with_their_tickets(seen):
    """An order's ticket is one, is its own, and has its status and content."""
    owners = Counter(order["productId"] for order in seen.orders.values() if order["productId"] is not None)
    shared = [ticket for ticket, n in owners.items() if n > 1]
    assert not shared, f"orders share tickets {shared}"
    for order in seen.orders.values():
        if order["status"] in ("Completed", "Out of stock"):
            ticket = seen.tickets_by_id.get(order["productId"])
            assert ticket is not None, f"{order} has no ticket"
            for member in ("productName", "qty", "status"):
                assert ticket[member] == order[member], f"{order} has {ticket}"
            assert ticket["orderId"] == order["id"], f"{order} has {ticket}"


def events_are_in_order(feeds):
    """Rule 9: positions and, per subject, versions only grow; no event is announced twice."""
    for name, events in feeds.items():
        positions = [position for position, _ in events]
        assert positions == sorted(set(positions)), f"{name}: positions do not grow"
        ids = Counter((event.get("cell", 0), event["id"]) for _, event in events)  # a cell's own
        assert not [i for i, n in ids.items() if n > 1], f"{name}: an event id was used twice"
        newest = {}
        for _, event in events:
            # Stock counts the events of a row, whatever they are about; the others those of an order or a counter ticket.
            key = event["data"]["id"] if name == "stock" else event["subject"]
            if name == "stock":
                assert event["version"] == newest.get(key, 0) + 1, f"{name}: {event} after version {newest.get(key, 0)}"
            assert event["version"] > newest.get(key, 0), f"{name}: {event} after version {newest[key]}"
            newest[key] = event["version"]


def production_is_announced_once_and_never_after_a_cancel(seen, feeds):
    """Rules 2 to 4, in the events: what other services act upon."""
    told = defaultdict(Counter)
    for _, event in feeds["product"]:
        told[event["subject"]][event["type"]] += 1
    for order in seen.orders.values():
        types = told[str(order["id"])]
        assert types["ProductionStarted"] <= 1 and types["Produced"] <= 1 and types["ProductCanceled"] <= 1, f"{order}: {types}"
        if order["status"] == "Completed":
            assert types["Produced"] == 1 and not types["ProductCanceled"], f"{order}: {types}"
        if order["status"] == "Canceled":
            assert not types["ProductionStarted"] and not types["Produced"], f"{order}: {types}"
