"""The answers that clients of the original system know: same status, same members, same links; ours may say more.

seed_answers/answers.json has them, in the order of one story: an empty shop, three orders, all completed. BASE is the service's address.
"""
import json
from pathlib import Path

import pytest

from eventually import eventually
from shop import Shop

ANSWERS = json.loads((Path(__file__).parent / "seed_answers" / "answers.json").read_text())
STORY = ("empty", "placing", "completed")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Our answers to the story's requests, by name."""
    shop = Shop(tmp_path_factory.mktemp("seed"))
    answers = {}
    try:
        shop.start()
        for chapter in STORY:
            if chapter == "completed":
                for number in (1, 2, 3):
                    shop.wait_order(number, "Completed")
                    wait_page(shop, number)
            for each in ANSWERS:
                if each["when"] == chapter:
                    answers[each["name"]] = (ask(shop, each), shop.url(each["service"]))
        yield answers
    finally:
        shop.close()


def wait_page(shop, number):
    eventually(lambda: shop.page_of(number)["orderStatus"] == shop.page_of(number)["productStatus"] == "Completed")


def ask(shop, each):
    headers = {"Accept": each.get("accept", "*/*")}
    body = each["text"] if "text" in each else json.dumps(each["request"]) if "request" in each else None
    if body is not None:
        headers["Content-Type"] = "application/json"
    return shop[each["service"]].request(each["method"], each["path"], content=body, headers=headers)


def differences(ours, seeds, where="$"):
    """What the seed's answer has and ours has not, or has otherwise."""
    if isinstance(seeds, dict):
        if not isinstance(ours, dict):
            return [f"{where} is {ours!r}"]
        return [line for name, value in seeds.items()
                for line in (differences(ours[name], value, f"{where}.{name}") if name in ours else [f"{where}.{name} is missing"])]
    return [] if ours == seeds and type(ours) is type(seeds) else [f"{where} is {ours!r}, the seed says {seeds!r}"]


@pytest.mark.parametrize("each", ANSWERS, ids=[each["name"] for each in ANSWERS])
def test_an_answer_is_what_clients_of_the_seed_know(told, each):
    answer, base = told[each["name"]]
    expected = json.loads(json.dumps(each).replace("BASE", base))
    assert answer.status_code == each["status"], answer.text
    if "location" in expected:
        assert answer.headers["location"] == expected["location"]
    if "body" in expected:
        assert differences(answer.json(), expected["body"]) == []
    if "first" in expected:
        first = next(iter(answer.json()["_embedded"].values()))[0]
        assert differences(first, expected["first"]) == []
    for rel in expected.get("without", ()):
        assert rel not in answer.json()["_links"]


@pytest.mark.parametrize("accept, kind", [
    ("*/*", "application/hal+json"), ("application/hal+json", "application/hal+json"), ("application/json", "application/json"),
    ("application/json, */*;q=0.5", "application/json"), ("text/html, */*;q=0.1", "application/hal+json"), (None, "application/hal+json"),
])
def test_the_type_is_the_one_that_was_asked_for(shop, accept, kind):
    order = shop.order()
    request = shop["order"].build_request("GET", f"/orders/{order['id']}")
    del request.headers["Accept"]
    if accept:
        request.headers["Accept"] = accept
    answer = shop["order"].send(request)
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == kind
    assert answer.json()["id"] == order["id"]


@pytest.mark.parametrize("service, path", [("order", "/orders"), ("product", "/products"), ("stock", "/stocks"), ("customercenter", "/mypages")])
def test_head_answers_as_get_without_a_body(shop, service, path):
    got, answer = shop[service].get(path), shop[service].head(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, got.headers["content-type"])
    assert answer.content == b""


@pytest.mark.parametrize("service, path, methods", [
    ("order", "/orders", {"GET", "POST"}), ("order", "/orders/1", {"GET", "PATCH"}), ("product", "/products/1", {"GET", "PUT", "PATCH"}),
    ("stock", "/stocks/1", {"GET", "PATCH", "DELETE"}), ("customercenter", "/mypages", {"GET"}),
])
def test_options_tells_what_is_allowed(shop, service, path, methods):
    answer = shop[service].options(path)
    assert answer.status_code == 204
    assert methods | {"HEAD", "OPTIONS"} <= {word.strip() for word in answer.headers["allow"].split(",")}


@pytest.mark.parametrize("sort, member, descending", [("qty", "qty", False), ("qty,asc", "qty", False), ("qty,desc", "qty", True),
                                                      ("productName", "productName", False), ("id,desc", "id", True)])
def test_a_list_can_be_sorted(shop, sort, member, descending):
    for qty, item in ((3, "Tea"), (1, "Mocha"), (2, "Latte")):
        shop.order(item, qty)
    rows = shop["order"].get("/orders", params={"sort": sort, "size": 1000}).json()["_embedded"]["orders"]
    values = [row[member] for row in rows]
    assert values == sorted(values, reverse=descending)


def test_a_list_can_be_sorted_by_two_members(shop):
    for qty, item in ((3, "Tea"), (1, "Tea"), (2, "Latte")):
        shop.order(item, qty)
    rows = shop["order"].get("/orders?sort=productName,desc&sort=qty&size=1000").json()["_embedded"]["orders"]
    names = [row["productName"] for row in rows]
    assert names == sorted(names, reverse=True)
    for name in set(names):
        quantities = [row["qty"] for row in rows if row["productName"] == name]
        assert quantities == sorted(quantities)


def test_pages_together_are_the_whole(shop):
    for _ in range(7):
        shop.order()
    whole = [row["id"] for row in shop.all("orders")]
    parts, number = [], 0
    while True:
        body = shop["order"].get("/orders", params={"page": number, "size": 3}).json()
        parts += [row["id"] for row in body["_embedded"]["orders"]]
        if "next" not in body["_links"]:
            break
        number += 1
    assert parts[:len(whole)] == whole
