"""A shop that is exported to a file and imported somewhere else: what the tests of moving have in common."""
from checksums import changed
from eventually import eventually
from rules import Snapshot, has_caught_up, wait_until_the_view_has_heard_all
from shop import PAID, flags, run_program

MANY = 200_000


def place_of(shop, **more):
    """The settings by which export and import find what a shop keeps."""
    return flags({"data": shop.data["order"], **{name: value for name, value in shop.settings.items() if name in STORES}, **more})


OWNERS = {"orders": "order", "products": "product", "stocks": "stock", "mypages": "customercenter", "payments": "payment"}
STORES = ("store.sql", "stock.redis", "stock.redis_password_file")


def move(what, shop, file, says=None, **options):
    """Runs `coffeeshop export` or `import`, which has to do it; or, with `says`, to refuse it in such words."""
    told = run_program(what, str(file), *place_of(shop), **{"env": shop.environment, **options})
    if says is None:
        assert told.returncode == 0, told.stderr
    else:
        assert told.returncode == 1, told.stdout
        assert says in told.stderr.splitlines()[-1], told.stderr
    return told


def a_shop_with_everything(open_shop, settings=None):
    """A shop that pays first, in which orders were made, cancelled and paid back, given back by an operator, and are waiting. It is stopped."""
    shop = open_shop({"customercenter.heartbeat_ms": 250, **(settings or {})}, services=PAID).start()
    made = [shop.order("Americano")["id"] for _ in range(5)]
    for each in made:
        shop.wait_order(each, "Completed")
    waiting = shop.order("Mocha", 101)["id"]
    shop.wait_order(waiting, "Out of stock")
    canceled = shop.order("Latte", 101)["id"]
    shop.wait_order(canceled, "Out of stock")
    assert shop.cancel(canceled).status_code == 200
    keyed = shop.order("Tea", **{"Idempotency-Key": "monday-1"})["id"]
    shop.wait_order(keyed, "Completed")
    assert shop.ask_order("Tea", method="test-declined").status_code == 402
    paid = shop.get_order(made[0])["paymentId"]
    answer = shop["payment"].put(f"/payments/{paid}", json={"status": "Refunded", "reason": "it was cold"})
    assert answer.status_code == 200, answer.text
    shop.receive(7, "Tea")
    for each in (canceled, made[0]):
        eventually(lambda each=each: shop.get_order(each)["paymentStatus"] == "Refunded", what="the money has gone back")
    eventually(lambda: has_caught_up(Snapshot(shop)), what="nothing moves any more")
    wait_until_the_view_has_heard_all(shop, ("order", "product", "stock", "payment"))
    return shop, {"made": made, "waiting": waiting, "canceled": canceled, "keyed": keyed}


def everything_told(shop):
    """All that a client can see, but for what a start changes."""
    return {name: shop.all(name) for name in ("orders", "products", "stocks", "mypages", "payments") if OWNERS[name] in shop.running}


def as_rows(told):
    """Without what a service's address and its start change: who waits for goods is asked for again then."""
    return {name: [{key: value for key, value in row.items() if key not in ("_links", "updatedAt")} for row in rows] for name, rows in told.items()}


def add_many_orders(shop):
    """So many orders more, and their pages, in the files of a stopped shop, as they would be if they had been made."""
    directory = shop.data["order"]
    with changed(directory / "order.db") as db:
        db.execute("WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO orders (id, state, product_name, qty, amount, "
                   "currency, ticket_version, version, created_at, updated_at) SELECT i, 4, 'Americano', 1, 4500, 'KRW', 3, 4, i, i FROM n", (1000 + MANY - 1,))
        db.execute("UPDATE tally SET n = (SELECT count(*) FROM orders), last_id = (SELECT max(id) FROM orders)")
    with changed(directory / "customercenter.db") as db:
        db.execute("WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO mypage SELECT i, (SELECT max(change) FROM mypage) "
                   "+ i, order_status, ticket_status, i, product_name, 1, 1, 1, 1, timeline, 0, 0, 0 FROM n, (SELECT * FROM mypage WHERE id = 1)", (1000 + MANY - 1,))


def lines_of(file):
    return file.read_bytes().splitlines(keepends=True)
