"""What can't be understood is refused at the door, with a problem document that says what was wrong, and changes nothing."""
import json

import pytest

from raw import ask, statuses
from shop import PAID

GOOD = {"productName": "Americano", "qty": 1}
JSON = {"Content-Type": "application/json"}


def refused(answer, status, *, names=None):
    """Asserts an RFC 9457 problem of that status, naming the member or parameter if there is one to name."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"] and problem.get("detail")
    assert problem["instance"].startswith("/")
    if names:
        assert problem["member"] == names, problem
    return problem


@pytest.mark.parametrize("body", [
    "", "{", "}", "nonsense", "{'productName': 'Americano'}", '{"productName": "Americano", "qty": 1',
    '{"productName": "Americano", "qty": 01}', '{"productName": "Americano", "qty": +1}', '{"productName": "Americano", "qty": .5}',
    '{"productName": "Americano", "qty": NaN}', '{"productName": "Americano", "qty": 1,}', '{"productName" "Americano"}',
    '{"productName": "Americano", "qty": 1} {}', '{"productName": "Americano", "qty": 1} trailing', '// no\n{"qty": 1}',
    '{"productName": "Americano", "qty": 1, "qty": 2}', '{"productName": "Tea", "productName": "Tea", "qty": 1}',
    '{"productName": "Am\\x", "qty": 1}', '{"productName": "Amer\\u0000icano", "qty": 1}', '{"productName": "a\nb", "qty": 1}', '{"productName": "\\ud800", "qty": 1}',
    b'{"productName": "Americano\xff", "qty": 1}', b'{"productName": "\xc0\xaf", "qty": 1}', b'{"productName": "\xed\xa0\x80", "qty": 1}',
    b'\xef\xbb\xbf\xef\xbb\xbf{"productName": "Americano", "qty": 1}', b'{"productName": "Americano", "qty": 1}\x00',
    "[" * 5000 + "]" * 5000, '{"a":' * 3000 + "1" + "}" * 3000,
], ids=lambda body: repr(body)[:40])
def test_a_body_that_can_not_be_read_is_a_bad_request(shop, body):
    before = newest(shop)
    refused(shop["order"].post("/orders", content=body, headers=JSON), 400)
    assert newest(shop) == before


@pytest.mark.parametrize("body", ["[]", '[{"productName": "Americano", "qty": 1}]', '"Americano"', "17", "null", "true"])
def test_a_body_that_is_no_object_is_refused(shop, body):
    before = newest(shop)
    refused(shop["order"].post("/orders", content=body, headers=JSON), 400)
    assert newest(shop) == before


@pytest.mark.parametrize("change, member", [
    ({"qty": None}, "qty"), ({"qty": "one"}, "qty"), ({"qty": ""}, "qty"), ({"qty": " 1"}, "qty"), ({"qty": 1.5}, "qty"),
    ({"qty": "1.5"}, "qty"), ({"qty": 1.0e99}, "qty"), ({"qty": True}, "qty"), ({"qty": {}}, "qty"), ({"qty": [1]}, "qty"),
    ({"qty": 0}, "qty"), ({"qty": 1001}, "qty"), ({"qty": 1.25}, "qty"), ({"qty": -5}, "qty"), ({"qty": "-5"}, "qty"), ({"qty": 2_147_483_648}, "qty"),
    ({"qty": 99_999_999_999}, "qty"), ({"qty": "99999999999999999999999"}, "qty"),
    ({"productName": None}, "productName"), ({"productName": ""}, "productName"), ({"productName": 123}, "productName"),
    ({"productName": True}, "productName"), ({"productName": {}}, "productName"), ({"productName": []}, "productName"),
    ({"productName": "A" * 256}, "productName"),
    ({"productName": "a\"b\\c\u0001\n/<>&\U0001f600"}, "productName"),
], ids=lambda value: repr(value)[:30])
def test_a_member_that_makes_no_sense_is_named(shop, change, member):
    before = newest(shop)
    refused(shop["order"].post("/orders", json={**GOOD, **change}), 422, names=member)
    assert newest(shop) == before


@pytest.mark.parametrize("member", ["productName", "qty"])
def test_a_member_that_is_missing_is_named(shop, member):
    refused(shop["order"].post("/orders", json={k: v for k, v in GOOD.items() if k != member}), 422, names=member)


def test_an_empty_object_is_no_order(shop):
    refused(shop["order"].post("/orders", json={}), 422)


def test_an_integer_past_64_bits_is_out_of_range_not_wrapped(shop):
    body = '{"productName": "Americano", "qty": 18446744073709551617}'
    refused(shop["order"].post("/orders", content=body, headers=JSON), 422, names="qty")


def test_unknown_members_are_ignored_even_id_and_status(shop):
    answer = shop["order"].post("/orders", json={**GOOD, "id": 7_777_777, "status": "Completed", "sugar": [1, {"x": None}]})
    assert answer.status_code == 201
    assert answer.json()["status"] == "Requested" and answer.json()["id"] != 7_777_777


@pytest.mark.parametrize("service, path", [("order", "/orders"), ("product", "/products"), ("stock", "/stocks"),
                                           ("stock", "/stocks/reduce"), ("stock", "/stocks/receive"), ("stock", "/stocks/release")])
@pytest.mark.parametrize("body, status", [("{", 400), ('{"a":1,"a":2}', 400), ("{} x", 400), ("{}", 422), (b'{"a":"\xff"}', 400)],
                         ids=["malformed", "duplicate", "trailing", "empty", "utf8"])
def test_every_door_refuses_what_it_can_not_read(shop, service, path, body, status):
    refused(shop[service].post(path, content=body, headers=JSON), status)


@pytest.mark.parametrize("qty", [0, -1, 1.5, True, None, "x", 99_999_999_999])
@pytest.mark.parametrize("path", ["/stocks/reduce", "/stocks/receive"])
def test_stock_takes_and_gives_only_whole_positive_quantities(shop, path, qty):
    before = shop.on_hand("Cappuccino")
    refused(shop["stock"].post(path, json={"productName": "Cappuccino", "qty": qty}), 422, names="qty")
    assert shop.on_hand("Cappuccino") == before


@pytest.mark.parametrize("qty", [-1, 1.5, True, "x", 99_999_999_999])
def test_stock_can_not_be_set_to_nonsense(shop, qty):
    row = shop.stock_of("Cappuccino")
    refused(shop["stock"].patch(f"/stocks/{row['id']}", json={"qty": qty}), 422, names="qty")
    assert shop.on_hand("Cappuccino") == row["qty"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data; boundary=x"])
def test_a_body_of_another_kind_is_unsupported(shop, kind):
    refused(shop["order"].post("/orders", content=json.dumps(GOOD), headers={"Content-Type": kind}), 415)


@pytest.mark.parametrize("kind", ["application/json", "application/json;charset=UTF-8", "application/hal+json", "Application/JSON"])
def test_json_of_every_name_is_taken(shop, kind):
    assert shop["order"].post("/orders", content=json.dumps(GOOD), headers={"Content-Type": kind}).status_code == 201


def test_a_merge_patch_may_cancel(patient_shop):
    order = patient_shop.order()
    answer = patient_shop["order"].patch(f"/orders/{order['id']}", content='{"status":"Canceled"}',
                                         headers={"Content-Type": "application/merge-patch+json"})
    assert answer.status_code == 200


@pytest.mark.parametrize("accept", ["application/xml", "text/html;q=0.9", "application/hal+json;q=0, application/json;q=0", "image/png"])
def test_nobody_can_be_given_what_there_is_not(shop, accept):
    answer = shop["order"].get("/orders", headers={"Accept": accept})
    refused(answer, 406)


def test_a_body_that_is_too_long_is_refused(shop):
    refused(shop["order"].post("/orders", content=json.dumps({**GOOD, "note": "x" * 70_000}), headers=JSON), 413)


def test_a_body_that_will_be_too_long_is_refused_before_it_comes(shop):
    told = ask(shop.ports["order"], b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                    b"Content-Length: 8000000000\r\n\r\n")
    assert statuses(told) == [413]


def test_a_body_that_is_too_long_is_refused_without_its_length_too(shop):
    piece = b"1000\r\n" + b" " * 4096 + b"\r\n"
    told = ask(shop.ports["order"], b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                    b"Transfer-Encoding: chunked\r\n\r\n" + piece * 17 + b"0\r\n\r\n")
    assert statuses(told) == [413]


@pytest.mark.parametrize("service, method, path, allowed", [
    ("order", "DELETE", "/orders", {"GET", "POST"}), ("order", "PUT", "/orders", {"GET", "POST"}),
    ("order", "PATCH", "/orders", {"GET", "POST"}), ("order", "POST", "/orders/1", {"GET", "PATCH"}),
    ("product", "DELETE", "/products", {"GET", "POST"}), ("product", "POST", "/products/1", {"GET", "PUT", "PATCH"}),
    ("stock", "DELETE", "/stocks", {"GET", "POST"}), ("stock", "PATCH", "/stocks", {"GET", "POST"}),
    ("stock", "PUT", "/stocks/reduce", {"POST"}), ("customercenter", "POST", "/mypages", {"GET"}),
    ("customercenter", "DELETE", "/mypages/1", {"GET"}), ("customercenter", "PUT", "/mypages/1", {"GET"}),
])
def test_another_method_is_not_allowed_and_what_is_is_told(shop, service, method, path, allowed):
    answer = shop[service].request(method, path)
    refused(answer, 405)
    told = {word.strip() for word in answer.headers["allow"].split(",")}
    assert allowed <= told and method not in told


def test_an_unheard_of_method_is_answered(shop):
    refused(shop["order"].request("BREW", "/orders"), 405)


@pytest.mark.parametrize("service, path", [
    ("order", "/nope"), ("order", "/orders/1/deep/er"), ("order", "/orders/999999999"), ("product", "/products/999999999"),
    ("stock", "/stocks/999999999"), ("customercenter", "/mypages/999999999"), ("order", "/products"), ("stock", "/orders"),
])
def test_what_is_not_there_is_not_found(shop, service, path):
    refused(shop[service].get(path), 404)


@pytest.mark.parametrize("number", ["abc", "-1", "0", "1.5", "1e3", "99999999999999999999", "0x1", "1,drop", "1%20"])
@pytest.mark.parametrize("service, path", [("order", "/orders/"), ("product", "/products/"), ("stock", "/stocks/"),
                                           ("customercenter", "/mypages/")])
def test_an_id_that_is_none_is_not_found(shop, service, path, number):
    refused(shop[service].get(path + number), 404)


@pytest.mark.parametrize("number", ["%00", "%FF", "1;drop", "1%3Bdrop", "a%2Fb", "a%5cb", "%2e%2E", "1%0a", "x\\y"])
def test_a_path_that_can_not_be_read_is_answered(shop, number):
    answer = shop["order"].get("/orders/" + number)
    refused(answer, 400)


@pytest.mark.parametrize("query, parameter", [
    ("page=-1", "page"), ("page=abc", "page"), ("page=", "page"), ("page=1.5", "page"), ("page=99999999999999999999", "page"),
    ("size=0", "size"), ("size=-1", "size"), ("size=1001", "size"), ("size=abc", "size"), ("size=99999999999999999999", "size"),
    ("sort=bogus", "sort"), ("sort=qty,sideways", "sort"), ("sort=", "sort"), ("sort=,desc", "sort"), ("sort=qty;drop", "sort"),
    ("page=1&page=2", "page"),
])
@pytest.mark.parametrize("service, path", [("order", "/orders"), ("product", "/products"), ("stock", "/stocks"),
                                           ("customercenter", "/mypages")])
def test_a_page_that_makes_no_sense_is_a_bad_request(shop, service, path, query, parameter):
    refused(shop[service].get(f"{path}?{query}"), 400, names=parameter)


@pytest.mark.parametrize("query", ["", "orderId=", "orderId=abc", "orderId=-1", "orderId=1.5", "orderId=99999999999999999999"])
def test_a_search_without_an_order_is_a_bad_request(shop, query):
    refused(shop["customercenter"].get(f"/mypages/search/findByOrderId?{query}"), 400, names="orderId")


@pytest.mark.parametrize("query", ["", "orderId=", "orderId=abc", "orderId=0"])
def test_a_cancel_without_an_order_is_a_bad_request(shop, query):
    refused(shop["product"].put(f"/products/search/cancelByOrderId?{query}"), 400, names="orderId")


@pytest.mark.parametrize("body", [{}, {"status": None}, {"status": 1}, {"status": ""}, {"status": "canceled!"}])
def test_a_change_without_a_status_is_refused(patient_shop, body):
    order = patient_shop.order()
    refused(patient_shop["order"].patch(f"/orders/{order['id']}", json=body), 422, names="status")
    assert patient_shop.get_order(order["id"])["status"] == "Requested"


def newest(shop):
    """The id of the newest order."""
    answer = shop["order"].get("/orders", params={"sort": "id,desc", "size": 1}).json()["_embedded"]["orders"]
    return answer[0]["id"] if answer else 0


@pytest.mark.parametrize("number", ["1", "1.0", "1e0", "10e-1", "0.1E+1", "1.000000000000000000000000000", "100e-2", '"1"'])
def test_one_is_one_however_it_is_written(shop, number):
    answer = shop["order"].post("/orders", content=f'{{"productName":"Tea","qty":{number}}}', headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["qty"]) == (201, 1)


@pytest.mark.parametrize("number", ["1.7", "1e-1", "1e999999999999", "1e-999999999999", "1e4", "0.0", "-1.0", "1.0000000000000000000000001",
                                    "9223372036854775808.0", '"1.0"'])
def test_what_is_no_quantity_is_refused_however_it_is_written(shop, number):
    answer = shop["order"].post("/orders", content=f'{{"productName":"Tea","qty":{number}}}', headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["member"]) == (422, "qty")


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8", "UTF8", '"Utf8"'])
def test_utf_8_is_taken_by_whichever_name(shop, charset):
    for path, service, status in (("/orders", "order", 201), ("/products", "product", 201), ("/stocks/reduce", "stock", 200)):
        answer = shop[service].post(path, content='{"productName":"Tea","qty":1}', headers={"Content-Type": f"application/json; charset={charset}"})
        assert answer.status_code == status, (path, answer.text)


def test_a_byte_order_mark_before_a_body_is_taken(shop):
    for path, body in (("/stocks/reduce", '{"productName":"Tea","qty":1}'), ("/stocks/reduce", '[{"productName":"Tea","qty":1}]'),
                       ("/stocks/receive", '{"productName":"Tea","qty":1}')):
        answer = shop["stock"].post(path, content=("\ufeff" + body).encode(), headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text


def test_a_name_is_as_long_as_its_characters(own_shop):
    name = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼"
    assert len(name) == 27
    assert own_shop["stock"].post("/stocks", json={"productName": name, "qty": 5}).json()["productName"] == name
    assert own_shop["stock"].post("/stocks", json={"productName": "가" * 64, "qty": 5}).status_code == 201
    answer = own_shop["stock"].post("/stocks", json={"productName": "가" * 65, "qty": 5})
    assert (answer.status_code, answer.json()["member"]) == (422, "productName")
    assert "64 characters" in answer.json()["detail"]
    row = own_shop.stock_of(name)
    reasons = [own_shop["stock"].patch(f"/stocks/{row['id']}", json={"change": 1, "reason": "쏟" * n}).status_code for n in (200, 201)]
    assert reasons == [200, 422]


ONCE = [
    ("payment", "/payments/summary", "from", "2026-11-29"), ("payment", "/payments/summary", "to", "2099-11-29"),
    ("payment", "/payments/search/findByOrderId", "orderId", 1), ("product", "/products/search/findByOrderId", "orderId", 1),
    ("customercenter", "/mypages/search/findByOrderId", "orderId", 1), ("stock", "/stocks/search/findByProductName", "productName", "Latte"),
    ("stock", "/stocks/1/movements", "size", 1), ("stock", "/stocks/1/movements", "before", 9), ("order", "/dead-letters", "source", "product"),
    ("order", "/dead-letters", "position", 1), ("order", "/orders", "page", 0), ("payment", "/payments", "size", 1)]


def test_a_parameter_that_is_given_twice_is_refused_by_name(open_shop):
    shop = open_shop(services=PAID).start()
    for service, path, name, value in ONCE:
        told = refused(shop[service].get(f"{path}?{name}={value}&{name}={value}"), 400, names=name)
        assert "given once" in told["detail"], told


def test_a_cancel_by_order_that_names_two_orders_cancels_none(shop):
    refused(shop["product"].put("/products/search/cancelByOrderId?orderId=77&orderId=78"), 400, names="orderId")
