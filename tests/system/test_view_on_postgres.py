"""The view in PostgreSQL: read, streamed and rebuilt as one in a file is."""
import json
import signal
import subprocess
import threading

import pytest

from eventually import eventually
from rules import wait_until_the_view_has_heard_all
from shop import PATIENT, PROGRAM, flags, read_stream, run_program

REBUILT = "customercenter_rebuild"


@pytest.fixture
def shop(open_shop_on, database):
    return open_shop_on(database).start()


def make_orders(shop, n, item="Americano"):
    ids = [shop.order(item)["id"] for _ in range(n)]
    for each in ids:
        shop.wait_order(each, "Completed")
    wait_until_the_view_has_heard_all(shop)
    return ids


def pages(shop):
    """What the view says, but for the numbers of its changes."""
    return sorted((page["orderId"], page["orderStatus"], page["productStatus"], [entry["type"] for entry in page["timeline"]])
                  for page in shop.all("mypages"))


def stream(shop, *orders):
    return shop.url("customercenter") + "/mypages/stream?" + "&".join(f"orderId={order}" for order in orders)


def rebuild(shop):
    return run_program("view", "rebuild", *flags(shop.settings_of_all()), env=shop.environment)


def has_schema(database, name):
    return database.number(f"SELECT count(*) FROM pg_namespace WHERE nspname = '{name}'") == 1


def test_a_page_the_list_and_the_menu_are_read_from_it(shop):
    first, second = make_orders(shop, 2, "Tea")
    http = shop["customercenter"]
    assert http.get(f"/mypages/{second}").json()["orderStatus"] == "Completed"
    assert http.get("/mypages/4711").status_code == 404
    found = http.get("/mypages/search/findByOrderId", params={"orderId": first}).json()["_embedded"]["mypages"]
    assert [page["orderId"] for page in found] == [first]
    listed = http.get("/mypages", params={"sort": "orderId,desc", "size": 1}).json()
    assert [page["orderId"] for page in listed["_embedded"]["mypages"]] == [second] and listed["page"]["totalElements"] == 2
    tea = next(row for row in http.get("/menu").json()["_embedded"]["menu"] if row["name"] == "Tea")
    assert tea["soldOut"] is False


def test_who_comes_back_after_a_restart_is_told_from_the_table(shop):
    """Nothing is in memory then."""
    ids = make_orders(shop, 5)
    before = read_stream(stream(shop), after=0)
    shop.restart("customercenter")
    again = read_stream(stream(shop), after=0)
    assert [json.loads(event.data)["orderId"] for event in again] == ids
    middle = again[2].id
    rest = read_stream(stream(shop), after=middle)
    assert [(event.id, event.data) for event in rest] == [(event.id, event.data) for event in again[3:]]
    assert {event.id for event in again} <= {event.id for event in before}


def test_who_is_too_far_behind_loads_the_list_again(open_shop_on, database):
    shop = open_shop_on(database, {"customercenter.max_resume": 2}).start()
    make_orders(shop, 4)
    shop.restart("customercenter")
    told = read_stream(stream(shop), after=0)
    assert [event.name for event in told] == ["reset"]


def test_some_orders_are_followed_and_nobody_elses(open_shop_on, database):
    shop = open_shop_on(database, PATIENT).start()
    mine, other = [shop.order()["id"] for _ in range(2)], shop.order("Latte")["id"]
    for each in (*mine, other):
        shop.page_of(each)
    first = read_stream(stream(shop, *mine))
    assert [json.loads(event.data)["orderId"] for event in first] == mine
    for each in (other, mine[1]):
        assert shop.cancel(each).status_code == 200
        eventually(lambda: shop.page_of(each)["orderStatus"] == "Canceled")
    rest = read_stream(stream(shop, *mine), after=first[-1].id)
    assert {json.loads(event.data)["orderId"] for event in rest} == {mine[1]}
    assert json.loads(rest[-1].data)["orderStatus"] == "Canceled"


def written_elsewhere(database, order, qty, change):
    """As another replica does that has the order's cell."""
    database.sql(f"UPDATE customercenter.mypage SET qty = {qty}, change = {change} WHERE id = {order}")


@pytest.mark.parametrize("some", [False, True])
def test_what_another_process_has_written_is_heard_here_and_gone_on_from(shop, database, some):
    first, second = make_orders(shop, 2)
    url = stream(shop, first) if some else stream(shop)
    newest = int(read_stream(stream(shop), after=0)[-1].id)
    heard = []
    listener = threading.Thread(target=lambda: heard.extend(read_stream(url, after=newest, enough=lambda events: events)))
    listener.start()
    eventually(lambda: shop.metric("customercenter", "coffeeshop_view_streams") == 1)
    written_elsewhere(database, first, 7, newest + 1)
    listener.join(20)
    assert not listener.is_alive()
    assert [(event.id, json.loads(event.data)["qty"]) for event in heard] == [(str(newest + 1), 7)]
    assert shop["customercenter"].get(f"/mypages/{first}").json()["qty"] == 7
    written_elsewhere(database, second, 8, newest + 2)
    rest = read_stream(stream(shop), after=newest + 1, enough=lambda events: events)
    assert [(event.id, json.loads(event.data)["qty"]) for event in rest] == [(str(newest + 2), 8)]


def test_a_position_that_another_replica_has_told_a_moment_ago_is_known_here(open_shop_on, database):
    """Though this one doesn't look so often, and others follow it already."""
    shop = open_shop_on(database, {"customercenter.look_ms": 60000}).start()
    order = make_orders(shop, 1)[0]
    newest = int(read_stream(stream(shop), after=0)[-1].id)
    with shop["customercenter"].stream("GET", "/mypages/stream") as other:
        next(other.iter_lines())
        written_elsewhere(database, order, 7, newest + 1)
        assert read_stream(stream(shop), after=newest + 1) == []
        assert [event.name for event in read_stream(stream(shop), after=newest + 2)] == ["reset"]


def test_after_the_database_was_away_the_view_catches_up_and_its_followers_too(shop, database):
    make_orders(shop, 1)
    newest = read_stream(stream(shop), after=0)[-1].id
    database.server.halt()
    unready = eventually(lambda: answer if (answer := shop["customercenter"].get("/readyz")).status_code == 503 else None)
    assert unready.status_code == 503 and shop["customercenter"].get("/livez").status_code == 200
    database.server.start()
    shop.wait_ready("order")
    shop.wait_ready("customercenter")
    order = make_orders(shop, 1, "Latte")[0]
    told = read_stream(stream(shop), after=newest, enough=lambda events: any("Completed" in event.data for event in events))
    assert {json.loads(event.data)["orderId"] for event in told} == {order}


@pytest.mark.parametrize("runs", [True, False])
def test_a_rebuilt_view_says_the_same_and_takes_the_place_of_the_old_one(shop, database, runs):
    ids = make_orders(shop, 4)
    before, last = pages(shop), read_stream(stream(shop), after=0)[-1].id
    database.sql("DELETE FROM customercenter.mypage WHERE id = 1")
    if not runs:
        shop.stop("customercenter")
    done = rebuild(shop)
    assert done.returncode == 0, done.stderr
    if not runs:
        shop.start("customercenter")
    shop.wait_ready("customercenter")
    assert pages(shop) == before
    assert not has_schema(database, REBUILT)
    told = read_stream(stream(shop), after=last, enough=lambda events: events)[0]
    assert told.name == "reset", "its numbers are another database's"
    assert make_orders(shop, 1) == [ids[-1] + 1]


def test_a_rebuild_that_is_killed_leaves_the_view_as_it_was_and_the_next_one_is_whole(shop, database):
    make_orders(shop, 3)
    before = pages(shop)
    database.sql(f"CREATE SCHEMA {REBUILT}")  # with nothing in it, as one killed at its begin leaves
    killed = subprocess.Popen([str(PROGRAM), "view", "rebuild", *flags(shop.settings_of_all())], env=shop.environment, stdout=subprocess.DEVNULL)
    eventually(lambda: killed.poll() is not None or database.number(
        f"SELECT count(*) FROM pg_tables WHERE schemaname = '{REBUILT}'") > 0, every=0.001, what="it has begun, or is done")
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    shop.wait_ready("customercenter")
    assert pages(shop) == before
    eventually(lambda: rebuild(shop).returncode == 0, what="the server has noticed that the killed one is gone")
    shop.wait_ready("customercenter")
    assert pages(shop) == before


def test_a_view_that_a_service_elsewhere_has_is_not_taken_from_it(shop, database, tmp_path):
    """Another directory, as on another machine: its lock says nothing, the server's does."""
    make_orders(shop, 1)
    before = pages(shop)
    done = run_program("view", "rebuild", *flags({**shop.settings_of_all(), "data": tmp_path / "elsewhere"}), env=shop.environment)
    assert done.returncode == 1 and "can't take the place of customercenter" in done.stderr, done.stderr
    assert pages(shop) == before and shop["customercenter"].get("/readyz").status_code == 200
