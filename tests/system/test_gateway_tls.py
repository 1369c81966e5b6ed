"""The gateway speaks TLS, and believes the proxies that it is told to believe."""
import socket
import ssl
import subprocess

import httpx
import pytest

from door import can_connect
from raw import ask, statuses
from eventually import eventually
from raw import ask, statuses
from shop import Process, Shop, client, flags, free_port


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) of localhost, signed by itself."""
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"], cwd=directory, check=True, capture_output=True)
    return directory / "certificate.pem", directory / "key.pem"


def tls_flags(certificate):
    return f"--gateway.tls_certificate={certificate[0]}", f"--gateway.tls_key={certificate[1]}"


@pytest.fixture
def secure_door(open_door, certificate):
    return open_door(*tls_flags(certificate))


def trusting(certificate):
    return ssl.create_default_context(cafile=str(certificate[0]))


def test_who_asks_by_tls_is_answered_and_links_are_https(secure_door, certificate):
    with httpx.Client(base_url=f"https://localhost:{secure_door.port}", verify=trusting(certificate), trust_env=False) as http:
        assert http.get("/orders").status_code == 200
        headers = secure_door.last()[2]
        assert (headers["X-Forwarded-Proto"], headers["X-Forwarded-Host"]) == ("https", f"localhost:{secure_door.port}")
        assert http.get("/").status_code == 200


def negotiated(port, certificate, protocols, **limits):
    context = trusting(certificate)
    context.set_alpn_protocols(protocols)
    for name, value in limits.items():
        setattr(context, name, value)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain, context.wrap_socket(plain, server_hostname="localhost") as secure:
        return secure.selected_alpn_protocol(), secure.version()


def test_it_is_http_2_for_those_who_can(secure_door, certificate):
    assert negotiated(secure_door.port, certificate, ["h2", "http/1.1"]) == ("h2", "TLSv1.3")
    assert negotiated(secure_door.port, certificate, ["http/1.1"])[0] == "http/1.1"


def test_only_protocols_without_known_holes_are_spoken(secure_door, certificate):
    assert negotiated(secure_door.port, certificate, ["h2"], maximum_version=ssl.TLSVersion.TLSv1_2)[1] == "TLSv1.2"
    old = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{secure_door.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], input=b"", capture_output=True, timeout=10)
    assert old.returncode != 0 and b"alert protocol version" in old.stderr
    for cipher in ("AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA"):
        weak = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{secure_door.port}", "-tls1_2", "-cipher", cipher], input=b"", capture_output=True, timeout=10)
        assert weak.returncode != 0, cipher


def test_who_asks_without_tls_is_shown_the_way(secure_door):
    answer = secure_door.http.get("/orders/1?a=b")
    assert (answer.status_code, answer.headers["location"]) == (308, f"https://127.0.0.1:{secure_door.port}/orders/1?a=b")
    assert not secure_door.service.asked
    assert secure_door.http.get("/readyz").json() == {"status": "UP"}  # for probes, which know no certificate


@pytest.mark.parametrize("host, path, status", [("evil.example", "/x", 421), ("localhost", "/a;b", 400), ("localhost", "/x/../y", 400), ('a"b', "/x", 400), ("evil.example", "/readyz", 421)])
def test_who_asks_without_tls_is_judged_before_it_is_shown_a_way(secure_door, host, path, status):
    """Not to a name that isn't the shop's."""
    for method in ("GET", "POST"):
        answer = ask(secure_door.port, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        assert statuses(answer) == [status] and f'"status":{status}'.encode() in answer and b"Location" not in answer
    page = ask(secure_door.port, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n".encode())
    assert statuses(page) == [status] and b"<!doctype html>" in page


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
@pytest.mark.parametrize("path, status", [("/orders", 413), ("/", 413), ("/nowhere", 413), ("/a;b", 413)])
def test_a_body_that_is_too_large_is_a_problem_document_over_every_protocol(secure_door, certificate, protocol, path, status):
    def told(accept):
        body = secure_door.directory / "body"
        body.write_bytes(b"x" * 70_000)
        done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "10", protocol, "--cacert", certificate[0], "-H", f"Accept: {accept}", "--data-binary", f"@{body}", "-w", "\n%{http_code} %{http_version} %{content_type}", f"https://localhost:{secure_door.port}{path}"],
                              capture_output=True, text=True, check=True)
        return done.stdout.rpartition("\n")
    document, _, line = told("*/*")
    assert line == f"{status} {'2' if protocol == '--http2' else '1.1'} application/problem+json" and f'"status":{status}' in document
    page, _, line = told("text/html")
    assert line.startswith(f"{status} ") and line.endswith(" text/html; charset=utf-8") and "nginx" not in page


@pytest.mark.parametrize("set_flags, told", [
    (["--gateway.tls_certificate=/no/such.pem", "--gateway.tls_key=/no/such.key"], "gateway.tls_certificate is \"/no/such.pem\", which can't be read"),
    (["--gateway.tls_certificate=/etc/hostname"], "gateway.tls_certificate and gateway.tls_key go together"),
    (["--gateway.tls_certificate=/etc/hostname", "--gateway.tls_key=/no/such.key"], "gateway.tls_key is \"/no/such.key\", which can't be read"),
    (["--gateway.tls_certificate=/etc/hostname", "--gateway.tls_key=/etc/hostname"], "nginx ended with status 1; what it said stands above")])
def test_a_certificate_that_is_none_is_refused_with_a_sentence(tmp_path, set_flags, told):
    log = tmp_path / "log"
    gateway = Process(["gateway", f"--data={tmp_path / 'data'}", f"--gateway.listen=127.0.0.1:{free_port()}", *set_flags], log)
    assert gateway.process.wait(10) == 1
    assert told in log.read_text()


def test_paths_of_certificates_may_be_relative(open_door, certificate):
    door = open_door("--gateway.tls_certificate=certificate.pem", "--gateway.tls_key=./key.pem", cwd=certificate[0].parent)
    with httpx.Client(verify=trusting(certificate), trust_env=False) as http:
        assert http.get(f"https://localhost:{door.port}/livez").status_code == 200


def test_a_whole_shop_opens_with_tls(tmp_path, certificate):
    shop = Shop(tmp_path / "shop")
    up = Process(["up", *flags(shop.settings_of_all()), *tls_flags(certificate)], tmp_path / "up.log")
    try:
        eventually(lambda: f"is open: https://127.0.0.1:{shop.ports['gateway']}/" in up.output(), within=30)
        with httpx.Client(base_url=f"https://127.0.0.1:{shop.ports['gateway']}", verify=trusting(certificate), trust_env=False) as http:
            placed = http.post("/orders", json={"productName": "Americano", "qty": 1})
        assert placed.status_code == 201
        assert placed.headers["location"] == f"https://127.0.0.1:{shop.ports['gateway']}/orders/1" == placed.json()["_links"]["self"]["href"]
    finally:
        assert up.stop() == 0


def test_a_trusted_proxy_is_believed(open_door):
    door = open_door("--gateway.trusted_proxy=127.0.0.0/8", "--gateway.hosts=shop.example")
    door.http.get("/orders", headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"})
    headers = door.last()[2]
    assert [headers[f"X-Forwarded-{name}"] for name in ("For", "Proto", "Host")] == ["203.0.113.9", "https", "shop.example"]
    door.http.get("/orders")
    headers = door.last()[2]
    assert [headers[f"X-Forwarded-{name}"] for name in ("For", "Proto", "Host")] == ["127.0.0.1", "http", f"127.0.0.1:{door.port}"]


def test_behind_proxies_the_client_is_the_last_one_that_no_proxy_is(open_door):
    """The first ones are what the client says of itself."""
    door = open_door("--gateway.trusted_proxy=127.0.0.1 10.0.0.0/8", "--gateway.operators=203.0.113.9")
    door.http.get("/orders", headers={"X-Forwarded-For": "127.0.0.1, 203.0.113.9, 10.1.2.3"})
    assert door.last()[2]["X-Forwarded-For"] == "203.0.113.9"
    assert door.http.get("/ops/order/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200
    assert door.http.get("/ops/order/metrics", headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}).status_code == 403


def test_limits_count_the_clients_behind_a_trusted_proxy_one_by_one(open_door):
    door = open_door("--gateway.trusted_proxy=127.0.0.1", "--gateway.unlimited=", "--gateway.rate=1", "--gateway.burst=1")
    for n in range(10):
        assert door.http.get("/orders", headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code == 200
    assert 429 in [door.http.get("/orders", headers={"X-Forwarded-For": "203.0.113.1"}).status_code for _ in range(4)]


def test_a_trusted_proxys_host_has_to_be_the_shops_too(open_door):
    door = open_door("--gateway.trusted_proxy=127.0.0.1")
    assert door.http.get("/orders", headers={"X-Forwarded-Host": "evil.example"}).status_code == 421


def test_nobody_else_is_believed(open_door):
    door = open_door("--gateway.trusted_proxy=10.0.0.0/8")
    door.http.get("/orders", headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"})
    headers = door.last()[2]
    assert [headers[f"X-Forwarded-{name}"] for name in ("For", "Proto", "Host")] == ["127.0.0.1", "http", f"127.0.0.1:{door.port}"]


def test_the_gateway_listens_at_several_addresses(open_door):
    door = open_door(listen="127.0.0.1:{port} [::1]:{port}")
    assert can_connect(door.port) and can_connect(door.port, "::1")
    with client(f"http://[::1]:{door.port}") as http:
        assert http.get("/orders").status_code == 200
    assert door.last()[2]["X-Forwarded-Host"] == f"[::1]:{door.port}"
    assert statuses(ask(door.port, b"GET /orders HTTP/1.0\r\n\r\n", host="::1")) == [200]
    assert door.last()[2]["X-Forwarded-Host"] == f"[::1]:{door.port}"
