"""Who may come in at the gateway and with what: host names, origins, headers, so much at a time. And what it says to all others."""
import json

import pytest

from door import Door, assert_problem
from raw import ask, statuses
from shop import Process, client

# The longest line that nginx takes, and how much of them.
LINE, LINES = 8192, 4


@pytest.mark.parametrize("host", ["127.0.0.1:8088", "192.168.0.17", "192.168.0.17:8088", "[::1]", "[fe80::1]:8088", "localhost", "LOCALHOST:1", "localhost.", "till.localhost:8088", "coffeeshop", "gateway:8080"])
def test_the_shop_is_known_by_addresses_and_names_that_no_strangers_dns_gives(door, host):
    assert door.http.get("/orders", headers={"Host": host}).status_code == 200
    assert door.last()[2]["X-Forwarded-Host"] == host


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8088", "127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost.example", "x.1", "1.2.3.4.5", "notlocalhost.example"])
@pytest.mark.parametrize("path", ["/orders", "/", "/livez", "/nowhere"])
def test_under_another_name_it_is_not_the_shop(door, path, host):
    """DNS rebinding: a page of evil.example whose name leads to the shop's address."""
    before = len(door.service.asked)
    body = assert_problem(door.http.get(path, headers={"Host": host}), 421)
    assert "gateway.hosts" in body["detail"]
    assert len(door.service.asked) == before
    page = door.http.get(path, headers={"Host": host, "Accept": "text/html"})
    assert page.status_code == 421 and page.headers["content-type"].startswith("text/html")


NO_HOSTS = ['a"b', "a,b", "u@localhost", "localhost:99999", "localhost:65536", "localhost:8088:1", "localhost:x", "x" * 300, "x" * 254, "a b", "a/b", "[::1", "[]", "[::1]x", "[::g]", ":80", "a\tb", "a'b", "a$b", "a<b>",
            'a"b.localhost', "a,b.localhost", "x" * 250 + ".localhost", 'a"b.shops.example', "a@b.shops.example"]


@pytest.fixture(scope="module")
def trusting_door(tmp_path_factory):
    """A proxy before it is believed, and it has names."""
    door = Door(tmp_path_factory.mktemp("trusting"), "--gateway.trusted_proxy=127.0.0.1", "--gateway.hosts=*.shops.example")
    try:
        yield door.open()
    finally:
        door.close()


@pytest.mark.parametrize("host", NO_HOSTS)
@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_what_is_no_host_is_refused_as_a_service_refuses_it(trusting_door, header, host):
    """It would not be one to the service, either, whose links then led to the gateway's own name for it."""
    before = len(trusting_door.service.asked)
    if header == "X-Forwarded-Host" and ("," in host or " " in host):
        return  # a list: the first is what the client asked for
    first = "" if header == "Host" else "Host: localhost\r\n"
    answer = ask(trusting_door.port, f"POST /orders HTTP/1.1\r\n{first}{header}: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
    assert statuses(answer) == [400] and b"application/problem+json" in answer
    assert len(trusting_door.service.asked) == before


@pytest.mark.parametrize("host", ["localhost:65535", "localhost:0", "localhost:00080", "localhost:", "a_b", "a~b", "x" * 253, "127.0.0.1", "255.255.255.255:1", "[::ffff:1.2.3.4]:1", "x" * 240 + ".localhost", "a-b.c.shops.example."])
def test_every_host_that_is_one_is_taken(trusting_door, host):
    for answer in (trusting_door.http.get("/orders", headers={"Host": host}), trusting_door.http.get("/orders", headers={"X-Forwarded-Host": host})):
        assert answer.status_code == 200
        assert trusting_door.last()[2]["X-Forwarded-Host"] == host


@pytest.mark.parametrize("host", ["256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.999"])
def test_what_only_looks_like_an_address_is_a_name_that_is_not_ours(door, host):
    assert door.http.get("/orders", headers={"Host": host}).status_code == 421


def test_names_can_be_added(open_door):
    named = open_door("--gateway.hosts=shop.example *.shops.example")
    told = {host: named.http.get("/orders", headers={"Host": host}).status_code
            for host in ("shop.example", "SHOP.example:8088", "a.shops.example", "shops.example", "a.shop.example", "shopXexample.com", "evilshops.example")}
    assert told == {"shop.example": 200, "SHOP.example:8088": 200, "a.shops.example": 200, "shops.example": 421, "a.shop.example": 421, "shopXexample.com": 421, "evilshops.example": 421}
    anything = open_door("--gateway.hosts=*")
    assert anything.http.get("/orders", headers={"Host": "evil.example"}).status_code == 200


def test_by_default_no_other_origin_is_let_in(door):
    for answer in (door.http.get("/orders", headers={"Origin": "http://a.example"}),
                   door.http.options("/orders", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "content-type"})):
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "Origin" in answer.headers["vary"]


def test_a_service_is_told_where_a_request_comes_from(door):
    mine = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
    door.http.post("/orders", content=b"{}", headers=mine)
    assert {name: door.last()[2][name] for name in mine} == mine


def test_any_origin_may_ask_when_all_are_let_in_but_without_credentials(open_door):
    door = open_door("--gateway.cors_origins=*")
    answer = door.http.get("/orders", headers={"Origin": "http://a.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "access-control-allow-origin" not in door.http.get("/orders").headers
    preflight = door.http.options("/orders/1", headers={"Origin": "http://a.example", "Access-Control-Request-Method": "PATCH"})
    assert preflight.headers["access-control-allow-origin"] == "*" and "access-control-allow-credentials" not in preflight.headers


def test_only_listed_origins_may_ask(open_door):
    door = open_door("--gateway.cors_origins=https://shop.example https://a.example:81")
    wanted = door.http.get("/orders", headers={"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"})
    assert wanted.headers["access-control-allow-origin"] == "https://shop.example"
    assert wanted.headers["access-control-allow-credentials"] == "true"
    assert "Location" in wanted.headers["access-control-expose-headers"]
    # it is none to the service, which would refuse the changes of another
    assert "Origin" not in door.last()[2] and "Sec-Fetch-Site" not in door.last()[2]
    for origin in ("https://evil.example", "http://shop.example", "https://shop.example.evil.example", "https://a.example", "null"):
        for answer in (door.http.get("/orders", headers={"Origin": origin}), door.http.options("/orders", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})):
            assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_preflight_is_answered_at_the_door(open_door):
    door = open_door("--gateway.cors_origins=http://a.example")
    answer = door.http.options("/orders/1", headers={"Origin": "http://a.example", "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "content-type"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-methods"] == "PATCH"
    assert answer.headers["access-control-allow-headers"] == "content-type"
    assert answer.headers["access-control-allow-origin"] == "http://a.example"
    assert not door.service.asked
    assert door.http.options("/orders").status_code == 200
    assert door.last()[0] == "OPTIONS"
    odd = door.http.options("/orders/..%2f", headers={"Origin": "http://a.example", "Access-Control-Request-Method": "PATCH"})
    assert_problem(odd, 400)


def test_a_long_head_is_judged_like_a_short_one(open_door):
    """Of what is wrong with a request the first is told, in the order path, host, length; a name of the setting excuses neither."""
    door = open_door("--gateway.hosts=shop.example", "--gateway.cors_origins=http://a.example")
    long, too_long = {"Cookie": "a=" + "b" * 3000}, {"If-Match": "b" * 8000, "If-None-Match": "b" * 800}
    preflight = {"Origin": "http://a.example", "Access-Control-Request-Method": "PATCH"}

    def told(path="/orders", method="GET", host="shop.example", **headers):
        return door.http.request(method, path, headers={"Host": host, **headers}).status_code

    assert told(**long) == told(method="OPTIONS", **long) == 200
    before = len(door.service.asked)
    assert told(method="OPTIONS", **preflight) == told(method="OPTIONS", **preflight, **long) == 200
    assert told(**too_long) == told(method="OPTIONS", **preflight, **too_long) == told(host="127.0.0.1", **too_long) == 431
    assert told(host="evil.example", **too_long) == told(host="evil.example", method="OPTIONS", **preflight, **long) == 421
    assert told(host="a,b", **too_long) == told("/orders/..%2f", host="evil.example", **too_long) == 400
    assert len(door.service.asked) == before


def test_what_a_client_says_of_proxies_is_replaced(door):
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "444", "X-Forwarded-For": "1.2.3.4",
              "X-Forwarded-Prefix": "/evil", "Forwarded": "host=evil.example", "X-Real-IP": "1.2.3.4"}
    door.http.get("/orders", headers={"Host": "till.localhost:81", **forged})
    headers = door.last()[2]
    assert headers["X-Forwarded-Host"] == "till.localhost:81"
    assert (headers["X-Forwarded-Proto"], headers["X-Forwarded-For"]) == ("http", "127.0.0.1")
    assert not any(name in headers for name in ("X-Forwarded-Port", "X-Forwarded-Prefix", "Forwarded", "X-Real-IP"))


def test_what_belongs_to_the_request_passes(door):
    mine = {"Idempotency-Key": "k1", "X-Correlation-ID": "c1", "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01", "If-None-Match": '"3"'}
    door.http.post("/orders", json={"qty": 1}, headers=mine)
    method, _, headers, body, _ = door.last()
    assert method == "POST" and json.loads(body) == {"qty": 1}
    assert {name: headers[name] for name in mine} == mine


OF_ONE_SERVICE = {"If-Match": "/stocks/1", "Last-Event-ID": "/mypages/stream", "Coffeeshop-Signature": "/payments/webhook"}


@pytest.mark.parametrize("path", ["/orders", "/menu", "/stocks/1", "/stocks/1/lowMark", "/mypages", "/mypages/stream", "/payments/webhook", "/payments/1"])
def test_what_one_service_reads_passes_to_it_alone_with_all_that_every_request_has(door, path):
    mine = {**dict.fromkeys(OF_ONE_SERVICE, "1"), "Accept": "*/*", "Idempotency-Key": "k1", "Origin": "null", "Sec-Fetch-Site": "cross-site", "Cookie": "a=b", "X-Gateway": "0", "Connection": "x"}
    with door.http.stream("PATCH", path, headers=mine) as answer:
        assert answer.status_code == 200
    headers = door.last()[2]
    passed = {name for name, its in OF_ONE_SERVICE.items() if its.split("/")[1] == path.split("/")[1]}
    expected = {"Accept", "Host", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For", "X-Gateway", "Idempotency-Key", "Origin", "Sec-Fetch-Site"} | passed
    assert set(name.lower() for name in headers) - {"content-length"} == {name.lower() for name in expected}
    assert headers["X-Forwarded-For"] == "127.0.0.1" and headers.get_all("X-Gateway") == ["1"] and headers["Origin"] == "null"


def test_what_no_service_reads_stays_at_the_door(door):
    unread = {"Cookie": "lang=ko; a=b", "User-Agent": "x", "Authorization": "Basic eDp5", "Accept-Language": "ko", "Referer": "http://x/", "X-Anything": "x", "X-Gateway": "0", "X-Internal": "1",
              "Proxy": "http://evil.example", "X-Original-URL": "/events", "X-Rewrite-URL": "/events", "X-HTTP-Method-Override": "DELETE", "Range": "bytes=0-1", "TE": "trailers"}
    assert door.http.get("/orders", headers=unread).status_code == 200
    headers = door.last()[2]
    assert set(name.lower() for name in headers) == {"accept", "host", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-for", "x-gateway"}
    assert headers.get_all("X-Gateway") == ["1"]


@pytest.mark.parametrize("n", [1_700, 2_500, LINE - len("Cookie: a=") - 2])
def test_a_large_cookie_is_no_hindrance(door, n):
    assert door.http.get("/orders", headers={"Cookie": "a=" + "b" * (n - 2)}).status_code == 200
    assert "Cookie" not in door.last()[2]


def test_headers_are_taken_up_to_what_browsers_send(door):
    line = b"X-%d: " + b"x" * (LINE - len("X-1: ") - 2) + b"\r\n"
    request = b"POST /orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n" + b"".join(line % i for i in range(LINES)) + b"\r\n"
    assert statuses(ask(door.port, request)) == [200]


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET /orders HTTP/1.1\r\nHost: x\r\nCookie: a=" + b"b" * 200_000 + b"\r\n\r\n", 431),
    (b"GET /orders HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: " % i + b"x" * 8000 + b"\r\n" for i in range(10)) + b"\r\n", 431),
    (b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000, 413),
    (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414), (b"GET /orders/..%2f HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000, 400),
], ids=["a cookie", "headers", "a body", "a path", "a path that is odd, and a body"])
def test_who_sends_too_much_is_told_so(door, request_bytes, status):
    """The answer isn't lost although the client goes on sending after it was refused."""
    answer = ask(door.port, request_bytes)
    assert statuses(answer) == [status]
    assert f'"status":{status}'.encode() in answer


@pytest.mark.parametrize("request_bytes, status", [
    (b"GARBAGE\r\n\r\n", 400), (b"GET /orders HTTP/1.1\r\n\r\n", 400), (b"GET /orders HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET /" + b"x" * LINE, 414), (b"GET /orders HTTP/1.1\r\nHost: x\r\nA: " + b"x" * LINE, 431),
    (b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501), (b"GET /orders HTTP/3.0\r\nHost: x\r\n\r\n", 505),
])
def test_what_nginx_refuses_is_a_problem_document_too(door, request_bytes, status):
    answer = ask(door.port, request_bytes)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:100]  # nginx has no words for 431
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert f'"status":{status}'.encode() in body and b"nginx" not in body


def test_one_client_can_not_take_everything(open_door):
    door = open_door("--gateway.unlimited=", "--gateway.rate=1", "--gateway.burst=3")
    answers = [door.http.get("/orders") for _ in range(20)]
    assert [answer.status_code for answer in answers[:4]] == [200] * 4
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    assert_problem(refused[0], 429)
    assert refused[0].headers["retry-after"] == "1"


def test_loopback_is_not_limited(open_door):
    door = open_door("--gateway.rate=1", "--gateway.burst=1")
    assert {door.http.get("/orders").status_code for _ in range(50)} == {200}


def test_one_client_has_so_many_requests_under_way_and_no_more(open_door):
    door = open_door("--gateway.unlimited=", "--gateway.connections=1")
    waits, _ = door.begin_to_wait()
    assert_problem(door.http.get("/orders"), 429)
    door.service.go_on.set()
    waits.join()
    assert door.http.get("/orders").status_code == 200


def test_streams_have_an_allowance_of_their_own(open_door):
    """Those who only follow keep nobody behind the same address from ordering, however many they are."""
    door = open_door("--gateway.unlimited=", "--gateway.connections=4", "--gateway.streams=12", "--gateway.rate=1000000", "--gateway.burst=1000000")
    with client(f"http://127.0.0.1:{door.port}") as http:
        streams = [http.stream("GET", "/mypages/stream") for _ in range(12)]
        try:
            assert [stream.__enter__().status_code for stream in streams] == [200] * 12
            assert_problem(door.http.get("/mypages/stream"), 429)
            assert door.http.get("/").status_code == door.http.post("/orders", json={}).status_code == 200
        finally:
            for stream in streams:
                stream.__exit__(None, None, None)


def test_following_again_does_not_use_up_the_requests_of_an_address(open_door):
    door = open_door("--gateway.unlimited=", "--gateway.rate=1", "--gateway.burst=3")
    told = []
    for _ in range(8):
        with door.http.stream("GET", "/mypages/stream") as answer:
            told.append(answer.status_code)
    assert told[0] == 200 and 429 in told
    assert [door.http.get("/orders").status_code for _ in range(4)] == [200] * 4


def test_an_origin_may_be_long_and_stand_there_twice(open_door):
    long = "https://" + "a" * 60 + "." + "b" * 60 + ".example:8443"
    door = open_door(f"--gateway.cors_origins={long} https://a.example HTTPS://A.example {long}")
    for origin in (long, "https://a.example"):
        assert door.http.get("/orders", headers={"Origin": origin}).headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize("flag, told", [
    ("--gateway.payment_url=http://127.0.0.1:8085 http://nowhere.invalid:8085", 'gateway.payment_url is "http://nowhere.invalid:8085", and nowhere.invalid has no address'),
    ("--gateway.listen=127.0.0.1:8088 127.0.0.1:8088", 'gateway.listen is "127.0.0.1:8088 127.0.0.1:8088" but has to be'),
    ("--gateway.hosts=" + "a" * 4000, "gateway.hosts is"), ("--gateway.cors_origins=https://" + "a" * 4000, "gateway.cors_origins is")],
    ids=["a name without an address", "an address twice", "a long name", "a long origin"])
def test_what_nginx_could_not_be_told_is_refused_by_the_name_of_the_setting(tmp_path, flag, told):
    log = tmp_path / "log"
    gateway = Process(["gateway", f"--data={tmp_path / 'data'}", flag], log)
    assert gateway.process.wait(20) == 1
    assert told in log.read_text() and "emerg" not in log.read_text()
