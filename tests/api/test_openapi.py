"""api/openapi.yaml is a valid document, complete by the house rules, and means what the contract says."""

import re

import contract
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

OPERATIONS = [pytest.param(p, m, o, id=o["operationId"]) for p, m, o in contract.operations(contract.load("openapi.yaml"))]
PROBES = ("/actuator/health", "/livez", "/readyz")


def response(document, operation, status):
    return contract.resolve(document, operation["responses"][status])


def test_the_document_is_valid(openapi):
    assert [error.message for error in OpenAPIV31SpecValidator(openapi).iter_errors()] == []


def test_every_reference_leads_somewhere(openapi):
    references = [node["$ref"] for _, node in contract.walk(openapi) if isinstance(node, dict) and isinstance(node.get("$ref"), str)]
    assert len(references) > 100
    for reference in references:
        assert contract.resolve(openapi, {"$ref": reference}) is not None, reference


def test_nothing_in_the_components_is_left_over(openapi):
    used = {node["$ref"] for _, node in contract.walk(openapi) if isinstance(node, dict) and isinstance(node.get("$ref"), str)}
    there = {f"#/components/{kind}/{name}" for kind, parts in openapi["components"].items() for name in parts}
    assert there - used == set()


def test_every_path_says_whose_it_is(openapi):
    for path, item in openapi["paths"].items():
        assert item["x-service"] in (*contract.SERVICES, "every"), path
        assert item.get("x-stand-in", item["x-service"]) in (*contract.SERVICES, "every"), path


@pytest.mark.parametrize("path, method, operation", OPERATIONS)
def test_every_operation_says_what_it_is(openapi, path, method, operation):
    assert operation["summary"].endswith((".", "?"))
    assert operation["tags"] == [openapi["paths"][path]["x-service"]]
    named = set(re.findall(r"{(\w+)}", path))
    given = {contract.resolve(openapi, p)["name"] for p in openapi["paths"][path]["parameters"] if contract.resolve(openapi, p)["in"] == "path"}
    assert named == given


def test_operation_ids_are_unique(openapi):
    ids = [operation["operationId"] for _, _, operation in contract.operations(openapi)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path, method, operation", OPERATIONS)
def test_every_operation_lists_what_can_go_wrong(openapi, path, method, operation):
    expected = {"400", "405", "406"}
    if path not in PROBES and path not in ("/", "/metrics"):
        expected |= {"500"}
    expected |= {"503"}
    if "{id}" in path:
        expected |= {"404"}
    if "requestBody" in operation:
        expected |= {"413", "415", "422"}
    if method == "post":
        expected |= {"409"}  # the first request with this Idempotency-Key is still in progress
    assert expected <= set(operation["responses"])


@pytest.mark.parametrize("path, method, operation", OPERATIONS)
def test_every_error_is_a_problem_document(openapi, path, method, operation):
    for status in operation["responses"]:
        answer = response(openapi, operation, status)
        if status >= "400" and not (path in PROBES and status == "503"):
            assert list(answer["content"]) == ["application/problem+json"], status
            assert answer["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


@pytest.mark.parametrize("path, method, operation", OPERATIONS)
def test_the_headers_that_clients_need_are_promised(openapi, path, method, operation):
    needed = {"201": "Location", "405": "Allow"}
    if path not in PROBES:
        needed["503"] = "Retry-After"
    for status, header in needed.items():
        if status in operation["responses"]:
            promised = response(openapi, operation, status)["headers"][header]
            assert contract.resolve(openapi, promised)["required"] is True


@pytest.mark.parametrize("path, method, operation", OPERATIONS)
def test_every_post_takes_an_idempotency_key(openapi, path, method, operation):
    """But those whose repetition is harmless anyhow: what was taken from the dead letters is not there any more, a gap that was
    passed over isn't either, an authorisation has a key of its own inside, and what a provider says twice is said once. And the one PATCH whose repetition is not: a stock's change by so many."""
    names = [contract.resolve(openapi, p)["name"] for p in operation.get("parameters", [])]
    repeatable = path in ("/dead-letters/replay", "/feeds/resume", "/payments/authorize", "/payments/webhook")
    takes = (method == "post" and not repeatable) or operation["operationId"] == "correctStock"
    assert ("Idempotency-Key" in names) == takes


@pytest.mark.parametrize("service", contract.SERVICES)
def test_the_part_of_one_service_stands_alone(service):
    document = contract.openapi_for(service)
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert len(document["servers"]) == 1
    assert not any("externalValue" in node for _, node in contract.walk(document) if isinstance(node, dict))
    owners = {item["x-service"] for item in document["paths"].values() if item.get("x-stand-in") != service}
    assert owners == {service, "every"}


@pytest.mark.parametrize("body", [
    {"productName": "Americano", "qty": 1},
    {"productName": "Ame", "qty": "1"},
    {"item": "아메리카노", "qty": 1000},
    {"productName": "Latte", "qty": 2, "unknown": {"is": "ignored"}},
])
def test_an_order_as_customers_send_it_is_taken(body):
    assert contract.openapi_schema("OrderPlacement").is_valid(body)


@pytest.mark.parametrize("body", [
    {}, [], "Americano", None, {"qty": 1}, {"productName": "Americano"}, {"productName": "", "qty": 1}, {"productName": 7, "qty": 1},
    {"productName": "Americano", "qty": 0}, {"productName": "Americano", "qty": 1001}, {"productName": "Americano", "qty": 1.7},
    {"productName": "Americano", "qty": "0"}, {"productName": "Americano", "qty": "1001"}, {"productName": "Americano", "qty": "-1"},
    {"productName": "Americano", "qty": ""}, {"productName": "Americano", "qty": True}, {"productName": "Americano", "qty": None},
    {"productName": "x" * 65, "qty": 1}, {"item": "  ", "qty": 1},
])
def test_an_order_that_makes_no_sense_is_refused(body):
    assert not contract.openapi_schema("OrderPlacement").is_valid(body)


def test_a_new_order_is_requested_and_has_no_ticket_yet():
    placed = contract.openapi_schema("OrderPlaced")
    order = contract.example("examples/order_requested.json")
    assert placed.is_valid(order)
    assert not placed.is_valid({**order, "status": "Completed"})
    assert not placed.is_valid({**order, "productId": 7})


@pytest.mark.parametrize("member", ["id", "productId", "productName", "qty", "status", "amount", "currency", "createdAt", "updatedAt", "_links"])
def test_an_order_shown_has_all_its_members_and_no_other(member):
    order = contract.example("examples/order_completed.json")
    shown = contract.openapi_schema("Order")
    assert shown.is_valid(order)
    assert not shown.is_valid({k: v for k, v in order.items() if k != member})
    assert not shown.is_valid({**order, "profile": "x"})


def test_times_are_utc_with_milliseconds():
    time = contract.openapi_schema("Time")
    assert time.is_valid("2026-03-02T08:30:15.120Z")
    for wrong in ("2026-03-02T08:30:15Z", "2026-03-02T08:30:15.120+09:00", "2026-13-02T08:30:15.120Z", 1772440215):
        assert not time.is_valid(wrong), wrong


def test_at_most_a_thousand_reductions_make_a_batch():
    batch = contract.openapi_schema("ReductionOrBatch")
    one = contract.example("examples/stock_reduce_request.json")
    assert batch.is_valid([one] * 1000)
    assert not batch.is_valid([one] * 1001)
    assert not batch.is_valid([{**one, "reservationId": "x" * 65}])
    assert not batch.is_valid([{**one, "reservationId": "with blank"}])


def test_what_is_answered_for_a_ticket_cancelled_by_its_order_is_a_ticket_that_may_not_know_what_was_ordered():
    answer = contract.openapi_schema("TicketCanceled")
    tombstone = contract.example("examples/ticket_tombstone.json")
    assert answer.is_valid(tombstone)
    assert answer.is_valid(contract.example("examples/ticket_canceled.json"))
    assert not answer.is_valid({**tombstone, "id": None})
    assert not answer.is_valid(contract.example("examples/ticket_completed.json"))
