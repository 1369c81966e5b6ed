"""A shop grows up: from its files to PostgreSQL and Redis by one file, and back; and what is said when somebody uses them."""
import signal

import pytest

from eventually import eventually
from moving import a_shop_with_everything, add_many_orders, as_rows, everything_told, move, place_of
from rules import check_rules
from shop import PAID, Process, Shop, flags, read_stream, run_program
from sql_rules import check_tables

SQL_SERVICES = ("order", "product", "payment")


@pytest.fixture
def open_shop_on_servers(open_shop_on, database, open_redis):
    def make():
        redis = open_redis()
        shop = open_shop_on(database, {"stock.redis": redis.url, "customercenter.heartbeat_ms": 250})
        shop.redis, shop.database = redis, database
        return shop
    return make


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The export of a shop in files, and what that shop told."""
    directory = tmp_path_factory.mktemp("exported")
    shops = []

    def open_one(settings, **options):
        shops.append(Shop(directory / "shop", settings, **options))
        return shops[-1]

    try:
        shop, ids = a_shop_with_everything(open_one)
        told = as_rows(everything_told(shop))
        feeds = {name: shop.events(name) for name in (*SQL_SERVICES, "stock")}
        followed = read_stream(shop.url("customercenter") + "/mypages/stream", after=0)[-1].id
        shop.stop()
        move("export", shop, directory / "shop.jsonl")
    finally:
        for shop in shops:
            shop.close()
    return directory / "shop.jsonl", told, feeds, followed, ids


def same_again(shop, file, tmp_path):
    again = tmp_path / "again.jsonl"
    move("export", shop, again)
    same = again.read_bytes() == file.read_bytes()
    again.unlink()
    return same


def test_a_shop_moves_to_the_servers_lives_there_and_moves_back(exported, open_shop_on_servers, open_shop, tmp_path):
    file, told, feeds, followed, ids = exported
    grown = open_shop_on_servers()
    move("import", grown, file)
    assert same_again(grown, file, tmp_path), "the engines differ, the file doesn't"
    assert not list(grown.data["order"].glob("*.db"))

    grown.start("order", "stock", "customercenter", "payment")
    for collection, rows in as_rows(everything_told(grown)).items():
        assert rows == told[collection], collection
    grown.start("product")
    for name, events in feeds.items():
        assert grown.events(name)[:len(events)] == events, name
    assert grown.ask_order("Tea", **{"Idempotency-Key": "monday-1"}).json()["id"] == ids["keyed"]
    new = grown.order("Americano")["id"]
    assert new == max(order["id"] for order in told["orders"]) + 1
    grown.wait_order(new, "Completed")
    grown.receive(51, "Mocha")
    grown.wait_order(ids["waiting"], "Completed")
    heard = read_stream(grown.url("customercenter") + "/mypages/stream", after=followed)
    assert heard and {event.id > followed for event in heard} == {True}
    everybody = [order["id"] for order in told["orders"]] + [new]
    check_rules(grown, everybody, received={"Tea": 7, "Mocha": 51})
    check_tables(grown.database, everybody, given_back=[ids["made"][0]])
    grown.stop()

    second = tmp_path / "second.jsonl"
    move("export", grown, second)
    back = open_shop(services=PAID)
    move("import", back, second)
    assert same_again(back, second, tmp_path)
    check_rules(back.start(), everybody, received={"Tea": 7, "Mocha": 51})
    assert back.order("Americano")["id"] == new + 1


def test_a_schema_that_is_in_use_elsewhere_is_neither_exported_nor_filled(exported, open_shop_on_servers, open_shop_on, database, tmp_path):
    file, *_ = exported
    shop = open_shop_on_servers().start("order")
    elsewhere = open_shop_on(database)  # another directory: only the server knows
    move("export", elsewhere, tmp_path / "no.jsonl", says="is in use by another order service")
    move("import", elsewhere, file, says="is in use by another order service")
    assert not (tmp_path / "no.jsonl").exists()
    assert shop["order"].get("/readyz").status_code == 200


def test_who_only_looks_at_a_redis_doesn_t_fence_off_its_owner(exported, open_shop, open_redis, tmp_path):
    file, *_ = exported
    redis = open_redis()
    shop = open_shop({"stock.redis": redis.url}).start("stock")
    elsewhere = open_shop({"stock.redis": redis.url})
    elsewhere.data["stock"].mkdir()
    move("export", elsewhere, tmp_path / "no.jsonl", says="is in use by another stock service")
    move("import", elsewhere, file, says="is in use by another stock service")
    assert not (tmp_path / "no.jsonl").exists()
    shop.receive(5, "Tea")
    assert shop.on_hand("Tea") == 105
    shop.stop()
    move("import", elsewhere, file, says="stock keeps something here already")
    move("export", elsewhere, tmp_path / "stock.jsonl")
    assert same_again(elsewhere, tmp_path / "stock.jsonl", tmp_path)


def test_a_shop_that_is_used_while_it_is_exported_is_not_exported(open_shop, open_redis, tmp_path):
    redis = open_redis()
    shop = open_shop({"stock.redis": redis.url}).start()
    shop.wait_order(shop.order("Americano")["id"], "Completed")
    shop.stop()
    add_many_orders(shop)
    file, partial = tmp_path / "shop.jsonl", tmp_path / "shop.jsonl.partial"
    export = Process(["export", str(file), *place_of(shop)], tmp_path / "export.log")
    eventually(lambda: partial.exists() and partial.stat().st_size > 1 << 20, every=0.002, what="it is in the middle")
    export.process.send_signal(signal.SIGSTOP)
    elsewhere = open_shop({"stock.redis": redis.url}, services=("stock",)).start()
    elsewhere.receive(1, "Tea")
    elsewhere.stop()
    export.process.send_signal(signal.SIGCONT)
    eventually(lambda: not export.is_running(), within=60, what="it has come to its end")
    assert export.stop() == 1
    assert "has been used while it was exported" in export.output().splitlines()[-1]
    assert not file.exists()
    move("export", shop, file, says="not of this shop as it is now")
    partial.unlink()
    move("export", shop, file)


def half(shop, name):
    told = run_program(name, *flags(shop.settings_of(name)), env=shop.environment)
    assert told.returncode == 1
    return "half of an import" in told.stderr.splitlines()[-1]


# Whoever writes the first payment sleeps.
HANG_AT_PAYMENTS = """
CREATE FUNCTION public.hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
CREATE FUNCTION public.prepare() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF to_regclass('payment.payment') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'hang') THEN
        CREATE TRIGGER hang BEFORE INSERT ON payment.payment FOR EACH ROW EXECUTE FUNCTION public.hang();
    END IF;
END $$;
CREATE EVENT TRIGGER prepare ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.prepare();
"""
GO_ON = "DROP EVENT TRIGGER prepare; DROP FUNCTION public.hang() CASCADE; DROP FUNCTION public.prepare()"


def test_an_import_into_servers_that_is_killed_goes_on_and_until_then_nobody_opens_them(exported, open_shop_on_servers, database, tmp_path):
    file, *_ = exported
    shop = open_shop_on_servers()
    database.sql(HANG_AT_PAYMENTS)
    importing = Process(["import", str(file), *place_of(shop)], tmp_path / "import.log", env=shop.environment)
    eventually(lambda: database.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), what="it is in the middle")
    importing.process.kill()
    importing.process.wait(10)
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    database.sql(GO_ON)
    for name in ("order", "product", "stock"):
        assert half(shop, name), name
    move("export", shop, tmp_path / "no.jsonl", says="half of an import")
    told = move("import", shop, file)
    assert "going on behind line" in told.stderr
    assert same_again(shop, file, tmp_path)
    check_rules(shop.start(), [1], received={"Tea": 7})


def test_an_import_that_loses_its_server_goes_on_when_it_is_back(exported, open_shop_on_servers, tmp_path):
    file, *_ = exported
    shop = open_shop_on_servers()
    shop.redis.kill()
    move("import", shop, file, says="Redis")
    shop.redis.start()
    move("import", shop, file)
    assert same_again(shop, file, tmp_path)
