"""A service's data is lost, or put back from an older backup, and the others' isn't: that is noticed, said, and stays so."""
import shutil
import sqlite3

import pytest

from checksums import changed
from eventually import eventually
from shop import LINKS, client, flags, run_program

FILES = {"order": "order.db", "product": "product.db", "stock": "stock.lmdb", "customercenter": "customercenter.db"}
WHAT_TO_DO = "the whole data directory"


def files_of(shop, name):
    """A service's database, with what its engine keeps beside it."""
    return sorted(shop.data[name].glob(FILES[name] + "*"))


def lose(shop, name):
    for file in files_of(shop, name):
        file.unlink()


def keep_copy(shop, name):
    kept = shop.directory / f"backup-{name}"
    kept.mkdir()
    for file in files_of(shop, name):
        shutil.copy2(file, kept)
    return kept


def put_back(shop, name, kept):
    lose(shop, name)
    for file in kept.iterdir():
        shutil.copy2(file, shop.data[name])


def forget_epoch(shop, name):
    """As if the data were on a volume of its own that was lost whole."""
    (shop.data[name] / f"{name}.epoch").unlink()


def make_orders(shop, n):
    ids = [shop.order()["id"] for _ in range(n)]
    for each in ids:
        shop.wait_order(each, "Completed")
        shop.page_of(each)
    eventually(lambda: all(page["orderStatus"] == "Completed" for page in shop.all("mypages")))
    return ids


def start_without_waiting(shop, *names):
    """Some won't be ready, and that is what is looked at."""
    wait, shop.wait_ready = shop.wait_ready, lambda name: eventually(lambda: shop[name].get("/livez").status_code == 200)
    try:
        shop.start(*names)
    finally:
        shop.wait_ready = wait


def reason(shop, name):
    answer = shop[name].get("/readyz")
    assert answer.status_code == 503, f"{name} is ready"
    return answer.json()["reason"]


def wait_reason(shop, name, text):
    return eventually(lambda: text in (reason(shop, name)), what=f"{name} says: {text}") and reason(shop, name)


def assert_no_order_is_taken(shop):
    answer = shop["order"].post("/orders", json={"productName": "Americano", "qty": 1})
    assert answer.status_code == 503, answer.text
    assert WHAT_TO_DO in answer.json()["detail"]


def test_orders_that_lost_their_data_are_not_taken_and_everybody_says_what_to_do(open_shop):
    shop = open_shop().start()
    make_orders(shop, 6)
    shop.stop()
    lose(shop, "order")
    start_without_waiting(shop)
    assert_no_order_is_taken(shop)  # at once: before anybody else could have told
    assert "this is not the data that order has worked with" in reason(shop, "order")
    assert WHAT_TO_DO in wait_reason(shop, "product", "the events of order are not those")
    assert "coffeeshop view rebuild" in wait_reason(shop, "customercenter", "the events of order are not those")
    assert shop["order"].get("/orders").status_code == 200
    assert shop["stock"].get("/readyz").status_code == 200
    tickets = shop.all("products")
    assert len(tickets) == 6 and {ticket["status"] for ticket in tickets} == {"Completed"}


def test_a_loss_stays_said_over_a_restart_of_everything(open_shop):
    shop = open_shop().start()
    make_orders(shop, 3)
    shop.stop()
    lose(shop, "order")
    for _ in range(2):
        start_without_waiting(shop)
        assert_no_order_is_taken(shop)
        for name in ("product", "customercenter"):
            wait_reason(shop, name, "the events of order are not those")
        shop.stop()


@pytest.mark.parametrize("with_epoch_file", [True, False], ids=["epoch file", "no epoch file"])
def test_an_older_backup_of_the_orders_is_noticed_however_far_it_has_come_again(open_shop, with_epoch_file):
    shop = open_shop().start()
    make_orders(shop, 3)
    shop.stop()
    kept = keep_copy(shop, "order")
    shop.start()
    make_orders(shop, 4)
    shop.stop()
    put_back(shop, "order", kept)
    if not with_epoch_file:
        # Alone it can't know that it is old. It takes orders, and comes further than the others have read.
        forget_epoch(shop, "order")
        shop.start("order")
        for _ in range(20):
            shop.order()
        shop.stop()
    start_without_waiting(shop)
    wait_reason(shop, "product", "the events of order are not those")
    wait_reason(shop, "customercenter", "the events of order are not those")
    assert WHAT_TO_DO in wait_reason(shop, "order", "order has worked with" if with_epoch_file else "product has read events of order")
    assert_no_order_is_taken(shop)
    assert len(shop.all("products")) == 7, "no ticket is made of events that are not the ones"
    assert len(shop.all("mypages")) == 7


@pytest.mark.parametrize("with_epoch_file", [True, False], ids=["epoch file", "no epoch file"])
def test_a_kitchen_that_lost_its_data_makes_nothing_again(open_shop, with_epoch_file):
    shop = open_shop().start()
    make_orders(shop, 5)
    shop.stop()
    lose(shop, "product")
    if not with_epoch_file:
        forget_epoch(shop, "product")
    start_without_waiting(shop)
    assert WHAT_TO_DO in wait_reason(shop, "product", "product has worked with" if with_epoch_file
                                     else "order has read events of product")
    wait_reason(shop, "order", "the events of product are not those")
    wait_reason(shop, "customercenter", "the events of product are not those")
    assert shop.all("products") == [], "no order is made a second time"
    assert shop.on_hand() == 95
    assert {order["status"] for order in shop.all("orders")} == {"Completed"}
    answer = shop["product"].post("/products", json={"productName": "Tea", "qty": 1})
    assert answer.status_code == 503, "its id would be another ticket's"
    assert shop["product"].get("/livez").status_code == 200, "it is not stuck: a restart would change nothing"


def test_stock_that_lost_its_data_gives_nothing_out(open_shop):
    shop = open_shop().start()
    make_orders(shop, 2)
    shop.stop()
    lose(shop, "stock")
    start_without_waiting(shop)
    assert "stock has worked with" in reason(shop, "stock")
    wait_reason(shop, "product", "the events of stock are not those")
    wait_reason(shop, "customercenter", "the events of stock are not those")
    answer = shop["stock"].post("/stocks/reduce", json={"productName": "Tea", "qty": 1})
    assert answer.status_code == 503


@pytest.mark.parametrize("name", ["order", "product", "stock"])
def test_a_damaged_file_is_refused_with_an_advice_that_keeps_the_services_together(open_shop, name):
    shop = open_shop().start()
    make_orders(shop, 1)
    shop.stop()
    for file in files_of(shop, name):
        file.write_bytes(b"not what it was" * 1000)
    refused = run_program(name, *flags(shop.settings_of(name)))
    assert refused.returncode == 1
    assert "is damaged" in refused.stderr and WHAT_TO_DO in refused.stderr, refused.stderr


def test_the_whole_directory_put_back_is_one_shop_that_goes_on(open_shop):
    shop = open_shop().start()
    make_orders(shop, 3)
    shop.stop()
    kept = shop.directory / "backup"
    shutil.copytree(shop.data["order"], kept)
    shop.start()
    make_orders(shop, 4)
    shop.stop()
    shutil.rmtree(shop.data["order"])
    shutil.copytree(kept, shop.data["order"])
    shop.start()
    assert make_orders(shop, 2) == [4, 5]


def test_the_whole_directory_moved_away_is_a_new_shop(open_shop):
    shop = open_shop().start()
    make_orders(shop, 2)
    shop.stop()
    shop.data["order"].rename(shop.directory / "away")
    shop.start()
    assert make_orders(shop, 2) == [1, 2]


def test_a_lost_view_builds_itself_again(open_shop):
    shop = open_shop().start()
    make_orders(shop, 3)
    before = shop.all("mypages")
    shop.stop()
    lose(shop, "customercenter")
    shop.start()
    eventually(lambda: shop.all("mypages") == before, what="the view is as it was")


def test_cursors_from_before_epochs_take_them_on(open_shop):
    shop = open_shop().start()
    make_orders(shop, 2)
    shop.stop()
    for name in ("order", "product", "customercenter"):
        with changed(shop.data[name] / FILES[name]) as db:
            db.execute("UPDATE cursor SET epoch = 0")
    shop.start()
    make_orders(shop, 1)
    shop.stop()
    for name in ("order", "product", "customercenter"):
        with sqlite3.connect(shop.data[name] / FILES[name]) as db:
            epochs = dict(db.execute("SELECT source, epoch FROM cursor"))
        assert set(epochs) == set(LINKS[name]) and min(epochs.values()) > 1, (name, epochs)


def test_a_cursor_from_before_epochs_that_was_refused_stays_refused(open_shop):
    """Positions alone would make it fit again as soon as the producer has come so far."""
    shop = open_shop().start("order", "product", "stock")
    shop.wait_order(shop.order()["id"], "Completed")
    shop.stop()
    with changed(shop.data["product"] / FILES["product"]) as db:
        db.execute("UPDATE cursor SET epoch = 0, position = 10 WHERE source = 'order'")
    start_without_waiting(shop, "order", "product", "stock")
    wait_reason(shop, "product", "the events of order are not those")
    for _ in range(12):
        assert shop["order"].post("/orders", json={"productName": "Tea", "qty": 1}).status_code == 201
    shop.stop("product")
    start_without_waiting(shop, "product")
    wait_reason(shop, "product", "the events of order are not those")


def expire_events(shop, name):
    """Everything but the newest batch of a stopped service's events is older than it keeps them, and goes."""
    with changed(shop.data[name] / FILES[name]) as db:
        db.execute("UPDATE outbox SET at = at - 7200000000 WHERE first < (SELECT max(first) FROM outbox)")
    shop.settings["outbox.retain_hours"] = 1
    shop.start(name)

    def is_gone():
        shop.order(item="Tea")  # what is too old goes after a commit
        with shop["order"].stream("GET", "/events", headers={"Last-Event-ID": "0"}) as answer:
            return answer.status_code == 410

    eventually(is_gone, every=0.2, what=f"events of {name} are gone")


def test_a_view_that_was_away_for_too_long_says_so_until_somebody_decides(open_shop):
    shop = open_shop().start()
    first = make_orders(shop, 2)
    shop.stop("customercenter")
    missed = [shop.order()["id"] for _ in range(3)]
    for each in missed:
        shop.wait_order(each, "Completed")
    shop.stop("order")
    expire_events(shop, "order")
    for _ in range(2):
        start_without_waiting(shop, "customercenter")
        text = wait_reason(shop, "customercenter", "the events of order from 3 on are needed here and are kept from")
        assert "coffeeshop feeds customercenter resume order" in text
        assert shop["customercenter"].get("/mypages").status_code == 200
        shop.stop("customercenter")
    start_without_waiting(shop, "customercenter")
    wait_reason(shop, "customercenter", "are needed here")
    own = flags(shop.settings_of_all())
    assert "gap" in run_program("feeds", "customercenter", *own).stdout
    assert run_program("feeds", "customercenter", "resume", "stock", *own).returncode == 1
    assert run_program("feeds", "customercenter", "resume", "nobody", *own).returncode == 1
    done = run_program("feeds", "customercenter", "resume", "order", *own)
    assert (done.returncode, done.stderr) == (0, ""), done
    shop.wait_ready("customercenter")
    last = make_orders(shop, 1)
    seen = {page["orderId"] for page in shop.all("mypages")}
    assert {*first, *last} <= seen and not seen & set(missed[:2])
    shop.restart("customercenter")
    assert shop["customercenter"].get("/readyz").status_code == 200


def test_services_started_in_any_order_log_no_warning(open_shop):
    shop = open_shop()
    for name in ("customercenter", "product", "order", "stock"):
        shop.start(name)
    make_orders(shop, 1)
    for name in shop.services:
        output = shop.running[name].output()
        assert "warning: " not in output and "error: " not in output, output


def test_a_follower_is_told_the_epoch_and_refused_with_another(own_shop):
    make_orders(own_shop, 1)
    with client(own_shop.url("order")) as http:
        with http.stream("GET", "/events", headers={"Last-Event-ID": "1"}) as answer:
            epoch = answer.headers["feed-epoch"]
        with http.stream("GET", "/events", headers={"Last-Event-ID": "1", "Feed-Epoch": epoch}) as answer:
            assert answer.status_code == 200
        for other, status in ((str(int(epoch) ^ 1), 409), ("x", 400)):
            with http.stream("GET", "/events", headers={"Last-Event-ID": "1", "Feed-Epoch": other}) as answer:
                assert answer.status_code == status
        own_shop.restart("order")
        with http.stream("GET", "/events", headers={"Last-Event-ID": "1", "Feed-Epoch": epoch}) as answer:
            assert answer.status_code == 200 and answer.headers["feed-epoch"] != epoch
