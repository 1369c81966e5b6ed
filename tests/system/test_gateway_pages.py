"""The shop's pages as the gateway serves them: where, in which language, with which headers; its errors as pages; the operator's figures."""
import base64
import hashlib
import re

import httpx
import pytest

from eventually import eventually
from shop import SERVICES, Process, client, free_port

PAGES = ("/", "/kitchen", "/stock", "/ops")
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
MOST_BYTES = 60 * 1024


@pytest.fixture(scope="module")
def open_door(tmp_path_factory):
    """Gateways whose services are all away."""
    running = []

    def make(*flags):
        directory, port, away = tmp_path_factory.mktemp("door"), free_port(), free_port()
        urls = [f"--gateway.{name}_url=http://127.0.0.1:{away}" for name in SERVICES]
        process = Process(["gateway", f"--data={directory / 'data'}", f"--gateway.listen=127.0.0.1:{port}", *urls, *flags], directory / "gateway.log")
        http = client(f"http://127.0.0.1:{port}")
        running.append((process, http))

        def is_ready():
            assert process.is_running(), process.output()
            try:
                return http.get("/livez").status_code == 200
            except httpx.ConnectError:
                return False

        eventually(is_ready, within=15, what="the gateway is ready")
        return http

    yield make
    for process, http in running:
        http.close()
        process.stop()


@pytest.fixture(scope="module")
def door(open_door):
    return open_door()


def wanted(page):
    return [path for path in re.findall(r'(?:src|href)="(/[^"]*)"', page.text) if path.startswith("/assets/")]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_all_it_needs_and_is_light(door, path):
    page = door.get(path)
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-encoding"] == "gzip"
    size = int(page.headers["content-length"])
    assert any(asset.endswith(".js") for asset in wanted(page))
    for asset in wanted(page):
        answer = door.get(asset)
        assert answer.status_code == 200, asset
        assert "immutable" in answer.headers["cache-control"]
        size += int(answer.headers["content-length"])
    assert size <= MOST_BYTES
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_inline_is_allowed_but_the_pages_own_style(door, path):
    page = door.get(path)
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'" and policy["connect-src"] == "'self'"
    assert "unsafe" not in page.headers["content-security-policy"]
    styles = re.findall(r"<style>(.*?)</style>", page.text, re.S)
    assert len(styles) == 1
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy["style-src"]
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=", page.text)
    assert page.headers["x-content-type-options"] == "nosniff" and page.headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in page.headers


@pytest.mark.parametrize("wish, cookie, language", [
    ("ko-KR,ko;q=0.9,en;q=0.8", "", "ko"), ("en-US,en;q=0.9,ko;q=0.8", "", "en"), ("fr,ko;q=0.8,en;q=0.5", "", "ko"), ("fr", "", "en"), ("", "", "en"),
    ("en", "lang=ko", "ko"), ("ko", "lang=en", "en"), ("ko", "lang=<script>", "ko"), ("x" * 200, "lang=../../etc", "en"),
])
def test_the_language_is_the_switchs_or_the_browsers(door, wish, cookie, language):
    page = door.get("/", headers={"Accept-Language": wish, **({"Cookie": cookie} if cookie else {})})
    assert f'<html lang="{language}">' in page.text
    assert {"accept-language", "cookie"} <= {word.strip().lower() for word in page.headers["vary"].split(",")}


def test_who_can_not_unzip_gets_it_unzipped(door):
    plain = door.get("/", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and "<!doctype html>" in plain.text
    assert door.head("/").status_code == 200


def test_a_page_that_has_not_changed_is_not_sent_again(door):
    first = door.get("/kitchen")
    again = door.get("/kitchen", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and first.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("method, path, status, header", [
    ("GET", "/nowhere", 404, None), ("GET", "/assets/none.js", 404, None), ("GET", "/orders", 503, "retry-after"), ("POST", "/", 405, "allow")])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_an_error_is_a_page_for_a_browser_and_a_problem_for_a_program(door, method, path, status, header, language):
    page = door.request(method, path, headers={**BROWSER, "Accept-Language": language})
    assert page.status_code == status and page.headers["content-type"] == "text/html; charset=utf-8"
    assert f'<html lang="{language}">' in page.text and f">{status}<" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    problem = door.request(method, path)
    assert problem.status_code == status and problem.headers["content-type"] == "application/problem+json"
    for answer in (page, problem):
        assert header is None or header in answer.headers


def test_too_many_requests_are_a_page_too(open_door):
    tight = open_door("--gateway.unlimited=", "--gateway.rate=1", "--gateway.burst=1")
    answers = [tight.get("/", headers=BROWSER) for _ in range(6)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused and all("<!doctype html>" in answer.text and answer.headers["retry-after"] == "1" for answer in refused)


def test_a_pages_parts_are_not_addresses_of_their_own(door):
    assert door.get("/pages/customer.ko.html").status_code == 404
    assert door.get("/assets/../pages/customer.ko.html").status_code == 404


@pytest.mark.parametrize("name", SERVICES)
def test_an_operator_may_ask_for_a_services_figures(door, name):
    assert door.get(f"/ops/{name}/metrics").status_code == 503  # the service is away, but we may ask
    assert door.get("/ops/gateway/metrics").status_code == 404


def test_who_is_no_operator_is_told_so(open_door):
    closed = open_door("--gateway.operators=")
    refused = closed.get("/ops/order/metrics", headers={"Origin": "https://elsewhere.example"})
    assert refused.status_code == 403 and refused.json()["status"] == 403


@pytest.mark.parametrize("method, path", [("GET", "/nowhere"), ("GET", "/orders/.."), ("POST", "/"), ("GET", "/ops/order/metrics")])
def test_an_error_that_comes_while_another_is_told_is_told_too(open_door, method, path):
    tight = open_door("--gateway.unlimited=", "--gateway.operators=", "--gateway.rate=1", "--gateway.burst=1")
    answers = [tight.request(method, path, headers=BROWSER) for _ in range(6)]
    assert answers[-1].status_code == 429 and answers[-1].headers["retry-after"] == "1"
    assert all("<!doctype html>" in answer.text for answer in answers)
