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


def test_there_are_tables_to_read():
    assert "order" in WRITTEN
    assert ("post", "/orders") in routes_in(TABLES["order"])


@pytest.mark.parametrize("service", WRITTEN)
def test_a_service_routes_what_is_described_and_nothing_else(openapi, service):
    described = {(m, p) for p, m, _ in contract.operations(openapi, service) if openapi["paths"][p]["x-service"] == service}
    shared = {(m, p) for p, m, _ in contract.operations(openapi) if openapi["paths"][p]["x-service"] == "every"}
    assert routes_in(*TABLES[service].parent.glob("*.c")) - shared == described
