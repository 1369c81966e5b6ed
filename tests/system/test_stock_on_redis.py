"""Stock kept in a Redis, by settings only: the same shop; and why it doesn't start on a Redis that won't do."""
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from certificates import make_certificate
from eventually import eventually
from shop import Process, client, flags, free_port, run_program


def kept_in(redis, **more):
    return {"stock.redis": redis.url, **more}


def begin(shop):
    """Stock, which may not be ready soon."""
    shop.running["stock"] = Process(["stock", *flags(shop.settings_of("stock"))], shop.directory / "stock.log")
    return shop.running["stock"]


def refused(shop, *says, settings=None, status=1, **options):
    """Asserts that stock doesn't start, and says these words about it."""
    told = run_program("stock", *flags({**shop.settings_of("stock"), **(settings or {})}), **options)
    assert told.returncode == status, told.stderr
    sentence = [line for line in told.stderr.splitlines() if line.startswith("coffeeshop")][-1]
    for words in says:
        assert words in sentence, told.stderr
    return sentence


def test_an_order_is_made_from_stock_that_lies_in_redis(open_shop, open_redis):
    redis = open_redis()
    shop = open_shop(kept_in(redis)).start()
    order = shop.order("Americano", 2)["id"]
    shop.wait_order(order, "Completed")
    assert shop.on_hand("Americano") == 98
    assert not (shop.data["stock"] / "stock.lmdb").exists()
    assert int(redis.ask("HLEN", "{stock:0}:data")) > 0
    shop.restart("stock")
    assert shop.on_hand("Americano") == 98
    assert shop["stock"].get("/stocks/search/findByProductName", params={"productName": "ame"}).json()["qty"] == 98
    moved = shop["stock"].get(f"/stocks/{shop.stock_of('Americano')['id']}/movements").json()["_embedded"]["movements"]
    assert [(each["type"], each["qty"], each["orderId"]) for each in moved] == [("StockReduced", 2, order), ("StockReceived", 100, None)]


@pytest.mark.parametrize("setting, value, says", [("appendonly", "no", "keeps nothing on the disk"),
                                                  ("appendfsync", "everysec", "may be lost when the power fails"),
                                                  ("maxmemory-policy", "allkeys-lru", "may throw entries away")])
def test_a_redis_that_could_lose_something_is_refused(open_shop, open_redis, setting, value, says):
    redis = open_redis({setting: value})
    refused(open_shop(kept_in(redis)), says, f"{setting} {value}", "redis.conf")
    assert redis.ask("KEYS", "*") == ""


def test_the_password_comes_from_a_file_or_the_environment_and_is_never_said(open_shop, open_redis, tmp_path):
    redis = open_redis({"requirepass": "correct-horse"})
    shop = open_shop(kept_in(redis))
    file = tmp_path / "password"
    file.write_text("wrong-donkey\n")
    file.chmod(0o600)
    refused(shop, "wants a password")
    by_file = {"stock.redis_password_file": file}
    assert "wrong-donkey" not in refused(shop, "refuses the user or the password", settings=by_file)
    by_environment = {**os.environ, "COFFEESHOP_STOCK_REDIS_PASSWORD": "correct-horse"}
    refused(shop, "both given", settings=by_file, env=by_environment)
    file.write_text("correct-horse\n")
    file.chmod(0o604)
    refused(shop, "can be read by everybody", settings=by_file)
    file.chmod(0o600)
    shop.settings |= by_file
    shop.start("stock")
    assert shop.on_hand("Americano") == 100
    shop.stop("stock")
    del shop.settings["stock.redis_password_file"]
    shop.start("stock", env=by_environment)
    assert shop.on_hand("Americano") == 100
    assert "correct-horse" not in shop.running["stock"].output()


def test_a_redis_that_nobody_reaches_is_waited_for_and_then_said(open_shop):
    shop = open_shop({"stock.redis": f"redis://127.0.0.1:{free_port()}", "start.wait_ms": 300, "stock.redis_patience_ms": 100})
    told = run_program("stock", *flags(shop.settings_of("stock")))
    assert told.returncode == 1 and "can't be reached" in told.stderr.splitlines()[-1]
    assert "waits for its store" in told.stderr


def test_a_redis_that_comes_later_is_waited_for(open_shop, open_redis):
    redis = open_redis()
    redis.kill()
    shop = open_shop(kept_in(redis, **{"stock.redis_patience_ms": 100}))
    starting = begin(shop)
    eventually(lambda: "waits for its store" in starting.output(), what="it waits")
    redis.start()
    shop.wait_ready("stock")


def test_who_waits_for_a_redis_ends_when_told_to(open_shop):
    shop = open_shop({"stock.redis": f"redis://127.0.0.1:{free_port()}", "start.wait_ms": 600_000, "stock.redis_patience_ms": 100})
    starting = begin(shop)
    eventually(lambda: "waits for its store" in starting.output(), what="it waits")
    assert starting.stop(signal.SIGTERM) == 1
    assert "told to end" in starting.output()


def test_keys_of_another_program_are_left_alone(open_shop, open_redis):
    redis = open_redis()
    redis.ask("HSET", "{stock:0}:meta", "recipe", "soup")
    refused(open_shop(kept_in(redis)), "belong to another program", "choose another Redis")
    assert redis.ask("HGETALL", "{stock:0}:meta").split() == ["recipe", "soup"]


@pytest.mark.parametrize("url, says, status", [("http://127.0.0.1:6379", "stock.redis: the address of Redis is of no kind that is known", 2), ("redis://shop:secret@127.0.0.1", "without a password in it", 2)])
def test_an_address_that_is_none_is_said_and_a_password_in_it_is_not(open_shop, url, says, status):
    assert "secret" not in refused(open_shop({"stock.redis": url}), says, status=status)


def ready(shop):
    answer = shop["stock"].get("/readyz")
    return answer.status_code, answer.json().get("reason", "")


def assert_refuses_changes(shop):
    """Stays up and says no: 503, and when to come again."""
    answer = shop["stock"].post("/stocks/receive", json={"productName": "Americano", "qty": 1})
    assert answer.status_code == 503 and "Retry-After" in answer.headers, answer.text
    assert shop["stock"].get("/livez").status_code == 200


def test_a_redis_that_is_away_is_said_and_all_goes_on_when_it_is_back(open_shop, open_redis):
    redis = open_redis()
    shop = open_shop(kept_in(redis, **{"stock.redis_patience_ms": 200})).start("stock")
    process = shop.running["stock"]
    redis.kill()
    eventually(lambda: ready(shop)[0] == 503, what="it has noticed, though nobody asked for anything")
    assert "away" in ready(shop)[1]
    assert_refuses_changes(shop)
    redis.start()
    shop.wait_ready("stock")
    shop.receive(5)
    assert shop.on_hand("Americano") == 105
    assert process.is_running() and shop.running["stock"] is process


def test_a_second_shop_by_mistake_is_refused_and_the_first_goes_on(open_shop, open_redis, tmp_path):
    redis = open_redis()
    first, second = open_shop(kept_in(redis)).start("stock"), open_shop({**kept_in(redis), "start.wait_ms": 4500})
    told = run_program("stock", *flags(second.settings_of("stock")))
    assert told.returncode == 1
    assert "is in use by another stock service" in told.stderr.splitlines()[-1]
    first.receive(5)
    assert ready(first)[0] == 200
    copied = tmp_path / "copied"
    shutil.copytree(first.data["stock"], copied)
    told = run_program("stock", *flags({**second.settings_of("stock"), "data": copied}))
    assert told.returncode == 1 and "is in use by another stock service" in told.stderr.splitlines()[-1], "a copy is another one"
    first.restart("stock")  # killed
    assert first.on_hand("Americano") == 105
    first.stop("stock")
    second.start("stock")
    assert second.on_hand("Americano") == 105


def test_a_process_that_hung_until_another_one_had_opened_its_redis_is_fenced_off_and_says_so(open_shop, open_redis):
    redis = open_redis()
    first, second = open_shop(kept_in(redis)).start("stock"), open_shop(kept_in(redis))
    hung = first.running["stock"]
    hung.process.send_signal(signal.SIGSTOP)
    second.start("stock")  # it waits until the first one is forgotten
    hung.process.send_signal(signal.SIGCONT)
    eventually(lambda: "another process has opened its store" in ready(first)[1], what="the first one says so")
    assert_refuses_changes(first)
    second.receive(5)
    assert second.on_hand("Americano") == 105
    assert first.on_hand("Americano") == 105, "it still answers what is so"
    assert "another process has opened the store since" in first.running["stock"].output()
    second.stop("stock")
    assert_refuses_changes(first)
    first.restart("stock")
    assert first.on_hand("Americano") == 105
    first.receive(1)


def test_a_redis_that_was_emptied_gets_no_more_changes(open_shop, open_redis):
    redis = open_redis()
    shop = open_shop(kept_in(redis)).start("stock")
    redis.ask("FLUSHALL")
    eventually(lambda: "has lost what was committed" in ready(shop)[1], what="it has noticed")
    assert_refuses_changes(shop)
    assert redis.ask("KEYS", "*") == ""
    shop.kill("stock")
    begin(shop)
    eventually(lambda: "this is not the data" in ready(shop)[1], what="an empty one isn't taken for the old one")


READS = ("/stocks/1", "/stocks/search/findByProductName?productName=Ame", "/stocks", "/stocks?sort=qty", "/stocks/1/movements", "/events")


def test_who_reads_waits_for_redis_and_nobody_else_does(open_shop, open_redis):
    """Redis hangs. What needs no Redis is answered before the first read has given up."""
    redis = open_redis()
    shop = open_shop(kept_in(redis, **{"stock.redis_patience_ms": 4000})).start("stock")
    shop.restart("stock")  # so that no event is in memory
    shop.stock_of()
    redis.pause()
    with ThreadPoolExecutor(len(READS)) as others, client(shop.url("stock")) as http:
        readings = [others.submit(shop["stock"].get, path, headers={"Accept": "*/*"}) for path in READS]
        for _ in range(20):
            assert http.get("/livez").status_code == 200
            assert not any(each.done() for each in readings)
        for path, each in zip(READS, readings):
            assert each.result().status_code == 503 and "Retry-After" in each.result().headers, path
    redis.go_on()
    shop.wait_ready("stock")
    assert shop["stock"].get("/stocks/1").status_code == 200


def test_many_who_read_do_not_wait_one_after_the_other(open_shop, open_redis):
    redis = open_redis()
    shop = open_shop(kept_in(redis, **{"stock.redis_patience_ms": 1000, "query_ms": 500})).start("stock")
    redis.kill()
    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(lambda _: shop["stock"].get("/stocks/1", timeout=10).status_code, range(40)))
    assert set(answers) == {503}


HOST = "IP:127.0.0.1"


def test_over_tls_each_side_believes_the_certificates_that_it_is_told_to(open_shop, open_redis, tmp_path):
    (theirs, their_key), (ours, our_key), (another, another_key) = (make_certificate(tmp_path, name, HOST) for name in ("redis", "stock", "another"))
    port = free_port()
    open_redis({"tls-port": str(port), "tls-cert-file": str(theirs), "tls-key-file": str(their_key), "tls-ca-cert-file": str(ours), "tls-auth-clients": "yes"})
    shop = open_shop({"stock.redis": f"rediss://127.0.0.1:{port}", "start.wait_ms": 0})
    ours_too = {"stock.redis_cert_file": ours, "stock.redis_key_file": our_key}
    refused(shop, "isn't believed over TLS", settings=ours_too)
    refused(shop, "isn't believed over TLS", settings={**ours_too, "stock.redis_ca_file": another})
    refused(shop, "certificate required", settings={"stock.redis_ca_file": theirs})
    refused(shop, "unknown ca", settings={"stock.redis_ca_file": theirs, "stock.redis_cert_file": another, "stock.redis_key_file": another_key})
    refused(shop, "holds no authority's certificate", settings={"stock.redis_ca_file": tmp_path / "none.pem"})
    shop.settings |= {**ours_too, "stock.redis_ca_file": theirs}
    shop.start("stock")
    assert shop.on_hand("Americano") == 100


def test_a_redis_whose_certificate_has_expired_is_not_believed(open_shop, open_redis, tmp_path):
    (expired, key), port = make_certificate(tmp_path, "redis", HOST, days=-1), free_port()
    open_redis({"tls-port": str(port), "tls-cert-file": str(expired), "tls-key-file": str(key), "tls-ca-cert-file": str(expired), "tls-auth-clients": "no"})
    refused(open_shop({"stock.redis": f"rediss://127.0.0.1:{port}", "stock.redis_ca_file": expired}), "isn't believed over TLS", "expired", "look at its certificate")


def test_a_full_redis_is_said_reads_go_on_and_so_do_changes_when_there_is_room(open_shop, open_redis):
    redis = open_redis()
    shop = open_shop(kept_in(redis)).start("stock")
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    assert_refuses_changes(shop)
    said = shop["stock"].post("/stocks/receive", json={"productName": "Tea", "qty": 1}).json()["detail"]
    assert "there is no room left" in said and "memory" in said
    assert "is full" in ready(shop)[1]
    assert shop.on_hand("Americano") == 100
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    shop.wait_ready("stock")
    shop.receive(5)
    assert shop.on_hand("Americano") == 105


def test_a_shop_whose_redis_nobody_reaches_is_not_opened_and_the_reason_stands_there(open_shop):
    shop = open_shop({"stock.redis": f"redis://127.0.0.1:{free_port()}", "start.wait_ms": 300, "stock.redis_patience_ms": 100})
    told = run_program("up", *flags(shop.settings_of_all()))
    assert told.returncode == 1 and "can't be reached" in told.stderr and "stock can't start" in told.stderr
