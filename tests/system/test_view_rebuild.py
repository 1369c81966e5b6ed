"""The customers' view made anew from the events: whole, or not at all; and whenever anything is killed, there is a whole one."""
import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess

import pytest

from checksums import changed
from eventually import eventually
from rules import check_rules, wait_until_the_view_has_heard_all
from shop import PROGRAM, flags, read_stream, run_program

KILL_AT = PROGRAM.resolve().parent / "tests" / "lib" / "libkill_at.so"
MOST_STEPS = 80
VIEW, REBUILT = "customercenter.db", "customercenter.rebuild.db"


def directory(shop):
    return shop.data["customercenter"]


def make_orders(shop, n, item="Americano"):
    ids = [shop.order(item)["id"] for _ in range(n)]
    for each in ids:
        shop.wait_order(each, "Completed")
    return ids


def content(shop):
    """What the view says, but for the numbers of its changes."""
    return sorted((page["orderId"], page["orderStatus"], page["productStatus"], page["productName"], page["qty"],
                   tuple((entry["at"], entry["type"], entry["status"]) for entry in page["timeline"]))
                  for page in shop.all("mypages"))


def settled(shop, n):
    """The view's content when it has all of `n` orders' events."""
    def look():
        pages = content(shop)
        return pages if len(pages) == n and all(page[1] == "Completed" and len(page[5]) == 4 for page in pages) else None

    return eventually(look, what=f"{n} whole pages")


def rebuild(shop, **options):
    return run_program("view", "rebuild", *flags(shop.settings_of_all()), **options)


def fill(shop, n=5):
    make_orders(shop, n)
    return settled(shop, n)


def expire(shop, name):
    with changed(directory(shop) / f"{name}.db") as db:
        db.execute("UPDATE outbox SET at = at - 7200000000 WHERE first < (SELECT max(first) FROM outbox)")


@pytest.mark.parametrize("running", [True, False], ids=["service running", "service stopped"])
def test_a_rebuilt_view_says_what_the_old_one_said_and_what_the_owners_say(open_shop, running):
    shop = open_shop().start()
    ids = make_orders(shop, 4) + make_orders(shop, 2, "Latte")
    canceled = open_order_that_is_canceled(shop)
    check_rules(shop, [*ids, canceled])
    wait_until_the_view_has_heard_all(shop)
    before = content(shop)
    assert len(before) == 7
    menu = shop["customercenter"].get("/menu").json()
    if not running:
        shop.stop("customercenter")
    done = rebuild(shop)
    assert done.returncode == 0, done
    assert "the view is rebuilt and in use" in done.stdout
    if not running:
        shop.start("customercenter")
    shop.wait_ready("customercenter")
    assert content(shop) == before
    assert shop["customercenter"].get("/menu").json() == menu
    assert not (directory(shop) / REBUILT).exists()
    ids += make_orders(shop, 1)
    check_rules(shop, [*ids, canceled])


def open_order_that_is_canceled(shop):
    """One that waits for goods that don't come, and is given up."""
    order = shop.order("Mocha", qty=101)
    shop.wait_order(order["id"], "Out of stock")
    assert shop.cancel(order["id"]).status_code == 200
    shop.wait_order(order["id"], "Canceled")
    eventually(lambda: shop.page_of(order["id"])["productStatus"] == "Canceled")
    return order["id"]


def test_followers_of_the_view_carry_on_with_the_rebuilt_one(open_shop):
    shop = open_shop({"customercenter.heartbeat_ms": 100}).start()
    fill(shop, 2)
    url = shop.url("customercenter") + "/mypages/stream"
    last = read_stream(url, after=0)[-1].id
    assert rebuild(shop).returncode == 0
    shop.wait_ready("customercenter")
    reset = read_stream(url, after=last, enough=lambda events: events)[0]
    assert reset.name == "reset", "its numbers are another database's"
    last = reset.id
    order = make_orders(shop, 1)[0]
    told = read_stream(url, after=last, enough=lambda events: events and '"Completed"' in events[-1].data)
    assert all(f'"orderId":{order}' in event.data.replace(" ", "") for event in told)
    assert all(int(event.id) > int(last) for event in told)


def test_a_view_whose_events_are_no_longer_kept_stays_as_it_is(open_shop):
    shop = open_shop({"outbox.retain_hours": 1}).start()
    before = fill(shop, 22)
    shop.stop("order")
    expire(shop, "order")
    shop.start("order")

    def is_gone():
        shop.cancel(1)  # nothing changes, but
        shop.order("Tea")  # what is too old goes after a commit
        with shop["order"].stream("GET", "/events", headers={"Last-Event-ID": "0"}) as answer:
            return answer.status_code == 410

    eventually(is_gone, every=0.3)
    done = rebuild(shop)
    assert done.returncode == 1
    assert "order keeps its events from" in done.stderr and "outbox.retain_hours" in done.stderr
    assert "stays as it is" in done.stderr
    assert content(shop)[:22] == before
    shop.restart("customercenter")
    assert content(shop)[:22] == before


@pytest.mark.parametrize("away", ["order", "product", "stock"])
def test_with_a_producer_down_nothing_is_rebuilt(open_shop, away):
    shop = open_shop().start()
    before = fill(shop, 2)
    shop.stop(away)
    done = rebuild(shop)
    assert done.returncode == 1
    assert "has to run" in done.stderr
    assert content(shop) == before


def test_a_producer_that_goes_away_in_the_middle_ends_the_rebuild(open_shop):
    """It is stopped (SIGSTOP) after it has said how much there is: nothing comes, and the rebuild says so."""
    shop = open_shop({"feed.silence_ms": 500}).start()
    before = fill(shop, 2)
    settings = {**shop.settings_of_all(), "customercenter.product_url": "http://127.0.0.1:%d" % half_a_producer(shop)}
    done = run_program("view", "rebuild", *flags(settings))
    assert done.returncode == 1
    assert "product can't be followed at" in done.stderr and "stays as it is" in done.stderr
    assert content(shop) == before


def half_a_producer(shop):
    """A server that says like product how much there is, and whose feed says nothing."""
    import http.server
    import threading

    metrics = shop["product"].get("/metrics").text

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/metrics":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(metrics.encode())
            else:
                self.send_error(503)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def test_two_rebuilds_at_a_time_are_refused(open_shop):
    shop = open_shop().start()
    before = fill(shop, 1)
    with (directory(shop) / "customercenter.rebuild.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = rebuild(shop)
    assert done.returncode == 1
    assert "another rebuild runs" in done.stderr
    assert content(shop) == before
    assert rebuild(shop).returncode == 0


def test_a_view_newer_than_the_others_after_they_were_put_back_is_made_anew(open_shop):
    shop = open_shop().start()
    fill(shop, 2)
    shop.stop()
    kept = shop.directory / "backup"
    shutil.copytree(directory(shop), kept)
    shop.start()
    make_orders(shop, 3)
    settled(shop, 5)
    shop.stop()
    for file in directory(shop).iterdir():
        if not file.name.startswith("customercenter"):
            file.unlink()
    for file in kept.iterdir():
        if not file.name.startswith("customercenter"):
            shutil.copy2(file, directory(shop))
    shop.start("order", "product", "stock")
    wait, shop.wait_ready = shop.wait_ready, lambda name: eventually(lambda: shop[name].get("/livez").status_code == 200)
    shop.start("customercenter")
    shop.wait_ready = wait
    eventually(lambda: "coffeeshop view rebuild" in shop["customercenter"].get("/readyz").json().get("reason", ""))
    assert rebuild(shop).returncode == 0
    shop.wait_ready("customercenter")
    settled(shop, 2)
    make_orders(shop, 1)
    settled(shop, 3)


def test_a_damaged_view_is_refused_with_what_mends_it_and_is_mended_by_that(open_shop):
    shop = open_shop().start()
    before = fill(shop, 3)
    shop.stop("customercenter")
    for file in directory(shop).glob(VIEW + "-*"):
        file.unlink()
    (directory(shop) / VIEW).write_bytes(b"not a database at all" * 1000)
    refused = run_program("customercenter", *flags(shop.settings_of("customercenter")))
    assert refused.returncode == 1
    assert "is damaged" in refused.stderr and "coffeeshop view rebuild" in refused.stderr
    assert rebuild(shop).returncode == 0
    shop.start("customercenter")
    assert content(shop) == before


def kill_environment(shop, step):
    assert KILL_AT.exists(), f"{KILL_AT} isn't there; run make first"
    sanitizer = os.environ.get("ASAN_OPTIONS", "")
    return {**os.environ, "LD_PRELOAD": str(KILL_AT), "KILL_AT": str(step), "KILL_NEAR": str(directory(shop) / REBUILT),
            "ASAN_OPTIONS": sanitizer + ":verify_asan_link_order=0"}


def test_a_rebuild_killed_at_any_step_leaves_a_whole_view(open_shop):
    """The service is stopped, so the rebuild makes the swap itself; the view in use has a log beside it that counts."""
    shop = open_shop().start()
    before = fill(shop, 3)
    for step in range(1, MOST_STEPS):
        shop.kill("customercenter")
        done = rebuild(shop, env=kill_environment(shop, step))
        files = {file.name for file in directory(shop).glob("customercenter.db*")}
        assert VIEW in files, f"step {step}: {files}"
        with_log = whole_view_in(shop)
        assert with_log == 3, f"step {step}: {with_log} pages"
        shop.start("customercenter")
        assert content(shop) == before, f"step {step}"
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done
    else:
        raise AssertionError("it never came to its end")
    assert step > 8, "the steps were counted"


def whole_view_in(shop):
    """How many pages a copy of the view's files has, before the service could have mended anything."""
    copy = shop.directory / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in directory(shop).glob("customercenter.db*"):
        shutil.copy2(file, copy)
    with sqlite3.connect(copy / VIEW) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return db.execute("SELECT count(*) FROM mypage").fetchone()[0]


def test_a_service_killed_at_any_step_of_the_swap_leaves_a_whole_view(open_shop):
    shop = open_shop().start()
    before = fill(shop, 3)
    for step in range(1, MOST_STEPS):
        shop.stop("customercenter")
        for file in directory(shop).glob(REBUILT + "*"):
            file.unlink()
        shop.start("customercenter", env=kill_environment(shop, step))
        service = shop.running["customercenter"]
        asking = subprocess.Popen([str(PROGRAM), "view", "rebuild", *flags(shop.settings_of_all())], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        eventually(lambda: not service.is_running() or asking.poll() is not None)
        killed = not service.is_running()
        if asking.poll() is None:
            asking.kill()  # it would wait for a service that is gone
        asking.wait()
        if killed:
            assert whole_view_in(shop) == 3, f"step {step}"
            shop.start("customercenter")
        else:
            shop.wait_ready("customercenter")
        assert content(shop) == before, f"step {step}"
        if not killed:
            assert asking.returncode == 0
            break
    else:
        raise AssertionError("it never came to its end")
    assert step > 4, "the steps were counted"
