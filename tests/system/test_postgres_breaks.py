"""What a database server does to the services on it: it is away, restarts, falls silent, is another one, refuses. What was answered is in its
tables, once, whatever happens; that is looked at by SQL."""
import os
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eventually import eventually
from load import Customers
from postgres import Postgres
from rules import check_rules
from shop import Process, client, flags, run_program
from sql_rules import check_tables, wait_until_nothing_moves

ON_SERVER = ("order", "product", "payment")
SEED = int(os.environ.get("SEED", "20261129"))
PLENTY = 1_000_000
QUICK = {"product.start_after_ms": 30, "product.brew_ms": 10}
LISTS = {"order": "orders", "product": "products", "payment": "payments"}


def stock_up(shop):
    for item in ("Americano", "Latte", "Tea"):
        shop.set_stock(PLENTY, item)
    return {item: PLENTY for item in ("Americano", "Latte", "Tea")}


def check(shop, database, customers, stocked):
    assert len(customers.acknowledged) > 20
    assert len(set(customers.acknowledged.values())) == len(customers.acknowledged), "a key stands for two orders"
    seen = check_rules(shop, customers.acknowledged, stock_set=stocked)
    for order in customers.canceled:
        assert seen.orders[order]["status"] == "Canceled"
    check_tables(database, customers.acknowledged)


@pytest.mark.parametrize("victim", ON_SERVER)
def test_a_service_killed_at_any_moment_leaves_tables_that_agree(open_shop_on, database, victim):
    shop = open_shop_on(database, QUICK).start()
    stocked = stock_up(shop)
    with Customers(shop, SEED + ON_SERVER.index(victim)) as customers:
        for _ in range(4):
            customers.go_on(0.8)
            shop.restart(victim)
    check(shop, database, customers, stocked)


@pytest.fixture
def kept_shop(open_shop_on, database, tmp_path):
    """A shop whose supervisor starts again what ends."""
    shop = open_shop_on(database, {**QUICK, "up.backoff_max_ms": 1000})
    up = Process(["up", *flags(shop.settings_of_all())], shop.directory / "up.log", env=shop.environment)
    try:
        for name in shop.services:
            shop.wait_ready(name)
        yield shop
    finally:
        status = up.stop()
        print(up.output()[-6000:])
    assert status == 0


@pytest.mark.parametrize("how, away_s", [(signal.SIGINT, 0), (signal.SIGQUIT, 0), (signal.SIGINT, 10)])
def test_a_restart_of_the_server_under_load_loses_and_doubles_nothing(kept_shop, postgres, database, how, away_s):
    shop = kept_shop
    stocked = stock_up(shop)
    with Customers(shop, SEED + away_s + how) as customers:
        customers.go_on(1.5)
        postgres.halt(how)
        customers.go_on(away_s)
        postgres.start()
        known = len(customers.acknowledged)
        eventually(lambda: customers.problems or len(customers.acknowledged) > known + 20, within=40, what="orders are taken again")
    for name in shop.services:
        shop.wait_ready(name)
    check(shop, database, customers, stocked)


def waits_only_in_its_own_thread(shop, name, path):
    """While a read waits for a server that says nothing, the service answers others. The answer that it gets in the end."""
    with ThreadPoolExecutor(1) as pool, client(shop.url(name)) as http:
        waiting, meanwhile = pool.submit(http.get, path), 0
        while not waiting.done():
            assert shop[name].get("/livez").status_code == 200
            meanwhile += not waiting.done()
        assert meanwhile > 0, f"nobody was answered before {path} was"
        return waiting.result()


def assert_says_that_it_is_away(shop, name, pid):
    assert shop.running[name].is_running() and shop.running[name].pid == pid
    assert shop[name].get("/livez").status_code == 200
    told = shop[name].get("/readyz")
    assert told.status_code == 503 and "server that keeps its data is away" in told.json()["reason"], told.text
    return True


@pytest.mark.parametrize("frozen", [False, True], ids=["away", "silent"])
def test_a_service_without_its_server_stays_up_says_so_and_comes_back(open_shop_on, postgres, database, frozen):
    shop = open_shop_on(database).start()
    first = shop.order()
    shop.wait_order(first["id"], "Completed")
    wait_until_nothing_moves(shop, database)
    pids = {name: shop.running[name].pid for name in ON_SERVER}
    postgres.freeze() if frozen else postgres.halt()
    try:
        if frozen:  # all at once: who has heard already that the server is away answers at once
            with ThreadPoolExecutor(len(ON_SERVER)) as pool:
                answers = list(pool.map(lambda name: waits_only_in_its_own_thread(shop, name, f"/{LISTS[name]}/1"), ON_SERVER))
            assert [answer.status_code for answer in answers] == [503] * len(ON_SERVER)
        for name in ON_SERVER:
            eventually(lambda name=name: assert_says_that_it_is_away(shop, name, pids[name]), within=20, what=f"{name} says so")
            for path in (f"/{LISTS[name]}/1", f"/{LISTS[name]}", "/dead-letters"):
                answer = shop[name].get(path)
                assert answer.status_code == 503 and answer.headers["retry-after"], f"{name} {path}: {answer.text}"
        answer = shop.ask_order()
        assert answer.status_code == 503 and answer.headers["retry-after"], answer.text
        for name in ON_SERVER:
            assert_says_that_it_is_away(shop, name, pids[name])
    finally:
        postgres.thaw() if frozen else postgres.start()
    for name in ON_SERVER:
        shop.wait_ready(name)
        assert shop.running[name].pid == pids[name], "it came back by itself"
    second = shop.order()
    shop.wait_order(second["id"], "Completed")
    check_tables(database, [first["id"], second["id"]])


def test_a_table_that_an_operator_has_locked_holds_up_what_needs_it_and_nothing_else(open_shop_on, database):
    shop = open_shop_on(database, {"query_ms": 200}).start()
    first = shop.order()
    shop.wait_order(first["id"], "Completed")
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(database.sql, 'BEGIN; LOCK TABLE "order".orders IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(7); COMMIT')
        eventually(lambda: database.number("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted") > 0, what="it is locked")
        assert shop["order"].get("/orders/1").status_code == 503
        assert shop["order"].get("/orders").status_code == 503
        assert shop.ask_order().status_code == 503 and not held.done()
        assert shop["order"].get("/livez").status_code == 200
        assert shop["product"].get("/products/1").status_code == 200
        held.result()
    shop.wait_ready("order")
    second = shop.order()
    shop.wait_order(second["id"], "Completed")
    check_tables(database, [first["id"], second["id"]])


def refused(shop, name, *says, **settings):
    """Asserts that the service ends with these words, after having waited as long as it may."""
    told = run_program(name, *flags({**shop.settings_of(name), "start.wait_ms": 300, **settings}), env=shop.environment)
    assert told.returncode == 1, f"status {told.returncode}: {told.stderr}"
    sentence = [line for line in told.stderr.splitlines() if line.startswith("coffeeshop")][-1]
    for words in says:
        assert words in sentence, told.stderr
    assert shop.environment["PGPASSWORD"] not in told.stdout + told.stderr


@pytest.mark.parametrize("name", ON_SERVER)
def test_nobody_at_the_address(open_shop_on, database, name):
    shop = open_shop_on(database)
    refused(shop, name, f"schema {name} can't be reached", **{"store.sql": "postgresql://shop@127.0.0.1:1/shop"})


def test_a_wrong_password(open_shop_on, database):
    shop = open_shop_on(database)
    shop.environment = {**database.environment, "PGPASSWORD": "not-it-4711"}
    refused(shop, "order", "can't be reached", "password authentication failed")


def test_a_database_that_isnt_there(open_shop_on, database):
    shop = open_shop_on(database)
    refused(shop, "order", 'database "nowhere" does not exist', **{"store.sql": database.url + "?dbname=nowhere"})


def test_a_schema_of_somebody_elses(open_shop_on, database):
    database.sql('CREATE SCHEMA "order"; CREATE TABLE "order".thesis (text TEXT)')
    shop = open_shop_on(database)
    refused(shop, "order", 'is another program\'s: give "order" a schema of its own')
    assert database.number("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'order'") == 1


def test_tables_of_a_newer_version(open_shop_on, database):
    shop = open_shop_on(database).start("order")
    shop.stop("order")
    database.sql("UPDATE \"order\".meta SET value = '4711' WHERE name = 'version'")
    refused(shop, "order", "was written by a newer version", "start the newer version, or restore a backup")


def test_a_database_that_can_only_be_read(open_shop_on, database):
    database.sql(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    refused(open_shop_on(database), "order", "it can only be read (a standby?): give the primary's address")


def test_data_put_back_older_is_noticed_at_the_start(open_shop_on, postgres, database):
    """The directory remembers which epoch the server's data was in."""
    shop = open_shop_on(database).start("order")
    shop.stop("order")
    older = postgres.make_database(template=database.name)
    shop.start("order")
    shop.stop("order")
    shop.settings["store.sql"] = older.url
    shop.running["order"] = Process(["order", *flags(shop.settings_of("order"))], shop.directory / "older.log", env=shop.environment)
    told = eventually(lambda: (lambda answer: answer if answer.status_code == 503 else None)(shop["order"].get("/readyz")), what="it isn't ready")
    assert "this is not the data that order has worked with here" in told.json()["reason"]
    assert shop.ask_order().status_code == 503


def test_a_second_service_on_the_same_database_is_refused_wherever_its_directory_is(open_shop_on, database):
    shop = open_shop_on(database).start("order")
    refused(open_shop_on(database), "order", "is in use by another order service")
    shop.kill("order")
    shop.start("order")  # what was killed holds nothing


START_AGAIN = 75


def test_who_was_cut_off_looks_at_its_store_before_it_believes_that_it_has_lost_something(open_shop_on, database):
    """What it has said is less than others have read of it: but what is old is only what it remembers."""
    pair = ("order", "product")
    shop = open_shop_on(database, services=(*pair, "stock")).start()
    other = open_shop_on(database, services=pair)
    other.ports["stock"] = shop.ports["stock"]
    ids = [shop.order("Tea")["id"]]
    shop.wait_order(ids[0], "Completed")
    paused = {name: shop.running[name].process for name in pair}
    for each in paused.values():
        each.send_signal(signal.SIGSTOP)
    try:
        database.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        other.start()
        ids += [other.order("Tea")["id"] for _ in range(3)]
        for order in ids:
            other.wait_order(order, "Completed")
        other.stop("product")
        paused["product"].send_signal(signal.SIGCONT)
        assert paused["product"].wait(20) == START_AGAIN
        shop.launch("product")
        paused["order"].send_signal(signal.SIGCONT)
        eventually(lambda: "the producer has read events of ours" in shop.running["order"].output(), what="order hears that it was overtaken")
        refused_now = shop.ask_order()
        assert refused_now.status_code == 503 and "this data doesn't hold" not in refused_now.text
        assert paused["order"].poll() is None, "it can't look at its store as long as somebody else has that"
        other.stop("order")
        assert paused["order"].wait(20) == START_AGAIN
    finally:
        for each in paused.values():
            each.send_signal(signal.SIGCONT)
    shop.start("order")
    shop.wait_ready("product")
    ids.append(shop.order("Tea")["id"])
    for order in ids:
        shop.wait_order(order, "Completed")
    assert len(set(ids)) == len(ids)


def test_what_others_have_read_and_its_store_does_not_hold_is_believed_when_that_was_looked_at(open_shop_on, postgres, database):
    shop = open_shop_on(database, services=("order", "product", "stock")).start()
    shop.wait_order(shop.order()["id"], "Completed")
    shop.stop()
    older = postgres.make_database(template=database.name)
    shop.start()
    shop.wait_order(shop.order()["id"], "Completed")
    shop.stop("order")
    (shop.directory / "data" / "order.epoch").unlink()
    shop.settings["store.sql"] = older.url
    shop.launch("order")

    def is_told():
        told = shop["order"].get("/readyz")
        return told.status_code == 503 and "product has read events of order that this data doesn't hold" in told.json()["reason"]

    eventually(is_told, within=20, what="order says so")
    assert "this data doesn't hold" in shop.ask_order().text
    assert shop["order"].get("/livez").status_code == 200


def break_the_next_start(database):
    """The server ends the session in which order begins its epoch, once."""
    database.sql("""CREATE SEQUENCE public.starts;
        CREATE FUNCTION public.die_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF nextval('public.starts') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$;
        CREATE TRIGGER die_once BEFORE INSERT ON "order".epoch FOR EACH ROW EXECUTE FUNCTION public.die_once()""")


def test_a_connection_that_breaks_in_the_middle_of_a_start_costs_another_start_and_not_the_shop(open_shop_on, database):
    shop = open_shop_on(database).start("order")
    shop.stop("order")
    break_the_next_start(database)
    told = run_program("order", *flags(shop.settings_of("order")), env=shop.environment)
    assert told.returncode == START_AGAIN, told.stderr
    assert "the connection to its server broke meanwhile; it ends, to be started again" in told.stderr
    database.sql("ALTER SEQUENCE public.starts RESTART")
    up = Process(["up", *flags(shop.settings_of_all())], shop.directory / "up.log", env=shop.environment)
    try:
        for name in shop.services:
            shop.wait_ready(name)
        assert up.is_running()
        shop.wait_order(shop.order()["id"], "Completed")
    finally:
        assert up.stop() == 0, up.output()[-2000:]
    assert database.number("SELECT last_value FROM public.starts") == 2, "one was broken, the next one wasn't"


def test_a_server_that_comes_later_is_waited_for(open_shop_on, postgres, database):
    shop = open_shop_on(database)
    postgres.halt()
    began = time.monotonic()
    try:
        process = Process(["payment", *flags(shop.settings_of("payment"))], shop.directory / "payment.log", env=shop.environment)
        shop.running["payment"] = process
        eventually(lambda: "waits for its store" in process.output(), what="it says that it waits")
    finally:
        postgres.start()
    shop.wait_ready("payment")
    assert process.is_running() and time.monotonic() - began < 60


WITHOUT = {"rights": ('REVOKE INSERT ON "order".orders FROM clerk', 'GRANT INSERT ON "order".orders TO clerk'),
           "a column": ('ALTER TABLE "order".orders RENAME COLUMN qty TO quantity', 'ALTER TABLE "order".orders RENAME COLUMN quantity TO qty'),
           "its type": ('ALTER TABLE "order".orders ALTER COLUMN qty TYPE boolean USING true', 'ALTER TABLE "order".orders ALTER COLUMN qty TYPE bigint USING 1')}


def test_readers_that_get_no_connection_make_a_service_unready_until_they_do(open_shop_on, database):
    database.sql("CREATE ROLE waiter LOGIN PASSWORD 'opensesame-4711'; GRANT CREATE ON DATABASE " + database.name + " TO waiter")
    shop = open_shop_on(database, {"store.sql": database.url.replace("shop@", "waiter@")}, services=("order", "payment")).start()
    first = shop.ask_order().json()["id"]
    database.sql("ALTER ROLE waiter CONNECTION LIMIT 0; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'waiter'"
                 " AND application_name = 'order' AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')")

    def says_so():
        told = shop["order"].get("/readyz")
        return told.status_code == 503 and "lets no reader in" in told.json()["reason"]

    eventually(says_so, what="it says that nobody can read, and nobody had to find out")
    assert shop["order"].get(f"/orders/{first}").status_code == 503
    assert shop["order"].get("/livez").status_code == 200
    database.sql("ALTER ROLE waiter CONNECTION LIMIT -1")
    shop.wait_ready("order")
    eventually(lambda: shop["order"].get(f"/orders/{first}").status_code == 200, what="it is read again")
    assert shop.ask_order().status_code == 201


@pytest.mark.parametrize("how", WITHOUT)
def test_what_the_database_refuses_by_its_rights_or_its_tables_is_said_to_be_refused(open_shop_on, database, how):
    database.sql("CREATE ROLE clerk LOGIN PASSWORD 'opensesame-4711'; GRANT CREATE ON DATABASE " + database.name + " TO clerk" if how == "rights" else "SELECT 1")
    settings = {"store.sql": database.url.replace("shop@", "clerk@")} if how == "rights" else {}
    shop = open_shop_on(database, settings, services=("order", "payment")).start()
    assert shop.ask_order().status_code == 201
    spoil, mend = WITHOUT[how]
    database.sql(spoil)
    for _ in range(3):
        answer = shop.ask_order()
        assert answer.status_code == 503 and "the store refuses it" in answer.json()["detail"], answer.text
        told = shop["order"].get("/readyz")
        assert told.status_code == 503 and "refuses them" in told.json()["reason"], told.text
    assert "commits succeed again" not in shop.running["order"].output(), "a small row was written, and no order"
    database.sql(mend)
    eventually(lambda: shop.ask_order().status_code == 201, within=30, what="orders are taken again")
    shop.wait_ready("order")
    eventually(lambda: "commits succeed again" in shop.running["order"].output(), what="it is said")


def test_a_column_of_a_type_that_somebody_has_changed_is_refused_and_ends_nothing(open_shop_on, database):
    shop = open_shop_on(database, services=("order", "payment")).start()
    assert shop.ask_order().status_code == 201
    database.sql('ALTER TABLE "order".orders ALTER COLUMN qty TYPE numeric')
    pid = shop.running["order"].pid
    for path in ("/orders/1", "/orders"):
        answer = shop["order"].get(path)
        assert answer.status_code == 503 and "the store refuses it" in answer.json()["detail"], answer.text
    database.sql('ALTER TABLE "order".orders ALTER COLUMN qty TYPE bigint')
    eventually(lambda: shop["order"].get("/orders/1").status_code == 200, what="it can be read again")
    assert shop.running["order"].is_running() and shop.running["order"].pid == pid


def test_who_waits_for_a_server_can_be_told_to_end(open_shop_on, database):
    shop = open_shop_on(database, {"store.sql": "postgresql://shop@127.0.0.1:1/shop", "start.wait_ms": 600_000})
    process = Process(["order", *flags(shop.settings_of("order"))], shop.directory / "order.log", env=shop.environment)
    shop.running["order"] = process
    eventually(lambda: "waits for its store" in process.output(), what="it says that it waits")
    process.stop()
    assert "was told to end while it waited" in process.output()


@pytest.fixture
def small_postgres():
    """A server whose files lie on a file system of 96 MiB, and what fills that."""
    disk = Path(tempfile.mkdtemp(prefix="coffeeshop-disk-"))
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=755", "tmpfs", str(disk)], capture_output=True).returncode != 0:
        disk.rmdir()
        pytest.skip("only root can make a small file system")
    try:
        server = Postgres(disk, {"max_wal_size": "32MB", "min_wal_size": "32MB"})
        yield server, disk / "filler"
        server.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()


def test_a_full_disk_under_the_server_costs_503s_and_nothing_that_was_answered(small_postgres, open_shop_on):
    postgres, filler = small_postgres
    database = postgres.make_database()
    shop = open_shop_on(database, QUICK).start()
    stocked = stock_up(shop)
    with Customers(shop, SEED) as customers:
        customers.go_on(1)
        with filler.open("wb", buffering=0) as more, pytest.raises(OSError, match="No space left"):
            while True:
                more.write(b"\0" * 65536)
        eventually(lambda: shop.ask_order().status_code == 503, within=30, what="there is no room for an order")
        eventually(lambda: max(shop.metric(name, "coffeeshop_writer_failures_total") for name in ON_SERVER) > 30, within=30, what="it has been tried again")
        for _ in range(40):  # small rows find room between those that don't
            refused = shop.ask_order().status_code == 503
            assert not refused or 503 in [shop[name].get("/readyz").status_code for name in ON_SERVER], "somebody says so"
        assert [shop[name].get("/livez").status_code for name in ON_SERVER] == [200] * len(ON_SERVER)
        filler.unlink()
        if postgres.process.poll() is not None:
            postgres.start()  # it ends itself when its log can't be written
        known = len(customers.acknowledged)
        eventually(lambda: customers.problems or len(customers.acknowledged) > known + 20, within=30, what="orders are taken again")
    for name in shop.services:
        shop.wait_ready(name)
        for words in ("the database refused", "commits fail"):
            assert shop.running[name].output().count(words) <= 5, "what lasts is not said again and again"
    check(shop, database, customers, stocked)
