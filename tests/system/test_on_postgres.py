"""Order, product, payment and the view on PostgreSQL by settings alone: the same shop, and what its tables say is what was answered."""
import pytest

from core_dump import WITH_CORES, leaves_a_core
from eventually import eventually
from five_minutes import WAITS, walk_through
from rules import check_rules
from shop import PATIENT, Process, flags, run_program
from sql_rules import check_tables

ON_SERVER = ("order", "product", "payment")
KEPT_THERE = (*ON_SERVER, "customercenter")


def test_the_five_minutes_are_the_same(open_shop_on, database):
    shop = open_shop_on(database, WAITS).start()
    ids = walk_through(shop)
    check_rules(shop, ids, received={"Mocha": 50})
    check_tables(database, ids, given_back=ids[:1])


def test_nothing_of_theirs_is_in_the_directory(open_shop_on, database):
    shop = open_shop_on(database).start()
    shop.wait_order(shop.order()["id"], "Completed")
    shop.stop()
    kept = {path.name for path in (shop.directory / "data").iterdir()}
    assert not {f"{name}.db" for name in KEPT_THERE} & kept, kept
    assert "stock.lmdb" in kept
    assert {row[0] for row in database.sql("SELECT nspname FROM pg_namespace")} >= set(KEPT_THERE)


def test_what_was_said_before_a_start_is_read_from_the_server(open_shop_on, database):
    """Nothing is in memory then: followers that come from the beginning are served from the tables."""
    shop = open_shop_on(database).start()
    ids = [shop.order("Tea")["id"] for _ in range(20)]
    for order in ids:
        shop.wait_order(order, "Completed")
    before = {name: shop.events(name) for name in ON_SERVER}
    shop.stop(*ON_SERVER)
    shop.start(*ON_SERVER)
    assert {name: shop.events(name) for name in ON_SERVER} == before
    assert len(before["order"]) == 20
    late = shop["order"].get("/events", headers={"Last-Event-ID": "4711", "Accept": "text/event-stream"})
    assert late.status_code == 409
    check_tables(database, ids)


def test_dead_letters_are_kept_there_and_tried_again(open_shop_on, database):
    shop = open_shop_on(database).start()
    database.sql("INSERT INTO \"order\".dead_letter (cell, source, position, at, reason, frame) VALUES (0, 'product', 1, 1, 'a test', '{}')")
    letters = shop["order"].get("/dead-letters").json()["_embedded"]["deadLetters"]
    assert [(letter["source"], letter["position"], letter["reason"]) for letter in letters] == [("product", 1, "a test")]
    again = shop["order"].post("/dead-letters/replay", json={"source": "product", "position": 1})
    assert (again.status_code, again.json()["member"]) == (409, "position")
    assert shop["order"].post("/dead-letters/replay", json={"source": "product", "position": 2}).status_code == 404
    assert shop["stock"].get("/dead-letters").status_code == 404


def test_the_whole_shop_runs_on_it_by_one_setting(open_shop_on, database, tmp_path):
    """What `up` hands to its services has the address, and its own environment the password."""
    shop = open_shop_on(database, PATIENT)
    up = Process(["up", *flags(shop.settings_of_all())], tmp_path / "up.log", env=database.environment)
    try:
        shop.wait_ready("order")
        shop.wait_ready("payment")
        order = shop.order()
        assert order["paymentStatus"] == "Paid"
        eventually(lambda: f"What lasts is kept in {shop.directory / 'data'} and in {database.url}." in up.output(), what="it says where")
    finally:
        assert up.stop() == 0
    assert database.number('SELECT count(*) FROM "order".orders') == 1


@pytest.mark.parametrize("address", ["postgresql://shop:hush-hush@127.0.0.1/shop", "host=127.0.0.1 user=shop password=hush-hush",
                                     "postgresql:///shop?user=shop&password=hush-hush"])
def test_a_password_in_the_address_is_refused_and_not_repeated(tmp_path, address):
    for arguments in (["order", f"--store.sql={address}"], ["settings", "order", f"--store.sql={address}"]):
        told = run_program(*arguments, cwd=tmp_path)
        assert told.returncode == 2 and "store.sql has to be the address of a server without a password in it" in told.stderr
        assert "hush" not in told.stdout + told.stderr


def test_the_address_is_shown_and_the_password_is_not(open_shop_on, database):
    shop = open_shop_on(database).start("stock", "payment", "order")
    shop.order()
    told = run_program("settings", "order", *flags(shop.settings_of("order")), env=database.environment)
    assert f"store.sql = {database.url}" in told.stdout
    said = told.stdout + told.stderr + "".join(running.output() for running in shop.running.values())
    assert database.environment["PGPASSWORD"] not in said


@pytest.mark.parametrize("by", ["environment", "file"])
def test_a_process_that_knows_the_password_leaves_no_core_dump(open_shop_on, database, tmp_path, by):
    shop = open_shop_on(database, PATIENT)
    if by == "file":
        passfile = tmp_path / "pgpass"
        passfile.write_text(f"127.0.0.1:*:*:shop:{database.environment['PGPASSWORD']}\n")
        passfile.chmod(0o600)
        shop.environment = {name: value for name, value in database.environment.items() if name != "PGPASSWORD"}
        shop.settings["store.sql"] += f"?passfile={passfile}"
    shop.start("order", **WITH_CORES)
    assert shop.all("orders") == []
    assert not leaves_a_core(shop.running["order"])
