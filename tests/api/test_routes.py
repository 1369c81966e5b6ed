"""What the services route is what the document describes: the tables in the C code are read, nothing is run."""

import re

import contract
import pytest

ROW = re.compile(r'\{\s*(?:\.method\s*=\s*)?HTTP_(GET|POST|PUT|PATCH|DELETE)\s*,\s*(?:\.path\s*=\s*)?"(/[^"]*)"')
ROOT = contract.API.parent
TABLES = {service: ROOT / "contexts" / service / "adapters" / f"{service}_http.c" for service in contract.SERVICES}
WRITTEN = [service for service, table in TABLES.items() if table.is_file()]


def routes_in(*files):
    return {(method.lower(), path) for file in files for method, path in ROW.findall(file.read_text(encoding="utf-8"))}


def inner_routes_in(*files):
    rows = (re.split(r"(?=\{HTTP_)", file.read_text(encoding="utf-8")) for file in files)
    return {(m[1].lower(), m[2]) for row in sum(rows, []) if ".inner = true" in row and (m := ROW.match(row))}


def test_there_are_tables_to_read():
    assert "order" in WRITTEN
    assert ("post", "/orders") in routes_in(TABLES["order"])


@pytest.mark.parametrize("service", WRITTEN)
def test_a_service_routes_what_is_described_and_nothing_else(openapi, service):
    described = {(m, p) for p, m, _ in contract.operations(openapi, service) if openapi["paths"][p]["x-service"] != "every"}
    shared = {(m, p) for p, m, _ in contract.operations(openapi) if openapi["paths"][p]["x-service"] == "every"}
    assert routes_in(*TABLES[service].parent.glob("*.c")) - shared == described


def test_what_is_described_as_inner_is_kept_from_who_comes_through_the_gateway(openapi):
    described = {(m, p) for p, m, operation in contract.operations(openapi) if operation.get("x-inner")}
    tables = [file for table in TABLES.values() for file in table.parent.glob("*.c")]
    assert inner_routes_in(*tables, ROOT / "kernel" / "runtime" / "service_routes.c") == described
    assert ("get", "/events") in described


GATEWAY = (ROOT / "gateway" / "nginx_routes.c").read_text(encoding="utf-8")


def test_the_gateway_passes_on_the_paths_that_are_described_and_no_inner_one(openapi):
    outer = {(item["x-service"], path) for path, item in openapi["paths"].items() if item["x-service"] != "every" and
             any(not operation.get("x-inner") for method, operation in item.items() if method in ("get", "post", "put", "patch", "delete"))}
    table = {(service, path) for path, service in re.findall(r'\{"(/[^"]*)", "(\w+)", [A-Z_]+\}', GATEWAY)}
    assert table == outer
    assert ("order", "/orders/{id}") in table and ("product", "/products/search/cancelByOrderId") not in table


def test_the_gateway_passes_on_every_header_that_a_service_reads():
    read = set(re.findall(r'STR_INIT\("([\w-]+)"\)', (ROOT / "kernel" / "http" / "http_guard.c").read_text(encoding="utf-8")))
    # nginx makes these itself, or keeps what a client says in them; the last two are what services say to each other
    own = {"Content-Length", "Transfer-Encoding", "Expect", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Caller", "Feed-Epoch"}
    passed = set(re.findall(r'\{"([\w-]+)", "[^"/]*", "?\w+"?\}', GATEWAY)) - {"Connection"}
    assert read - own == passed - (passed - read - {"X-Forwarded-For"}) and "Idempotency-Key" in passed
    assert not passed & own


def test_what_the_gateway_passes_to_one_service_is_read_by_no_other():
    guard, head = ((ROOT / "kernel" / "http" / name).read_text(encoding="utf-8") for name in ("http_guard.c", "http_head.c"))
    constants = {name: constant for constant, name in re.findall(r'\[(HTTP_\w+)\] = \{STR_INIT\("([\w-]+)"\)', guard)}
    members = {constant: member for member, constant in re.findall(r"request->(\w+) = head->value\[(HTTP_\w+)\]", head)}
    only = dict(re.findall(r'\{"([\w-]+)", "\$\w+", "(\w+)"\}', GATEWAY))
    assert "If-Match" in only
    for name, service in only.items():
        read = re.compile(rf"request->{members[constants[name]]}\b")
        assert {table for table in contract.SERVICES if any(read.search(file.read_text(encoding="utf-8")) for file in (ROOT / "contexts" / table).rglob("*.c"))} == {service}, name
