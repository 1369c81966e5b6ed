"""Idempotency-Key: a request may be sent again, and is done once."""
import threading
import uuid

import pytest

from shop import client


def key():
    return {"Idempotency-Key": str(uuid.uuid4())}


def test_the_same_key_and_body_get_the_same_order(shop):
    mine = key()
    first, second = shop.order("Tea", 2, **mine), shop.order("Tea", 2, **mine)
    assert first["id"] == second["id"]


def test_the_same_answer_is_given_again_to_the_letter(shop):
    mine, body = key(), {"productName": "Tea", "qty": 1}
    first = shop["order"].post("/orders", json=body, headers=mine)
    shop.wait_order(first.json()["id"], "Completed")
    second = shop["order"].post("/orders", json=body, headers=mine)
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["location"] == first.headers["location"]


def test_the_same_idempotency_key_with_another_body_is_refused(shop):
    mine = key()
    shop.order("Tea", 2, **mine)
    answer = shop["order"].post("/orders", json={"productName": "Tea", "qty": 3}, headers=mine)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("spelled", [
    '{"qty":1,"productName":"Tea"}', ' { "productName" : "Tea", "qty" : "1" } ', '{"item":"tea","qty":1.0}',
    '{"productName":"\\u0054ea","qty":1e0,"unknown":true}', '\ufeff{"productName":"TEA","qty":10E-1,"amount":null}'])
def test_the_same_members_in_another_order_and_spelling_are_the_same_body(shop, spelled):
    mine = {**key(), "Content-Type": "application/json"}
    first = shop["order"].post("/orders", content='{"productName":"Tea","qty":1}', headers=mine)
    again = shop["order"].post("/orders", content=spelled.encode(), headers=mine)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.text == first.text
    other = shop["order"].post("/orders", content='{"productName":"Tea","qty":2}', headers=mine)
    assert other.status_code == 422


def test_the_keeper_and_the_counter_may_spell_a_repeat_another_way_too(own_shop):
    for service, path in (("product", "/products"), ("stock", "/stocks/receive"), ("stock", "/stocks/reduce")):
        mine = key()
        first = own_shop[service].post(path, json={"productName": "Latte", "qty": 3}, headers=mine)
        again = own_shop[service].post(path, json={"qty": "3", "item": "라떼"}, headers=mine)
        assert (first.status_code, first.text) == (again.status_code, again.text)
    mine, row = key(), own_shop.stock_of("Latte")
    before = own_shop.on_hand("Latte")
    for body in ('{"change":-1,"reason":"x"}', '{"reason":"x","change":-1.0}'):
        answer = own_shop["stock"].patch(f"/stocks/{row['id']}", content=body, headers={**mine, "Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["qty"]) == (200, before - 1)


def test_nobody_is_charged_what_they_were_not_shown(own_shop):
    mine = key()
    answer = own_shop["order"].post("/orders", json={"productName": "Latte", "qty": 2, "amount": 1}, headers=mine)
    problem = answer.json()
    assert (answer.status_code, problem["member"], problem["currency"]) == (409, "amount", "KRW")
    assert own_shop["order"].get("/orders").json()["page"]["totalElements"] == 0
    agreed = {"productName": "Latte", "qty": 2, "amount": problem["amount"]}
    first = own_shop["order"].post("/orders", json=agreed, headers=mine)
    assert (first.status_code, first.json()["amount"], first.json()["id"]) == (201, problem["amount"], 1)
    assert own_shop["order"].post("/orders", json=agreed, headers=mine).json()["id"] == 1


def test_an_amount_that_is_none_is_refused(shop):
    for amount in (-1, 4500.5, "x", True):
        answer = shop["order"].post("/orders", json={"productName": "Latte", "qty": 1, "amount": amount})
        assert (answer.status_code, answer.json()["member"]) == (422, "amount"), amount


def test_other_keys_are_other_orders(shop):
    assert shop.order(**key())["id"] != shop.order(**key())["id"]


def test_a_key_sent_many_times_at_once_makes_one_order(shop):
    mine, ids = key(), []
    body = {"productName": "Tea", "qty": 1}

    def customer():
        answer = shop["order"].post("/orders", json=body, headers=mine)
        ids.append(answer.json()["id"] if answer.status_code == 201 else answer.status_code)

    threads = [threading.Thread(target=customer) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # 409: the first of them is still being answered.
    assert len(ids) == 12 and len(set(ids) - {409}) == 1


PROXY = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "coffee.example"}
# What is asked under a key, and where the answer says that it is.
KEPT = [("order", "/orders", {"productName": "Tea", "qty": 1}, 201), ("product", "/products", {"productName": "Tea", "qty": 1}, 201),
        ("stock", "/stocks", {"productName": "Yuzu", "qty": 5}, 201), ("stock", "/stocks/receive", {"productName": "Tea", "qty": 1}, 200),
        ("stock", "/stocks", {"productName": "Latte", "qty": 5}, 409)]


def links(answer, host):
    """Every place where an answer names a host; each has to be this one, and there has to be one."""
    body = answer.json()
    named = [answer.headers["location"]] if answer.status_code == 201 else []
    named += [link["href"] for link in body.get("_links", {}).values()]
    named += [body["existing"]] if "existing" in body else []
    assert named and all(link.startswith(host + "/") for link in named), (host, named)
    return [link.removeprefix(host) for link in named]


def test_the_links_of_a_kept_answer_follow_the_host_that_asks(open_shop):
    shop = open_shop({"gateway.trusted_proxy": "127.0.0.1", "gateway.hosts": "coffee.example"})
    shop.start(*shop.services, "gateway")
    for service, path, body, status in KEPT:
        port, gate = shop.ports[service], shop.ports["gateway"]
        ways = [(f"http://localhost:{port}", {}), (f"http://127.0.0.1:{port}", {}), (f"http://localhost:{gate}", {}),
                ("https://coffee.example", PROXY), (f"http://localhost:{port}", {})]
        mine, told = key(), []
        for host, headers in ways:
            with client(f"http://127.0.0.1:{gate}" if headers else host) as http:
                answer = http.post(path, json=body, headers={**mine, **headers})
            assert answer.status_code == status, (path, host, answer.text)
            told.append((links(answer, host), {name: value for name, value in answer.json().items() if name not in ("_links", "existing")}))
        assert all(each == told[0] for each in told), "but for the host it is the same answer"
        shop.restart(service)
        with client(shop.url(service)) as http:
            assert links(http.post(path, json=body, headers=mine), shop.url(service)) == told[0][0]


def test_a_text_that_looks_like_a_link_is_not_made_one(open_shop):
    shop = open_shop().start("stock")
    here = f"http://localhost:{shop.ports['stock']}"
    for name in (f"{here}/stocks/1", '"href":"/stocks/1"', f'"existing":"{here}/x'):
        mine, body = key(), {"productName": name, "qty": 5}
        with client(here) as http:
            first = http.post("/stocks", json=body, headers=mine)
        again = shop["stock"].post("/stocks", json=body, headers=mine)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json()["productName"] == again.json()["productName"] == name


def test_a_key_survives_a_crash(own_shop):
    mine = key()
    first = own_shop.order(**mine)
    own_shop.restart("order")
    assert own_shop.order(**mine)["id"] == first["id"]


def test_a_refused_request_does_not_use_up_its_key(shop):
    mine = key()
    assert shop["order"].post("/orders", json={"productName": "Tea", "qty": 0}, headers=mine).status_code == 422
    assert shop["order"].post("/orders", json={"productName": "Tea", "qty": 1}, headers=mine).status_code == 201


def test_the_counter_makes_one_ticket_a_key(slow_shop):
    mine, body = key(), {"productName": "Americano", "qty": 1}
    before = slow_shop.on_hand()
    first = slow_shop["product"].post("/products", json=body, headers=mine)
    second = slow_shop["product"].post("/products", json=body, headers=mine)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert slow_shop.on_hand() == before - 1


def test_goods_are_received_once_a_key(shop):
    mine = key()
    before = shop.on_hand("Cappuccino")
    for _ in range(3):
        answer = shop["stock"].post("/stocks/receive", json={"productName": "Cappuccino", "qty": 7}, headers=mine)
        assert answer.status_code == 200
    assert shop.on_hand("Cappuccino") == before + 7


@pytest.mark.parametrize("bad", ["x" * 256, "with space", "caf\u00e9".encode()], ids=["long", "space", "utf8"])
def test_a_key_that_is_no_key_is_refused(shop, bad):
    answer = shop["order"].post("/orders", json={"productName": "Tea", "qty": 1}, headers={"Idempotency-Key": bad})
    assert answer.status_code == 400
    assert answer.json()["member"] == "Idempotency-Key"


def test_an_empty_key_counts_as_none(shop):
    assert shop.order(**{"Idempotency-Key": ""})["id"] != shop.order(**{"Idempotency-Key": ""})["id"]


def test_orders_and_tickets_have_keys_of_their_own(slow_shop):
    mine, body = key(), {"productName": "Americano", "qty": 1}
    assert slow_shop["order"].post("/orders", json=body, headers=mine).status_code == 201
    assert slow_shop["product"].post("/products", json=body, headers=mine).status_code == 201
