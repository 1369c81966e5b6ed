"""Every example is true to its schema, and none lies about unused: they are the fixtures of producers and consumers."""

import contract
import pytest

PROBLEM = "application/problem+json"


def openapi_examples():
    """(file, schema, status or None for a request) for each example of openapi.yaml."""
    document = contract.load("openapi.yaml")
    for path, item in document["paths"].items():
        for method in contract.METHODS:
            operation = item.get(method, {})
            places = [(None, operation.get("requestBody", {}))]
            places += [(status, contract.resolve(document, answer)) for status, answer in operation.get("responses", {}).items()]
            for status, place in places:
                for media in place.get("content", {}).values():
                    for shown in media.get("examples", {}).values():
                        yield shown["externalValue"], media["schema"], status


def asyncapi_examples():
    """(file, message's payload schema, message's name) for each example of asyncapi.yaml."""
    for message in contract.load("asyncapi.yaml")["components"]["messages"].values():
        for shown in message["examples"]:
            yield shown["payload"]["$ref"], message["payload"], message["name"]


OPENAPI = list(openapi_examples())
ASYNCAPI = list(asyncapi_examples())


@pytest.mark.parametrize("file, schema, status", OPENAPI, ids=[f"{f.split('/')[1]}-{s or 'request'}-{i}" for i, (f, _, s) in enumerate(OPENAPI)])
def test_an_http_example_is_true_to_its_schema(openapi, file, schema, status):
    found = contract.openapi_validator(openapi, schema).iter_errors(contract.example(file))
    assert [error.message for error in found] == []


@pytest.mark.parametrize("file, schema, name", ASYNCAPI, ids=[f.split("/")[1] for f, _, _ in ASYNCAPI])
def test_an_event_example_is_true_to_its_schema(asyncapi, file, schema, name):
    found = contract.asyncapi_validator(asyncapi, schema).iter_errors(contract.example(file))
    assert [error.message for error in found] == []


def test_every_example_file_is_used_and_every_example_used_is_there():
    used = {file for file, _, _ in OPENAPI} | {file for file, _, _ in ASYNCAPI}
    there = {f"examples/{path.name}" for path in (contract.API / "examples").iterdir()}
    assert used == there


@pytest.mark.parametrize("name", ["openapi.yaml", "asyncapi.yaml"])
def test_no_example_hides_where_these_tests_do_not_look(name):
    """The two collectors above must see every file that a document names, wherever it does."""
    named = {node for _, node in contract.walk(contract.load(name)) if isinstance(node, str) and node.startswith("examples/")}
    assert named == {file for file, _, _ in (OPENAPI if name == "openapi.yaml" else ASYNCAPI)}


@pytest.mark.parametrize("file, status", sorted({(f, s) for f, _, s in OPENAPI if f.startswith("examples/problem_")}))
def test_a_problem_has_the_status_it_is_answered_with(file, status):
    assert contract.example(file)["status"] == int(status)


def test_an_order_costs_its_price_times_its_quantity():
    prices = {item["name"]: item["price"] for item in contract.example("examples/menu.json")["_embedded"]["menu"]}
    orders = sorted((contract.API / "examples").glob("order_[rpco]*.json"))
    shown = [contract.example(f"examples/{path.name}") for path in orders if not path.stem.endswith("_request")]
    assert len(shown) == 8
    for order in shown:
        assert order["amount"] == prices[order["productName"]] * order["qty"]


def test_one_story_is_told_by_all_services():
    """Order 42 has the same coffee, quantity and ticket wherever an example shows it."""
    order, ticket, row = (contract.example(f"examples/{name}.json") for name in ("order_completed", "ticket_completed", "mypage_completed"))
    assert (order["id"], order["productId"]) == (ticket["orderId"], ticket["id"]) == (row["orderId"], row["productId"])
    told = [contract.example(f"examples/event_{name}.json") for name in ("ordered", "production_started", "produced")]
    assert [(event["time"], event["type"], event["data"]["status"]) for event in told] == [
        (line["at"], line["type"], line["status"]) for line in row["timeline"]
    ]
    assert {(event["data"]["productName"], event["data"]["qty"]) for event in told} == {(order["productName"], order["qty"])}


def test_pages_count_what_they_hold():
    for name in ("orders_page", "orders_empty", "tickets_page", "stocks_page", "mypages_page"):
        page = contract.example(f"examples/{name}.json")
        (items,) = page["_embedded"].values()
        assert page["page"]["totalElements"] == len(items), name
        assert page["page"]["totalPages"] == -(-len(items) // page["page"]["size"]), name
